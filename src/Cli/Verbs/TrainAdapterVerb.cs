using System.CommandLine;
using System.Globalization;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx train-adapter</c>: from an encoder and labelled chips to an adapter, a model and a report.</summary>
internal static class TrainAdapterVerb
{
    public static Command Create(Terminal terminal)
    {
        var options = new TrainingOptions();
        var output = SharedOptions.Required<string>("--out", "Folder for model.onnx, adapter.safetensors, adapter.onnx_adapter, report.json and report.html.", "folder");
        var resume = new Option<bool>("--resume") { Description = "Go on from the checkpoint in the folder; the result is bit for bit that of an uninterrupted run." };
        var checkpoint = SharedOptions.WithDefault("--checkpoint-every", 0, "Optimizer steps between two checkpoints; 0 writes one at the end of each epoch.", "steps");
        var noPacking = new Option<bool>("--no-packing") { Description = "Do not keep packed copies of the frozen weights: half their memory, about a tenth slower." };
        var verb = new Verb("train-adapter", "Train an adapter for an encoder on labelled chips: writes adapter, task model and report.")
        {
            Example = "eoonnx synthesize --out chips --seeds 1,2,3 --size 256\n" +
                "eoonnx export dofa --random --size tiny --seed 1 --bands B02,B03,B04,B08,B11,B12 --out encoder.onnx\n" +
                "eoonnx train-adapter --model encoder.onnx --data chips --classes unburned,burned --epochs 2 --out run",
        };
        options.AddTo(verb);
        verb.Add(output);
        verb.Add(resume);
        verb.Add(checkpoint);
        verb.Add(noPacking);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            async (progress, token) =>
            {
                var folder = parsed.GetRequiredValue(output);
                var result = await TrainingJob.RunAsync(
                    options.Recipe(parsed),
                    new JobOptions { Folder = folder, Resume = parsed.GetValue(resume), CheckpointEvery = parsed.GetValue(checkpoint), PackWeights = !parsed.GetValue(noPacking) },
                    progress.For<TrainingProgress>(TrainingStep.Of),
                    token);
                return new TrainedFiles(folder, result.Report, [.. result.Adapter.Manifest?.Classes.Select(item => item.Name) ?? []]);
            },
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, TrainedFiles files)
    {
        var report = files.Report;
        if (report.Kept is { } best)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{(report.KeptEpoch == report.BestEpoch ? "best" : "saved")} epoch {report.KeptEpoch} of {report.Epochs.Count}{(report.KeptEpoch == report.BestEpoch ? "" : $" (the best was {report.BestEpoch})")}, validation loss {best.Loss:F4}, {report.ValidationChips.Count} chips held out"));
            MetricsTable.Draw(console, best.Metrics, files.Classes);
            foreach (var (name, baseline) in report.Baselines ?? new Dictionary<string, ValidationReport>())
            {
                console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {baseline.ScoreName} {baseline.Score:F4}"));
            }
        }

        if (report.SkippedTiles > 0)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.SkippedTiles} tiles without any label were left out"));
        }

        if (FeatureCacheLine.Result(report.Features) is { } features)
        {
            console.WriteLine(features);
        }

        if (report.Memory is { } memory)
        {
            MemoryPlanTable.Draw(console, memory);
        }

        if (report.Calibration is { } calibration)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"temperature {calibration.Temperature:F3}: expected calibration error {calibration.Before.ExpectedError:F4} before, {calibration.After.ExpectedError:F4} after"));
        }

        console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{report.TrainableParameters:N0} numbers trained in {report.Steps:N0} steps, {report.Timing.Total:F1} s, {report.Timing.ImagesPerSecond:F1} img/s, waited {report.Timing.WaitingForData:F1} s for data ({100 * report.Timing.WaitingShare:F1} %)"));
        console.WriteLine(report.Interrupted
            ? $"interrupted: {files.Folder} holds {(report.KeptEpoch > 0 ? $"the {(report.KeptEpoch == report.BestEpoch ? "best" : "last whole")} epoch so far ({report.KeptEpoch})" : "the parameters of the last step, which were not validated")}; go on with --resume"
            : $"model, adapter and report: {files.Folder}");
    }

    /// <summary>What is shown of a run.</summary>
    private sealed record TrainedFiles(string Folder, TrainingReport Report, IReadOnlyList<string> Classes) : IPartialResult
    {
        [System.Text.Json.Serialization.JsonIgnore]
        public bool IsPartial => Report.Interrupted;
    }
}
