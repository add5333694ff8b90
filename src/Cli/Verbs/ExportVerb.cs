using System.CommandLine;
using System.Globalization;
using EoOnnx.Export;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx export FAMILY</c>: from a checkpoint, or from random weights, to an ONNX file. One verb a family.</summary>
internal static class ExportVerb
{
    public static Command Create(Terminal terminal)
    {
        var verb = new Verb("export", "Turn the weights of a foundation model into one .onnx file.")
        {
            Example = string.Join('\n', Backbones.All.Select(backbone => $"eoonnx {backbone.Example}")),
        };
        foreach (var backbone in Backbones.All)
        {
            verb.Add(OfFamily(terminal, backbone));
        }

        verb.Add(ExportTerraTorchVerb.Create(terminal));
        return verb;
    }

    private static Verb OfFamily(Terminal terminal, IBackbone backbone)
    {
        var verb = new Verb(backbone.Name, backbone.Description) { Example = $"eoonnx {backbone.Example}" };
        var output = SharedOptions.Required<FileInfo>("--out", "The model file to write.", "file.onnx");
        var weights = SharedOptions.OptionalFile("--weights", "Checkpoint: .pth, .pt, .ckpt or .safetensors.");
        var random = new Option<bool>("--random") { Description = "Random weights instead of a checkpoint, for benchmarks and demonstrations." };
        var size = SharedOptions.Optional<string>("--size", $"Size of the random model: {string.Join(", ", backbone.Sizes)}.", "size");
        var seed = SharedOptions.WithDefault("--seed", 0L, "Seed of random weights, also of those that a checkpoint lacks; equal seeds give equal files.", "number");
        var licence = SharedOptions.Optional<string>("--licence", $"Licence of the weights, an SPDX identifier.{(backbone.Licence is { } usual ? $" Default: {usual}, that of the published ones." : "")}", "licence");
        var external = new Option<bool>("--external-data") { Description = "Put the weights into a file beside the model whatever their size; from 1 GiB on they always are." };
        verb.Add(output);
        verb.Add(weights);
        if (backbone.Sizes.Count > 0)
        {
            verb.Add(random);
            verb.Add(size);
            verb.Add(seed);
        }

        var settings = new BackboneArguments(verb, backbone);
        verb.Add(DeepnessOf(backbone));
        verb.Add(licence);
        verb.Add(external);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) =>
            {
                progress.Report(new Step("reading"));
                var exported = (parsed.GetValue(weights), parsed.GetValue(random)) switch
                {
                    ({ } file, false) => BackboneExport.FromCheckpoint(backbone, file.ToString(), settings.Read(parsed) with { Seed = parsed.GetValue(seed) }, parsed.GetValue(licence)),
                    (null, true) => BackboneExport.FromRandom(backbone, parsed.GetValue(size) ?? throw new UsageException(
                        $"--random needs a --size: {string.Join(", ", backbone.Sizes)}. See 'eoonnx export {backbone.Name} --help'."), parsed.GetValue(seed), settings.Read(parsed) with { Seed = parsed.GetValue(seed) }, parsed.GetValue(licence)),
                    _ => throw new UsageException($"Say where the weights come from: --weights FILE{(backbone.Sizes.Count > 0 ? " or --random --size SIZE, not both" : "")}. See 'eoonnx export {backbone.Name} --help'."),
                };
                token.ThrowIfCancellationRequested();
                progress.Report(new Step("writing"));
                return Task.FromResult(exported.Save(parsed.GetRequiredValue(output).ToString(), parsed.GetValue(external) ? true : null));
            },
            Draw,
            cancellation));
        return verb;
    }

    // Asked for because tasks have it; an encoder makes no map, and the user is told what does.
    private static Option<bool> DeepnessOf(IBackbone backbone)
    {
        var deepness = new Option<bool>("--deepness") { Hidden = true };
        deepness.Validators.Add(result =>
        {
            if (!result.Implicit)
            {
                result.AddError($"'export {backbone.Name}' writes an encoder, whose outputs are features; QGIS Deepness maps with models that end in classes or values. "
                    + "Export a whole task with 'eoonnx export terratorch TASK.ckpt --deepness', or train a head behind the encoder and write it with 'eoonnx merge --deepness'.");
            }
        });
        return deepness;
    }

    internal static void Draw(IAnsiConsole console, ExportReport report)
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{report.Manifest.Name}: {report.Parameters:N0} weights, {report.Bytes:N0} bytes in {report.Path}{(report.DataPath is null ? "" : $" and {report.DataPath}")}"));
        foreach (var modality in report.Manifest.Modalities)
        {
            console.WriteLine($"{modality.Name}: {(modality.Input is null ? "missing, a learnt token stands in" : modality.Kind == "image" ? string.Join(", ", modality.Bands.Select(band => band.Id)) : $"ids below {modality.Vocabulary}")}");
        }

        console.WriteLine($"bands: {(report.Manifest.Bands.Count > 0 ? string.Join(", ", report.Manifest.Bands.Select(band => band.Id)) : "any, told by the input wavelengths")}");
        console.WriteLine($"inputs: {string.Join(", ", report.Inputs)}");
        console.WriteLine($"outputs: {string.Join(", ", report.Outputs)}");
        if (report.Adapter is not null)
        {
            console.WriteLine($"adapter: {report.Adapter} and {report.OnnxAdapter}");
        }

        foreach (var warning in report.Warnings)
        {
            console.WriteLine($"warning: {warning}");
        }
    }
}
