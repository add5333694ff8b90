using System.Diagnostics;
using System.Globalization;
using System.Text.Json;

namespace EoOnnx.Bench.Scene;

/// <summary>
/// The scene pipeline against the bare model on tensors that are ready, and against a naive whole-array implementation. Each
/// contestant runs in a process of its own, so that its peak memory is its own; they take turns, and medians are compared.
/// </summary>
internal static class SceneComparison
{
    /// <summary>Runs all, in turns.</summary>
    /// <param name="model">See <see cref="BenchModels"/>.</param>
    /// <param name="width">Columns of the scene.</param>
    /// <param name="height">Rows of the scene.</param>
    /// <param name="batch">Tiles a call.</param>
    /// <param name="turns">Turns of every contestant.</param>
    /// <param name="folder">Where scenes and maps are kept.</param>
    /// <param name="threads">Threads of the model; 0 takes what a user gets.</param>
    /// <param name="output">Receives the results.</param>
    public static void Run(string model, int width, int height, int batch, int turns, string folder, int threads, TextWriter output)
    {
        Directory.CreateDirectory(folder);
        var scene = Path.Combine(folder, $"scene-{width}x{height}.tif");
        if (!File.Exists(scene))
        {
            SyntheticScene.Write(scene, width, height, seed: 1);
        }

        Write(output, $"scene {width} x {height} x {SyntheticScene.Bands} UInt16 ({new FileInfo(scene).Length >> 20} MiB, tiled DEFLATE), model {model}, tile {BenchModels.Tile}, overlap {SceneTurn.Overlap}, {batch} tiles a call");
        var results = new List<TurnResult>();
        for (var turn = 0; turn < turns; turn++)
        {
            foreach (var contestant in model switch { "vit-b-adapters" => (string[])["separate", "together", "shared"], "identity" => ["pipeline"], _ => ["bare", "pipeline", "naive"] })
            {
                using var process = Process.Start(new ProcessStartInfo(Environment.ProcessPath!, [.. Host(), "scene-turn", contestant, model, scene, $"{batch}", folder, $"{threads}"]) { RedirectStandardOutput = true })!;
                while (process.StandardOutput.ReadLine() is { } line)
                {
                    results.Add(JsonSerializer.Deserialize<TurnResult>(line)!);
                    Tell(output, results[^1]);
                }

                process.WaitForExit();
            }
        }

        Summarize(output, results);
    }

    private static void Tell(TextWriter output, TurnResult turn) => Write(output,
        $"{turn.Contestant,-8} {turn.Seconds:F1} s, processors {turn.ProcessorSeconds:F1} s, {turn.Tiles / turn.Seconds:F2} tiles/s, {turn.Pixels / turn.Seconds / 1e6:F3} Mpx/s, {turn.Pixels / turn.Seconds / 1e4:F1} km2/s, peak {turn.PeakBytes >> 20} MiB{(turn.StreamedSeconds is { } streamed ? string.Create(CultureInfo.InvariantCulture, $", streamed {turn.Tiles / streamed:F2} tiles/s") : "")}{(turn.BytesReadShare is { } share ? string.Create(CultureInfo.InvariantCulture, $", bytes read / file {share:F2}") : "")}{turn.Note} {Machine.Stamp(turn.Threads)}");

    private static void Summarize(TextWriter output, List<TurnResult> results)
    {
        foreach (var group in results.GroupBy(turn => turn.Contestant))
        {
            var rates = group.Select(turn => turn.Tiles / turn.Seconds).Order().ToList();
            Write(output, $"median {group.Key,-8} {Median(rates):F2} tiles/s of {rates.Count} (from {rates[0]:F2} to {rates[^1]:F2}){Overhead(group.Key, Median(rates), results)} {Machine.Stamp(group.First().Threads)}");
        }
    }

    // 1 − pipeline / model, whole and streamed.
    private static string Overhead(string contestant, double rate, List<TurnResult> results)
    {
        var bare = results.Where(turn => turn.Contestant == "bare").Select(turn => turn.Tiles / turn.Seconds).Order().ToList();
        if (bare.Count == 0 || contestant == "bare")
        {
            return "";
        }

        var streamed = results.Where(turn => turn.Contestant == contestant && turn.StreamedSeconds is not null).Select(turn => turn.Tiles / turn.StreamedSeconds!.Value).Order().ToList();
        return string.Create(CultureInfo.InvariantCulture, $", overhead over the model {1 - (rate / Median(bare)):P1}{(streamed.Count > 0 ? string.Create(CultureInfo.InvariantCulture, $", streamed {1 - (Median(streamed) / Median(bare)):P1}") : "")}");
    }

    private static double Median(List<double> sorted) => sorted.Count % 2 == 1 ? sorted[sorted.Count / 2] : (sorted[(sorted.Count / 2) - 1] + sorted[sorted.Count / 2]) / 2;

    // Started by 'dotnet EoOnnx.Bench.dll' the program is an argument of its host.
    private static string[] Host() => Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? [typeof(SceneComparison).Assembly.Location] : [];

    private static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
