using System.CommandLine;
using System.Globalization;
using System.Text.Json.Nodes;
using EoOnnx.Cli.Inspection;
using EoOnnx.Formats;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx inspect FILE</c>: what a model, weight or adapter file holds.</summary>
internal static class InspectVerb
{
    private const int MostTensors = 40;

    public static Command Create(Terminal terminal)
    {
        var file = new Argument<FileSystemInfo>("file") { Description = "A model, checkpoint or adapter: .onnx, .pth, .pt, .ckpt, .bin, .safetensors, .onnx_adapter, told by its content; or a PEFT folder." }.AcceptExistingOnly();
        var all = new Option<bool>("--all") { Description = $"List every tensor; without it, {MostTensors}." };
        var verb = new Verb("inspect", "Show what a model, checkpoint or adapter is: family and variant, inputs, outputs, bands, parameters, what is missing. Nothing in it is run.")
        {
            Example = "eoonnx export dofa --random --size tiny --seed 1 --out dofa-tiny.onnx\neoonnx inspect dofa-tiny.onnx",
        };
        verb.Add(file);
        verb.Add(all);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) => Task.FromResult(FileInspection.Read(parsed.GetRequiredValue(file).ToString())),
            (console, inspection) => Draw(console, inspection, parsed.GetValue(all) ? int.MaxValue : MostTensors),
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, FileInspection file, int most)
    {
        var facts = new Grid().AddColumns(2);
        Fact("file", file.Path);
        Fact("kind", file.Kind);
        Fact("size", string.Create(CultureInfo.InvariantCulture, $"{file.Bytes:N0} bytes"));
        Fact("sha256", file.Sha256);
        Fact("parameters", string.Create(CultureInfo.InvariantCulture, $"{file.Parameters:N0}"));
        if (file.Opsets is not null)
        {
            Fact("opsets", string.Join(", ", file.Opsets.Select(opset => $"{(opset.Key.Length == 0 ? "onnx" : opset.Key)} {opset.Value}")));
        }

        if (file.Operators is not null)
        {
            Fact("operators", string.Join(", ", file.Operators.Select(count => $"{count.Operator} {count.Count}")));
        }

        foreach (var (key, value) in file.Metadata ?? [])
        {
            Fact(key, value is JsonValue text ? text.ToString() : value?.ToJsonString(JsonOutput.Line) ?? "");
        }

        if (file.Manifest is { } manifest)
        {
            Describe(manifest, Fact);
        }

        if (file.Checkpoint is { } checkpoint)
        {
            Describe(checkpoint, Fact);
        }

        foreach (var (position, sentence) in (file.Missing ?? []).Index())
        {
            Fact(position == 0 ? "missing" : "", sentence);
        }

        foreach (var (position, step) in file.Next.Index())
        {
            Fact(position == 0 ? "next" : "", step);
        }

        console.Write(facts);
        List(console, "inputs", file.Inputs, most);
        List(console, "optional inputs", file.OptionalInputs, most);
        List(console, "outputs", file.Outputs, most);
        List(console, "adapter slots", file.AdapterSlots, most);
        List(console, "tensors", file.Tensors, most);

        void Fact(string name, string value) => facts.AddRow(new Text(name, new Style(decoration: Decoration.Bold)), new Text(value));
    }

    private static void Describe(ModelManifest manifest, Action<string, string> fact)
    {
        fact("name", manifest.Name);
        fact("family", manifest.Variant is null ? manifest.Family : $"{manifest.Family} ({manifest.Variant})");
        fact("task", manifest.Activation == "none" ? $"{manifest.Task}" : $"{manifest.Task}, the output is {manifest.Activation}");
        foreach (var (position, part) in manifest.Parts.Index())
        {
            fact(position == 0 ? "made of" : "", part);
        }

        foreach (var (position, band) in manifest.Bands.Index())
        {
            fact(position == 0 ? "bands" : "", string.Create(CultureInfo.InvariantCulture,
                $"{position + 1}. {band.Id}{(band.WavelengthMicrometres is { } wavelength ? $", {wavelength} µm" : "")}, mean {band.Mean:G6}, deviation {band.StandardDeviation:G6}"));
        }

        if (manifest.Bands.Count > 0)
        {
            fact("", string.Create(CultureInfo.InvariantCulture, $"the program makes (value{(manifest.ValueScale == 1 ? "" : $" · {manifest.ValueScale}")}{(manifest.ValueOffset == 0 ? "" : $" + {manifest.ValueOffset}")} − mean) / deviation of them; missing pixels become {manifest.Fill ?? 0}"));
        }

        foreach (var (position, modality) in manifest.Modalities.Index())
        {
            fact(position == 0 ? "modalities" : "", $"{modality.Name}: {(modality.Input is null ? "missing, a learnt token stands in" : $"{modality.Kind}, {(modality.Kind == "image" ? string.Join(", ", modality.Bands.Select(band => band.Id)) : $"ids below {modality.Vocabulary}")}")}");
        }

        foreach (var (position, item) in manifest.Classes.Index())
        {
            fact(position == 0 ? "classes" : "", $"{item.Id}. {item.Name}{(item.Color is null ? "" : $", {item.Color}")}");
        }

        foreach (var head in manifest.Heads)
        {
            fact("map", $"{head.Output}{(head.Classes.Count == 0 ? "" : $": {string.Join(", ", head.Classes.Select(item => $"{item.Id}. {item.Name}"))}")}");
        }

        foreach (var (position, feature) in manifest.Features.Index())
        {
            fact(position == 0 ? "features" : "", $"{feature.Output}: {feature.Kind} of {feature.Channels} channels{(feature.Kind == "vector" ? "" : $", {feature.GridHeight} x {feature.GridWidth}")}{(feature.PrefixTokens > 0 ? $", {feature.PrefixTokens} {(feature.PrefixTokens == 1 ? "token" : "tokens")} in front" : "")}");
        }

        foreach (var input in manifest.OptionalInputs)
        {
            fact(input.Name, input.Description);
        }

        Stated("frames", manifest.Frames > 1 ? manifest.Frames : null);
        Stated("resolution", manifest.GroundResolutionMetres, " m");
        Stated("threshold", manifest.Threshold);
        Stated("median", manifest.Median, " px");
        Stated("temperature", manifest.Temperature);
        Stated("no label", manifest.NoDataLabel);
        Stated("unit", manifest.Unit);
        Stated("padding", manifest.Padding is { } padding ? $"{padding.Mode}, to a multiple of {padding.Multiple} px" : null);
        fact("tile", $"{(manifest.TileSize is { } size ? $"{size.Width} x {size.Height}" : manifest.Tile?.ToString(CultureInfo.InvariantCulture) ?? "any")} px, patch {manifest.Patch?.ToString(CultureInfo.InvariantCulture) ?? "-"}, overlap {manifest.Overlap?.ToString(CultureInfo.InvariantCulture) ?? "default"}");
        fact("licence", manifest.Licence ?? "not stated");
        fact("source", manifest.Source ?? "not stated");
        Stated("", manifest.SourceSha256, " (SHA-256 of that file)");
        Stated("weights", manifest.WeightsSha256, " (what an adapter is checked against)");
        foreach (var (position, remark) in manifest.Remarks.Index())
        {
            fact(position == 0 ? "remarks" : "", remark);
        }

        void Stated(string name, IConvertible? value, string unit = "")
        {
            if (value is not null)
            {
                fact(name, value.ToString(CultureInfo.InvariantCulture) + unit);
            }
        }
    }

    private static void Describe(CheckpointInspection checkpoint, Action<string, string> fact)
    {
        fact("types", string.Join(", ", checkpoint.Types.Select(type => $"{type.Key} {type.Value}")));
        Optional("Lightning", checkpoint.LightningVersion);
        if (checkpoint.Task is { } task)
        {
            Optional("task", task.Task);
            Optional("factory", task.Factory);
            Optional("backbone", task.Backbone);
            Optional("bands", string.Join(", ", task.Bands));
            Optional("necks", string.Join(", ", task.Necks));
            Optional("decoder", task.Decoder);
            Optional("classes", task.ClassNames.Count > 0 ? string.Join(", ", task.ClassNames) : task.Classes?.ToString(CultureInfo.InvariantCulture));
            Optional("adapter", task.AdapterMethod);
            Optional("loss", task.Loss);
        }

        if (checkpoint.Model is { } model)
        {
            var family = model.Version is > 1 and var version ? string.Create(CultureInfo.InvariantCulture, $"{model.Family} v{version}") : model.Family;
            fact("looks like", model.Variant is null ? family : $"{family}: {(model.IsOfficialSize ? "" : "closest is ")}{model.Variant}");
            Optional("prefix", model.Prefix);
            Optional("sizes", string.Join(", ", new[]
            {
                Size("depth", model.Depth), Size("width", model.Width), Size("patch", model.Patch), Size("channels", model.Channels), Size("positions", model.Positions),
                Size("heads", model.Heads), Size("head classes", model.HeadClasses), Size("adapter rank", model.AdapterRank),
            }.Where(size => size is not null)));
            Optional("coordinates", string.Join(", ", model.Coordinates ?? []));
            Optional("modalities", string.Join(", ", model.Modalities ?? []));
        }

        if (checkpoint.Published is { } card)
        {
            fact("published", $"{card.Title} ({card.Name}){(checkpoint.IsPublishedFile switch { true => ", byte for byte", false => ", but not that very file", _ => "" })}; licence {card.Licence}; more: eoonnx models show {card.Name}");
            foreach (var input in card.Inputs)
            {
                fact("", string.Create(CultureInfo.InvariantCulture, $"{input.Name}: {string.Join(", ", input.Bands.Select(band => band.Mean is null ? band.Id : $"{band.Id} {band.Mean:G6} ± {band.StandardDeviation:G6}"))}"));
            }
        }

        Optional("contents", string.Join(", ", checkpoint.Contents));

        void Optional(string name, string? value)
        {
            if (!string.IsNullOrEmpty(value))
            {
                fact(name, value);
            }
        }

        static string? Size(string name, int? value) => value is null ? null : string.Create(CultureInfo.InvariantCulture, $"{name} {value}");
    }

    private static void List(IAnsiConsole console, string title, IReadOnlyList<TensorSummary>? tensors, int most)
    {
        if (tensors is null)
        {
            return;
        }

        console.WriteLine();
        console.WriteLine($"{title} ({tensors.Count})");
        var grid = new Grid().AddColumns(3);
        foreach (var tensor in tensors.Take(most))
        {
            grid.AddRow(new Text($"  {tensor.Name}"), new Text($"{tensor.Type}"), new Text(tensor.Shape));
        }

        console.Write(grid);
        if (tensors.Count > most)
        {
            console.WriteLine($"  … and {tensors.Count - most} more: see them with --all.");
        }
    }
}
