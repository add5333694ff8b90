using System.CommandLine;
using System.Globalization;
using EoOnnx.Cli.Demo;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx demo</c>: the main job on invented scenes.</summary>
internal static class DemoVerb
{
    public static Command Create(Terminal terminal)
    {
        var output = SharedOptions.WithDefault("--out", "demo-output", "Folder for everything that the demo makes.", "folder");
        var size = SharedOptions.WithDefault("--size", 512, "Edge of the scene that is mapped, in pixels; the one that is trained on has twice the edge.", "pixels");
        var verb = new Verb("demo", "The whole flow on invented scenes: train an adapter on chips of one, evaluate it on another, map that scene. Needs no data, about a minute.")
        {
            Example = "eoonnx demo --out demo",
        };
        verb.Add(output);
        verb.Add(size);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) => new DemoRun(parsed.GetRequiredValue(output), DemoScenes.SceneOf(parsed.GetValue(size)), progress).RunAsync(token),
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, DemoResult result)
    {
        var scores = new Table().Border(TableBorder.Simple).AddColumns("on scene B, which nobody trained on", "mIoU", "IoU burned");
        foreach (var score in result.Scores)
        {
            scores.AddRow(new Text(score.Name), Number(score.MeanIoU, "F3"), Number(score.BurnedIoU, "F3"));
        }

        console.Write(scores);
        var stages = new Table().Border(TableBorder.Simple).AddColumns("stage", "seconds");
        foreach (var stage in result.Stages)
        {
            stages.AddRow(new Text(stage.Name), Number(stage.Seconds, "F1"));
        }

        stages.AddRow(new Text("together"), Number(result.Seconds, "F1"));
        console.Write(stages);
        console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{result.TrainedNumbers:N0} numbers trained; mapped {result.PixelsPerSecond:N0} px/s"));
        console.WriteLine($"map      {result.Map}");
        console.WriteLine($"picture  {result.Picture}   (scene | truth | map)");
        console.WriteLine($"adapter  {result.Adapter}");
        console.WriteLine($"model    {result.Model}");
        console.WriteLine($"report   {result.Report}");
    }

    private static Text Number(double value, string format) => new(value.ToString(format, CultureInfo.InvariantCulture));
}
