using System.CommandLine;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx deepness</c>: a model in the form that the QGIS plugin Deepness opens.</summary>
internal static class DeepnessVerb
{
    public static Command Create(Terminal terminal)
    {
        var file = SharedOptions.ExistingFile("file", "A task model with a manifest, adapters merged.");
        var output = SharedOptions.Required<string>("--out", "The file to write.", "file");
        var tile = SharedOptions.Optional<int?>("--tile", "Tile edge, for a model that takes any size. Default: the manifest's.", "pixels");
        var resolution = SharedOptions.Optional<double?>("--resolution", "Ground resolution in metres. Default: the manifest's.", "metres");
        var scaling = SharedOptions.WithDefault("--output-scaling", 1.0, "Factor from a regression's values to whole numbers from 0 to 255, which is what Deepness stores.", "factor");
        var verb = new Verb("deepness", "Write a model so that the QGIS plugin Deepness opens it: opset 17, one image as input, probabilities, its metadata keys.")
        {
            Example = "eoonnx demo --out demo\neoonnx merge demo/run/model.onnx --adapter demo/run/adapter.safetensors --out merged.onnx\n" +
                "eoonnx deepness merged.onnx --out for-qgis.onnx",
        };
        verb.Add(file);
        verb.Add(output);
        verb.Add(tile);
        verb.Add(resolution);
        verb.Add(scaling);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) => Task.FromResult(DeepnessFile.Write(
                parsed.GetRequiredValue(file).ToString(), parsed.GetRequiredValue(output),
                new DeepnessOptions { Tile = parsed.GetValue(tile), GroundResolutionMetres = parsed.GetValue(resolution), OutputScaling = parsed.GetValue(scaling) })),
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, DeepnessFile written)
    {
        console.WriteLine($"{written.Path}: opset {written.Opset}, {written.Input} to {written.Output}");
        foreach (var (key, value) in written.Keys)
        {
            console.WriteLine($"  {key} = {value}");
        }

        foreach (var remark in written.Remarks)
        {
            console.WriteLine($"note: {remark}");
        }
    }
}
