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
        var recipe = SharedOptions.OptionalFile("--recipe", "A training recipe that names the data instead of the options for chips.");
        var part = SharedOptions.Choice("--part", DataPart.All, "Which part of the recipe's data.");
        var set = new Option<string[]>("--set") { Description = "A setting that replaces the recipe's, for example data.folder=/data/chips; repeat the option for more.", HelpName = "name=value" };
        verb.Add(adapter);
        verb.Add(recipe);
        verb.Add(part);
        verb.Add(set);
        var others = verb.Options.ToList();
        var chips = new ChipOptions(verb, required: false);
        verb.Add(classes);
        List<Option> replaced = [.. verb.Options.Except(others)];
        verb.Add(batch);
        verb.Add(threads);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            async (progress, token) =>
            {
                using var session = EoModel.Load(parsed.GetRequiredValue(model).ToString(), new EoModelOptions { Threads = parsed.GetValue(threads) });
                using var loaded = parsed.GetValue(adapter) is { } path ? session.LoadAdapter(path) : null;
                var given = Given(parsed);
                var options = new EvaluationOptions { Batch = parsed.GetValue(batch), Part = parsed.GetValue(part), Seed = given?.Run.Seed ?? 0 };
                var data = given?.Data ?? chips.Recipe(parsed, [.. (parsed.GetValue(classes) ?? []).Select(ClassRecipe.Parse)]);
                return await EvaluationJob.RunAsync(session, loaded, data, options, progress.For<double>(share => new Step("evaluating", share)), token);
            },
            Draw,
            cancellation));
        return verb;

        TrainingRecipe? Given(ParseResult parsed)
        {
            bool IsGiven(Option option) => parsed.GetResult(option) is { Implicit: false };
            if (parsed.GetValue(recipe) is { } file)
            {
                return replaced.Find(IsGiven) is { } option
                    ? throw new UsageException($"{option.Name} and a recipe were given. Write it into {file}, or use --set. See 'eoonnx evaluate --help'.")
                    : RecipeFile.Load(file.ToString(), parsed.GetValue(set));
            }

            return IsGiven(set) || IsGiven(part) ? throw new UsageException($"{(IsGiven(set) ? set.Name : part.Name)} belongs to a recipe, and none was given (--recipe). See 'eoonnx evaluate --help'.")
                : replaced.Any(option => option.Name == "--data" && IsGiven(option)) ? null
                : throw new UsageException("Option '--data' or '--recipe' is required. See 'eoonnx evaluate --help'.");
        }
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
