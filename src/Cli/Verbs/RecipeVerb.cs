using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using EoOnnx.Export.Models;
using EoOnnx.Formats;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Recipes.Import;
using EoOnnx.Training.Recipes.Start;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx recipe</c>: recipes made of foreign configurations, and checked without training.</summary>
internal static class RecipeVerb
{
    public static Command Create(Terminal terminal) => new("recipe", "Make a training recipe of a data set or a TerraTorch configuration, or check one.")
    {
        Init(terminal),
        Import(terminal),
        Check(terminal),
    };

    private static Verb Init(Terminal terminal)
    {
        var task = new Option<TaskName>("--task")
        {
            Description = $"What is to be predicted: {string.Join(", ", Enum.GetNames<TaskName>().Select(JsonNamingPolicy.KebabCaseLower.ConvertName))}.", Required = true, HelpName = "task",
            CustomParser = argument => SharedOptions.Word<TaskName>("--task", argument, argument.Tokens.Single().Value) ?? default,
        };
        var data = new Option<DirectoryInfo>("--data") { Description = "The folder of the data set.", Required = true, HelpName = "folder" }.AcceptExistingOnly();
        var model = new Option<FileInfo>("--model") { Description = "An encoder, which decides on bands and statistics.", HelpName = "file" }.AcceptExistingOnly();
        var loss = LossOption.Create();
        var output = SharedOptions.WithDefault("--out", new FileInfo("recipe.yaml"), "The recipe to write.", "recipe.yaml");
        var verb = new Verb("init", "Look at a data set - pairs of files, parts, bands, values, labels - and write a commented recipe that says what was found and guessed.")
        {
            Example = "eoonnx synthesize --out chips --seeds 1,2,3 --size 256\neoonnx recipe init --task segmentation --data chips --out recipe.yaml",
        };
        verb.Add(task);
        verb.Add(data);
        verb.Add(model);
        verb.Add(loss);
        verb.Add(output);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, token) =>
            {
                var file = parsed.GetRequiredValue(output).ToString();
                var start = RecipeStart.Of(parsed.GetRequiredValue(task), parsed.GetRequiredValue(data).ToString(), parsed.GetValue(model)?.ToString(), token)
                    .WithLoss(found => LossOption.Apply(found, parsed.GetValue(loss)));
                AtomicFile.WriteText(file, RecipeWriter.Write(start.Recipe, start.Header, start.Remarks));
                return Task.FromResult(new InitReport(file, start.Header, start.Remarks));
            },
            Draw,
            cancellation));
        return verb;
    }

    private static Verb Import(Terminal terminal)
    {
        var config = SharedOptions.ExistingFile("config", "A TerraTorch configuration (Lightning CLI, YAML).");
        var output = SharedOptions.WithDefault("--out", new FileInfo("recipe.yaml"), "The recipe to write.", "recipe.yaml");
        var verb = new Verb("import", "Turn a TerraTorch configuration into a recipe; names each part that has no equal counterpart, and what remains to be done.")
        {
            Example = "eoonnx recipe import config.yaml --out recipe.yaml",
        };
        verb.Add(config);
        verb.Add(output);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (_, _) =>
            {
                var path = parsed.GetRequiredValue(config).ToString();
                var imported = TerraTorchImport.Load(path);
                var (steps, gaps) = (new List<string>(), imported.Gaps.ToList());
                if (ModelCards.All.FirstOrDefault(card => card.Name == imported.Backbone.Name && card.HasExporter) is { } known)
                {
                    steps.AddRange(Commands(known, imported));
                }
                else
                {
                    gaps.Insert(0, new ImportGap("model.init_args.model_args.backbone", 1, $"{imported.Backbone.Name} cannot be exported here",
                        $"another encoder{Spelling.DidYouMean(imported.Backbone.Name, ModelCards.All.Where(card => card.HasExporter).Select(card => card.Name))}, see eoonnx models list"));
                }

                steps.AddRange(imported.Steps);
                var file = parsed.GetRequiredValue(output).ToString();
                AtomicFile.WriteText(file, RecipeWriter.Write(imported.Recipe, [.. Header(path, gaps, steps)]));
                return Task.FromResult(new ImportReport(file, gaps.Count == 0, gaps, steps));
            },
            Draw,
            cancellation));
        return verb;
    }

    private static IEnumerable<string> Commands(ModelCard card, ImportedRecipe imported)
    {
        var backbone = imported.Backbone;
        if (backbone.Weights is null)
        {
            yield return $"eoonnx models pull {card.Name} --to weights";
        }

        var (bands, layers) = (string.Join(',', backbone.Bands), string.Join(',', backbone.Layers));
        yield return $"eoonnx export {card.Family} --weights {backbone.Weights ?? $"weights/{card.File}"}{(bands.Length > 0 ? $" --bands {bands}" : "")}{(backbone.Frames > 1 ? FormattableString.Invariant($" --frames {backbone.Frames}") : "")}"
            + $"{(layers.Length > 0 ? $" --layers {layers}" : "")} --out {imported.Recipe.Model}";
    }

    private static IEnumerable<string> Header(string path, List<ImportGap> gaps, List<string> steps)
    {
        yield return $"Made of {Path.GetFileName(path)} by: eoonnx recipe import";
        foreach (var gap in gaps)
        {
            yield return $"without counterpart: line {gap.Line.ToString(CultureInfo.InvariantCulture)}, {gap.Key}: {gap.Why}; instead: {gap.Nearest}";
        }

        foreach (var step in steps)
        {
            yield return $"to do: {step}";
        }
    }

    private static Verb Check(Terminal terminal)
    {
        var recipe = SharedOptions.ExistingFile("recipe", "The recipe, as train-adapter takes it.");
        var set = new Option<string[]>("--set") { Description = "A setting that replaces the recipe's; repeat the option for more.", HelpName = "name=value" };
        var verb = new Verb("check", "Do everything that a run of a recipe does before its first step: open the model, read all labels, compose the task.")
        {
            Example = "eoonnx recipe check recipe.yaml",
        };
        verb.Add(recipe);
        verb.Add(set);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed, (_, token) => Task.FromResult(RecipeCheck.Of(RecipeFile.Load(parsed.GetRequiredValue(recipe).ToString(), parsed.GetValue(set)), token)), Draw, cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, InitReport report)
    {
        console.WriteLine($"{report.Recipe}:");
        foreach (var line in report.Found)
        {
            console.WriteLine(line);
        }

        foreach (var (setting, why) in report.Why)
        {
            console.WriteLine($"{setting}: {why}");
        }
    }

    private static void Draw(IAnsiConsole console, RecipeCheck check)
    {
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{check.TrainingChips} chips to train on, {check.ValidationChips} held out ({check.Split}); {check.Bands} bands, tiles of {check.TileSize} px"));
        foreach (var (name, labels) in check.Labels)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {labels:N0} labels"));
        }

        console.WriteLine("the recipe can be run: eoonnx train-adapter RECIPE --out run");
    }

    private static void Draw(IAnsiConsole console, ImportReport report)
    {
        console.WriteLine($"{report.Recipe}: {(report.Complete ? "everything has a counterpart" : $"{report.WithoutCounterpart.Count.ToString(CultureInfo.InvariantCulture)} parts have no equal counterpart")}");
        foreach (var gap in report.WithoutCounterpart)
        {
            console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  line {gap.Line}, {gap.Key}: {gap.Why}; instead: {gap.Nearest}"));
        }

        foreach (var step in report.Steps)
        {
            console.WriteLine($"to do: {step}");
        }
    }

    /// <summary>What is shown of a recipe that was made by looking.</summary>
    private sealed record InitReport(string Recipe, IReadOnlyList<string> Found, IReadOnlyDictionary<string, string> Why);

    /// <summary>What is shown of an import.</summary>
    private sealed record ImportReport(string Recipe, bool Complete, IReadOnlyList<ImportGap> WithoutCounterpart, IReadOnlyList<string> Steps);
}
