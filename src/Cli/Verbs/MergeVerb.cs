using System.CommandLine;
using EoOnnx.Onnx;
using EoOnnx.Training.Merging;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx merge MODEL --adapter A --out FILE</c>: one plain model file.</summary>
internal static class MergeVerb
{
    public static Command Create(Terminal terminal)
    {
        var model = SharedOptions.ExistingFile("model", "The model.onnx that train-adapter wrote.");
        var adapter = SharedOptions.Required<string>("--adapter", "Its adapter: .safetensors, .onnx_adapter or a PEFT folder.", "path");
        var encoder = SharedOptions.OptionalFile("--encoder-of", "Save the tuned encoder alone, with the outputs of this file: the encoder that was trained.");
        var output = SharedOptions.Required<string>("--out", "The new .onnx file.", "file");
        var name = SharedOptions.Optional<string>("--name", "What the new file's manifest calls the model. Default: as before.", "name");
        var deepness = new Option<bool>("--deepness") { Description = "Write the form that the QGIS plugin Deepness opens." };
        var verb = new Verb("merge", "Fold an adapter into its model: one plain .onnx file without adapter slots.")
        {
            Example = "eoonnx demo --out demo\neoonnx merge demo/run/model.onnx --adapter demo/run/adapter.safetensors --out merged.onnx",
        };
        verb.Add(model);
        verb.Add(adapter);
        verb.Add(encoder);
        verb.Add(output);
        verb.Add(name);
        verb.Add(deepness);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) => Task.FromResult(AdapterMerge.Merge(
                parsed.GetRequiredValue(model).ToString(), parsed.GetRequiredValue(adapter), parsed.GetValue(encoder)?.ToString(), parsed.GetRequiredValue(output), parsed.GetValue(name), parsed.GetValue(deepness) ? new DeepnessOptions() : null)),
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, MergeReport report)
    {
        console.WriteLine($"{report.Folded.Count} weights took up the adapter; {report.Baked.Count} tensors of decoder and head became constants.");
        console.WriteLine($"merged model: {report.Output}");
    }
}
