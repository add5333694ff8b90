using System.CommandLine;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Export.TerraTorch;
using EoOnnx.Onnx;
using EoOnnx.Training.Adapters;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx export terratorch TASK.ckpt --out FILE</c>: a whole task, from backbone to softmax.</summary>
internal static class ExportTerraTorchVerb
{
    public static Verb Create(Terminal terminal)
    {
        var task = SharedOptions.ExistingFile("task", "The Lightning checkpoint (.ckpt) of a TerraTorch task.");
        var output = SharedOptions.Required<FileInfo>("--out", "The model file to write; the files of an adapter lie beside it.", "file.onnx");
        var raw = new Option<bool>("--raw") { Description = "End in the head's scores, without softmax or sigmoid." };
        var merge = new Option<bool>("--merge") { Description = "Fold the encoder's adapter, if it has one, into the weights instead of writing base and adapter." };
        var tile = SharedOptions.Optional<int?>("--tile", "Edge of the input. Default: that of the task. A tile that does not fit the patches is padded inside the model.", "pixels");
        var tileWidth = SharedOptions.Optional<int?>("--tile-width", "Width of the input where it is not square; --tile then is its height.", "pixels");
        var heads = SharedOptions.Optional<int?>("--heads", "Attention heads, for a backbone of an unusual size.", "number");
        var target = SharedOptions.Choice("--for", ExecutionTarget.Any, "Where the model will run: for cuda attention is fused, everywhere else it is written in standard operators.");
        var means = new Option<double[]?>("--means") { Description = "Means of the bands in the unit of the stored values, for the manifest.", HelpName = "1087,1342", CustomParser = Lists.Numbers };
        var deviations = new Option<double[]?>("--deviations") { Description = "Standard deviations of the bands, likewise.", HelpName = "2248,2179", CustomParser = Lists.Numbers };
        var classes = SharedOptions.Classes("Names of the classes in the order of the channels, for the manifest. Default: those of the task, where it has any.", required: false);
        var deepness = new Option<bool>("--deepness") { Description = "Write the form that the QGIS plugin Deepness opens; an adapter is folded in." };
        var resolution = SharedOptions.Optional<double?>("--resolution", "With --deepness: ground resolution of the images. Default: the backbone's, where it is known.", "metres");
        var scaling = SharedOptions.WithDefault("--output-scaling", 1.0, "With --deepness: factor from a regression's values to those of the map.", "factor");
        var licence = SharedOptions.Optional<string>("--licence", "Licence of the weights, an SPDX identifier.", "licence");
        var verb = new Verb("terratorch", "A whole TerraTorch task: backbone, necks, decoder, head and softmax in one file.")
        {
            Example = "eoonnx export terratorch task.ckpt --out model.onnx",
        };
        verb.Add(task);
        foreach (var option in new Option[] { output, raw, merge, deepness, resolution, scaling, tile, tileWidth, heads, target, classes, means, deviations, licence })
        {
            verb.Add(option);
        }

        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) =>
            {
                progress.Report(new Step("reading"));
                var exported = TerraTorchExport.FromCheckpoint(parsed.GetRequiredValue(task).ToString(), new TerraTorchOptions
                {
                    Raw = parsed.GetValue(raw),
                    Tile = parsed.GetValue(tile),
                    TileWidth = parsed.GetValue(tileWidth),
                    Heads = parsed.GetValue(heads),
                    Attention = AttentionChoice.For(parsed.GetValue(target)),
                    Means = Given(parsed.GetValue(means)),
                    Deviations = Given(parsed.GetValue(deviations)),
                    ClassNames = parsed.GetValue(classes) is { Length: > 0 } names ? names : null,
                    Licence = parsed.GetValue(licence),
                });
                token.ThrowIfCancellationRequested();
                progress.Report(new Step("writing"));
                return Task.FromResult(Write(exported, parsed.GetRequiredValue(output).ToString(), parsed.GetValue(merge), !parsed.GetValue(deepness) ? null
                    : new DeepnessOptions { GroundResolutionMetres = parsed.GetValue(resolution), OutputScaling = parsed.GetValue(scaling) }));
            },
            ExportVerb.Draw,
            cancellation));
        return verb;
    }

    // Only here meet the room that reads checkpoints and the room that knows adapters.
    private static ExportReport Write(ExportedTask task, string path, bool merge, DeepnessOptions? deepness)
    {
        if (task.Adapter is not { } adapter)
        {
            return deepness is null ? task.Exported.Save(path) : task.Exported.SaveForDeepness(path, deepness);
        }

        var manifest = task.Exported.Manifest;
        var files = AdaptedModelFiles.Write(
            task.Exported.Model,
            new AdapterFile
            {
                Tensors = adapter.Tensors,
                LoraAlpha = adapter.LoraAlpha,
                UseRslora = adapter.UseRslora,
                BaseSha256 = manifest.WeightsSha256,
                BaseName = manifest.Variant,
                Manifest = manifest,
            },
            path,
            merge,
            deepness);
        return task.Exported.Report(path) with { Adapter = files.Adapter, OnnxAdapter = files.OnnxAdapter };
    }

    private static double[]? Given(double[]? values) => values is { Length: > 0 } ? values : null;
}
