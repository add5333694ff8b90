using System.CommandLine;
using System.Globalization;
using EoOnnx.Export.Models;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx models</c>: the official models, what is known about them, and their weights.</summary>
internal static class ModelsVerb
{
    public static Command Create(Terminal terminal) => new("models", "List official foundation models, show what is known about one, and fetch its weights.")
    {
        List(terminal),
        Show(terminal),
        Pull(terminal),
    };

    private static Verb List(Terminal terminal)
    {
        var family = SharedOptions.Optional<string>("--family", "Only this family, for example dofa or prithvi.", "name");
        var verb = new Verb("list", "List the models that have a card: name, parameters, bands, resolution and licence.") { Example = "eoonnx models list --family prithvi" };
        verb.Add(family);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed, (_, _) => Task.FromResult(ModelCards.OfFamily(parsed.GetValue(family))), Draw, cancellation));
        return verb;
    }

    private static Verb Show(Terminal terminal)
    {
        var name = new Argument<string>("name") { Description = "Name of the model, as 'eoonnx models list' shows it." };
        var verb = new Verb("show", "Show everything that the card of a model says.") { Example = "eoonnx models show prithvi_eo_v2_300" };
        verb.Add(name);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed, (_, _) => Task.FromResult(ModelCards.Find(parsed.GetRequiredValue(name))), Draw, cancellation));
        return verb;
    }

    private static Verb Pull(Terminal terminal)
    {
        var name = new Argument<string>("name") { Description = "Name of the model, as 'eoonnx models list' shows it." };
        var folder = SharedOptions.Optional<string>("--to", "Folder of the file. Default: eoonnx/models in the cache folder.", "folder");
        var mirror = SharedOptions.Optional<string>("--mirror", "A server that holds the same files under the same paths; the file still is checked by its SHA-256.", "url");
        var proxy = SharedOptions.Optional<string>("--proxy", "Proxy to go through: http://HOST:PORT, or socks5. Default: that of HTTPS_PROXY, HTTP_PROXY or ALL_PROXY, exceptions in NO_PROXY.", "url");
        var verb = new Verb("pull", "Fetch the weights of a model: goes on where it was interrupted, checks the SHA-256.") { Example = "eoonnx models pull presto --to weights" };
        verb.Add(name);
        verb.Add(folder);
        verb.Add(mirror);
        verb.Add(proxy);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) => ModelDownload.PullAsync(
                ModelCards.Find(parsed.GetRequiredValue(name)), PullOptions.Create(parsed.GetValue(folder), parsed.GetValue(mirror), parsed.GetValue(proxy)), progress.For<PullProgress>(Describe), token),
            Draw,
            cancellation));
        return verb;
    }

    private static Step Describe(PullProgress progress)
    {
        var size = progress.Total is { } total ? $"{Megabytes(progress.Received)} of {Megabytes(total)} MB" : $"{Megabytes(progress.Received)} MB";
        return progress.Remark is { } remark ? new Step("waiting", null, remark)
            : new Step("fetching", progress.Total is > 0 ? (double)progress.Received / progress.Total : null, size);
    }

    private static void Draw(IAnsiConsole console, IReadOnlyList<ModelCard> cards)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("name", "family", "parameters", "bands", "resolution", "licence", "export");
        foreach (var card in cards)
        {
            table.AddRow(new Text(card.Name), new Text(card.Family), new Text(card.Parameters is { } count ? string.Create(CultureInfo.InvariantCulture, $"{count / 1e6:F1} M") : "-"),
                new Text(card.AnyBands ? "any" : string.Join(", ", card.Inputs.Select(input => input.Bands.Count))),
                new Text(card.Inputs[0].GroundResolutionMetres is { } metres ? string.Create(CultureInfo.InvariantCulture, $"{metres} m") : "varies"), new Text(card.Licence), new Text(card.HasExporter ? card.Family : "not yet"));
        }

        console.Write(table);
        console.WriteLine($"{cards.Count} models. More about one: eoonnx models show NAME");
    }

    private static void Draw(IAnsiConsole console, ModelCard card)
    {
        var facts = new Grid().AddColumns(2);
        Fact("name", card.Name);
        Fact("title", card.Title);
        Fact("family", card.Family);
        Fact("parameters", card.Parameters?.ToString("N0", CultureInfo.InvariantCulture) ?? "not known");
        Fact("image", card.Tile is { } tile ? string.Create(CultureInfo.InvariantCulture, $"{tile} px, patch {card.Patch?.ToString(CultureInfo.InvariantCulture) ?? "-"}, {card.Frames} {(card.Frames == 1 ? "time step" : "time steps")}") : $"single pixels, up to {card.Frames} time steps");
        foreach (var input in card.Inputs)
        {
            Fact(input.Name, string.Create(CultureInfo.InvariantCulture, $"{(input.GroundResolutionMetres is { } metres ? $"{metres} m, " : "")}{input.Unit}"));
            foreach (var (position, band) in input.Bands.Index())
            {
                Fact("", string.Create(CultureInfo.InvariantCulture,
                    $"{position + 1}. {band.Id}{(band.WavelengthMicrometres is { } wavelength ? $", {wavelength} µm" : "")}{(band.Mean is { } mean ? $", mean {mean}, deviation {band.StandardDeviation}" : "")}"));
            }
        }

        Fact("export", card.HasExporter ? $"eoonnx export {card.Family}" : "this family cannot be exported yet");
        Fact("licence", card.Licence);
        Fact("paper", card.Paper);
        Fact("source", card.Source);
        Fact("weights", card.Url?.ToString() ?? "none that a program can fetch");
        Fact("sha256", card.Sha256 ?? (card.Sha256Prefix is { } digits ? $"begins with {digits}; the rest is pinned by the first download" : card.Url is null ? "not known" : "not known: pinned by the first download"));
        foreach (var note in card.Notes)
        {
            Fact("note", note);
        }

        console.Write(facts);

        void Fact(string name, string value) => facts.AddRow(new Text(name, new Style(decoration: Decoration.Bold)), new Text(value));
    }

    private static void Draw(IAnsiConsole console, PulledModel model)
    {
        console.WriteLine($"{model.Path}{(model.WasThere ? " was there" : "")}: {model.Bytes.ToString("N0", CultureInfo.InvariantCulture)} bytes");
        console.WriteLine($"sha256 {model.Sha256} ({model.Check switch { "card" => "as the card states", "pin" => "as an earlier download pinned", "prefix" => "begins as the card states; pinned now", _ => "pinned now: the card states none" }})");
        console.WriteLine($"licence of the weights: {model.Licence}");
    }

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("F1", CultureInfo.InvariantCulture);
}
