using System.CommandLine;
using EoOnnx.Training.Data.Synthetic;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx synthesize</c>: invented scenes with labels, to try things out without data.</summary>
internal static class SynthesizeVerb
{
    /// <summary>How hard it is to find burns in a scene.</summary>
    private enum Setting
    {
        Plain,
        Hard,
    }

    public static Command Create(Terminal terminal)
    {
        var folder = SharedOptions.Required<string>("--out", "Folder of the data set: images/ and labels/ are made in it.", "folder");
        var seeds = new Option<int[]>("--seeds") { Description = "One scene is made for each seed.", HelpName = "1,2,3", CustomParser = Lists.Integers, DefaultValueFactory = _ => [1] };
        var size = SharedOptions.WithDefault("--size", 512, "Edge of each scene in pixels.", "pixels");
        var setting = SharedOptions.Choice("--setting", Setting.Hard, "plain: clear sky and fresh burns. hard: clouds and their shadows, dark soil, weathered burns.");
        var labels = SharedOptions.Choice("--labels", SyntheticLabels.Burns, "What the labels say; land-cover is that before any fire.");
        var verb = new Verb("synthesize", "Make invented scenes with labels: fractal terrain, water, fields, forest, clouds and burn scars in six bands. No substitute for real data.")
        {
            Example = "eoonnx synthesize --out invented --seeds 1,2,3\neoonnx stats --data invented",
        };
        verb.Add(folder);
        verb.Add(seeds);
        verb.Add(size);
        verb.Add(setting);
        verb.Add(labels);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) =>
            {
                var hard = parsed.GetValue(setting) == Setting.Hard;
                var scenes = parsed.GetValue(seeds)!.Select(seed => (hard ? SyntheticSceneOptions.Hard(seed) : SyntheticSceneOptions.Plain(seed)) with { Size = parsed.GetValue(size) }).ToList();
                return Task.FromResult(SyntheticDataset.Write(
                    parsed.GetRequiredValue(folder), scenes, parsed.GetValue(labels),
                    progress.For<int>(done => new Step("scenes", (double)done / scenes.Count, $"{done} of {scenes.Count}")), token));
            },
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, SyntheticDataset dataset)
    {
        console.WriteLine($"{dataset.Images.Count} scenes: {dataset.Folder}");
        console.WriteLine($"classes: {string.Join(", ", dataset.ClassNames.Index().Select(item => $"{item.Index} {item.Item}"))}");
    }
}
