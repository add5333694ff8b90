using System.CommandLine;
using System.Globalization;
using EoOnnx.Training.Adapters;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx adapter diff|compress|convert</c>: what can be done with an adapter without its model.</summary>
internal static class AdapterVerb
{
    private const string Demo = "eoonnx demo --out demo\n";
    private const string Diff = "eoonnx adapter diff demo/run/adapter.safetensors demo/head-only/adapter.safetensors";
    private const string Compress = "eoonnx adapter compress demo/run/adapter.safetensors --energy 0.99 --out small.safetensors";
    private const string Convert = "eoonnx adapter convert demo/run/adapter.safetensors --out demo-adapter.onnx_adapter";

    public static Command Create(Terminal terminal)
    {
        var verb = new Verb("adapter", "Compare, compress and convert adapters.") { Example = $"{Demo}{Diff}\n{Compress}\n{Convert}" };
        verb.Add(DiffVerb(terminal));
        verb.Add(CompressVerb(terminal));
        verb.Add(ConvertVerb(terminal));
        return verb;
    }

    private static Verb DiffVerb(Terminal terminal)
    {
        var (first, second) = (Source("first"), Source("second"));
        var verb = new Verb("diff", "Tensors, updates and settings in which two adapters differ.") { Example = Demo + Diff };
        verb.Add(first);
        verb.Add(second);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) => Task.FromResult(AdapterComparison.Of(AdapterFile.Open(parsed.GetRequiredValue(first)), AdapterFile.Open(parsed.GetRequiredValue(second)))),
            Draw,
            cancellation));
        return verb;
    }

    private static Verb CompressVerb(Terminal terminal)
    {
        var source = Source("adapter");
        var rank = SharedOptions.Optional<int?>("--rank", "Largest rank that is left.", "r");
        var energy = SharedOptions.Optional<double?>("--energy", "Share of the squared singular values that each layer keeps.", "share");
        var output = Target();
        var verb = new Verb("compress", "Reduce the ranks of a LoRA adapter, with the error of each layer.") { Example = Demo + Compress };
        verb.Add(source);
        verb.Add(rank);
        verb.Add(energy);
        verb.Add(output);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) =>
            {
                var (adapter, layers) = AdapterCompression.Compress(AdapterFile.Open(parsed.GetRequiredValue(source)), new CompressionOptions { Rank = parsed.GetValue(rank), Energy = parsed.GetValue(energy) });
                adapter.Save(parsed.GetRequiredValue(output));
                return Task.FromResult(new Compressed(parsed.GetRequiredValue(output), layers));
            },
            Draw,
            cancellation));
        return verb;
    }

    private static Verb ConvertVerb(Terminal terminal)
    {
        var source = Source("adapter");
        var output = Target();
        var verb = new Verb("convert", "Write an adapter in another form; the name of the target says which.") { Example = Demo + Convert };
        verb.Add(source);
        verb.Add(output);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) =>
            {
                var adapter = AdapterFile.Open(parsed.GetRequiredValue(source));
                adapter.Save(parsed.GetRequiredValue(output));
                return Task.FromResult(new Converted(parsed.GetRequiredValue(output), adapter.Tensors.Count));
            },
            (console, files) => console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{files.Tensors} tensors: {files.Output}")),
            cancellation));
        return verb;
    }

    private static Argument<string> Source(string name) => new(name) { Description = "An adapter: .safetensors, .onnx_adapter or a PEFT folder." };

    private static Option<string> Target() => SharedOptions.Required<string>("--out", "The adapter to write: a .safetensors file, an .onnx_adapter file, or a folder for PEFT.", "path");

    private static void Draw(IAnsiConsole console, AdapterComparison comparison)
    {
        if (comparison.SameBase is { } same)
        {
            console.WriteLine(same ? "both were trained on one base" : "they were trained on different bases");
        }

        foreach (var (title, rows) in new[] { ("update", comparison.Updates), ("tensor", comparison.Tensors) })
        {
            if (rows.Count == 0)
            {
                continue;
            }

            var table = new Table().Border(TableBorder.Simple).AddColumns(title, "norm of first", "norm of second", "distance", "cosine");
            foreach (var row in rows)
            {
                table.AddRow(new Text(row.Name), Number(row.First), Number(row.Second), Number(row.Distance), Number(row.Cosine));
            }

            console.Write(table);
        }

        foreach (var setting in comparison.Recipe)
        {
            console.WriteLine($"{setting.Setting}: {setting.First ?? "not set"} and {setting.Second ?? "not set"}");
        }
    }

    private static void Draw(IAnsiConsole console, Compressed result)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("layer", "rank", "now", "error");
        foreach (var layer in result.Layers)
        {
            table.AddRow(new Text(layer.Layer), new Text(layer.From.ToString(CultureInfo.InvariantCulture)), new Text(layer.To.ToString(CultureInfo.InvariantCulture)), Number(layer.Error));
        }

        console.Write(table);
        console.WriteLine($"adapter: {result.Output}");
    }

    private static Text Number(double? value) => value is { } number ? MetricsTable.Number(number) : new Text("-");

    private sealed record Compressed(string Output, IReadOnlyList<CompressedLayer> Layers);

    private sealed record Converted(string Output, int Tensors);
}
