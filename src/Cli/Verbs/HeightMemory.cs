using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using EoOnnx.Raster;
using EoOnnx.Runtime;

namespace EoOnnx.Cli.Verbs;

/// <summary>Peak memory of scenes of one width that are once, twice and four times as high. Each is mapped by a program of its own: the peak of a process is that of all that it has done.</summary>
internal static class HeightMemory
{
    private static readonly int[] Factors = [1, 2, 4];

    /// <summary>Measures.</summary>
    /// <param name="benchmark">Invents the scenes.</param>
    /// <param name="size">The lowest scene.</param>
    /// <param name="command">What the program is asked to do with a scene; prints JSON.</param>
    /// <param name="progress">Told about every scene.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    public static async Task<IReadOnlyList<HeightPeak>> MeasureAsync(SceneBenchmark benchmark, PixelSize size, Func<string, IReadOnlyList<string>> command, IProgress<SceneProgress> progress, CancellationToken cancellation)
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-heights-").FullName;
        try
        {
            var peaks = new List<HeightPeak>();
            foreach (var height in Factors.Select(factor => checked(factor * size.Height)))
            {
                var scene = Path.Combine(folder, $"{height}.tif");
                benchmark.WriteScene(scene, size with { Height = height }, cancellation);
                peaks.Add(new HeightPeak(height, await PeakAsync(command(scene), cancellation)));
                File.Delete(scene);
                progress.Report(new SceneProgress("heights", peaks.Count, Factors.Length, 0));
            }

            return peaks;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<long> PeakAsync(IReadOnlyList<string> command, CancellationToken cancellation)
    {
        // Started by 'dotnet eoonnx.dll' the program is an argument of its host.
        var program = Environment.ProcessPath!;
        string[] host = Path.GetFileNameWithoutExtension(program) == "dotnet" ? [typeof(HeightMemory).Assembly.Location] : [];
        using var process = Process.Start(new ProcessStartInfo(program, [.. host, .. command]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        try
        {
            var (output, error) = (process.StandardOutput.ReadToEndAsync(cancellation), process.StandardError.ReadToEndAsync(cancellation));
            await process.WaitForExitAsync(cancellation);
            if (process.ExitCode != ExitCode.Done)
            {
                throw new ModelException($"The measurement of a scene in a process of its own ended with {process.ExitCode}: {(await error).Trim()}");
            }

            using var report = JsonDocument.Parse(await output);
            return report.RootElement.GetProperty("peakBytes").GetInt64();
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill();
            }
        }
    }
}
