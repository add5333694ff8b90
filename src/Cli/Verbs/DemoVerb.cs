using System.CommandLine;
using EoOnnx.Cli.Demo;
using Spectre.Console;

namespace EoOnnx.Cli.Verbs;

/// <summary><c>eoonnx demo</c>: the main job on invented scenes.</summary>
internal static class DemoVerb
{
    public static Command Create(Terminal terminal)
    {
        var output = SharedOptions.WithDefault("--out", "demo-output", "Folder for everything that the demo makes.", "folder");
        var size = SharedOptions.WithDefault("--size", 512, "Edge of the two scenes in pixels.", "pixels");
        var verb = new Verb("demo", "Make two invented scenes with burn scars, cut one into training chips, and write the truth of both.")
        {
            Example = "eoonnx demo --out demo",
        };
        verb.Add(output);
        verb.Add(size);
        verb.SetAction((parsed, cancellation) => terminal.RunAsync(
            parsed,
            (progress, token) => Task.FromResult(DemoScenes.Write(parsed.GetRequiredValue(output), parsed.GetValue(size), progress, token)),
            Draw,
            cancellation));
        return verb;
    }

    private static void Draw(IAnsiConsole console, DemoScenes scenes)
    {
        console.WriteLine($"{scenes.Chips} chips to train on: {scenes.TrainingFolder}");
        console.WriteLine($"scene to map: {scenes.Scene}");
        console.WriteLine($"its truth: {scenes.Truth}");
    }
}
