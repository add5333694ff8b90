using System.CommandLine;
using System.Globalization;
using EoOnnx.Runtime;
using EoOnnx.Training.Recipes;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx evaluate MODEL --data FOLDER</c>: metrics on labelled chips.</summary>
internal static class EvaluateVerb
{
    public static Command Create(Terminal terminal)
    {
        var model = SharedOptions.ExistingFile("model", "A task model: the model.onnx of train-adapter, or a merged one.");
        var adapter = SharedOptions.Optional<string>("--adapter", "Its adapter: .safetensors, .onnx_adapter or a PEFT folder.", "path");
        var classes = SharedOptions.Classes("Names of the classes with their label values, for example water=1,land=2. Default: the model's classes, numbered from 0.", required: false);
        var batch = SharedOptions.WithDefault("--batch", 4, "Images that go through the model together.", "n");
        var threads = SharedOptions.WithDefault("--threads", 0, "Threads of one operator; 0 takes all physical cores.", "n");
        var verb = new Verb("evaluate", "Compare a model's maps, or its answers for whole chips, with labels: the metrics of its task and the confusion.")
        {
            Example = "eoonnx demo --out demo\neoonnx evaluate demo/run/model.onnx --adapter demo/run/adapter.safetensors --data demo/evaluate",
        };
        verb.Add(model);
        verb.Add(adapter);
        var chips = new ChipOptions(verb);
        verb.Add(classes);
        verb.Add(batch);
        verb.Add(threads);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            async (progress, token) =>
            {
                using var session = EoModel.Load(parsed.GetRequiredValue(model).ToString(), new EoModelOptions { Threads = parsed.GetValue(threads) });
                using var loaded = parsed.GetValue(adapter) is { } path ? session.LoadAdapter(path) : null;
                var data = chips.Recipe(parsed, [.. (parsed.GetValue(classes) ?? []).Select(ClassRecipe.Parse)]);
                return await EvaluationJob.RunAsync(session, loaded, data, parsed.GetValue(batch), progress.For<double>(share => new Step("evaluating", share)), token);
            },
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, EvaluationReport report)
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{report.Chips} chips, {report.Pixels:N0} labels"));
        MetricsTable.Draw(console, report.Metrics, report.Classes);
        if (report.Calibration is { } calibration)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"expected calibration error: {calibration.ExpectedError:F4}"));
        }

    }
}
