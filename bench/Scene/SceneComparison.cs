using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Adapters;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Bench.Scene;

/// <summary>
/// The scene pipeline against the bare model on tensors that are ready, and against a naive whole-array implementation. Each
/// contestant runs in a process of its own, so that its peak memory is its own.
/// </summary>
internal static class SceneComparison
{
    private const int Overlap = 32;

    /// <summary>Runs all three, one after the other.</summary>
    public static void Run(string model, int width, int height, int batch, int repetitions, string folder, TextWriter output)
    {
        Directory.CreateDirectory(folder);
        var scene = Path.Combine(folder, $"scene-{width}x{height}.tif");
        if (!File.Exists(scene))
        {
            SyntheticScene.Write(scene, width, height, seed: 1);
        }

        Write(output, $"machine: {RuntimeInformation.OSDescription}, {Environment.ProcessorCount} processors, load {File.ReadAllText("/proc/loadavg").Split(' ')[0]}; ONNX Runtime {OrtEnv.Instance().GetVersionString()}, GDAL {Raster.Native.GdalLibrary.Version}, .NET {Environment.Version}");
        Write(output, $"scene {width} x {height} x {SyntheticScene.Bands} UInt16 ({new FileInfo(scene).Length >> 20} MiB, tiled DEFLATE), model {model}, tile {BenchModels.Tile}, overlap {Overlap}, {batch} tiles a call");
        for (var turn = 0; turn < repetitions; turn++)
        {
            foreach (var contestant in model == "vit-b-adapters" ? (string[])["separate", "together", "shared"] : ["bare", "pipeline", "naive"])
            {
                using var process = Process.Start(Environment.ProcessPath!, [.. Host(), "scene-turn", contestant, model, scene, batch.ToString(CultureInfo.InvariantCulture), folder]);
                process.WaitForExit();
            }
        }
    }

    /// <summary>One contestant, in this process.</summary>
    public static async Task TurnAsync(string contestant, string name, string scene, int batch, string folder, TextWriter output)
    {
        var path = Path.Combine(folder, $"{name}-{Environment.ProcessId}.onnx");
        BenchModels.Write(path, name);
        try
        {
            using var model = EoModel.Load(path, new EoModelOptions { Device = Device.Cpu });
            using var dataset = RasterDataset.Open(scene);
            var map = Path.Combine(folder, $"{contestant}-{name}.tif");
            var plan = Raster.Tiling.TilePlan.Create(dataset.Size, new Raster.Tiling.TilePlanOptions { Tile = BenchModels.Tile, Overlap = Overlap });
            Bare(model, batch, 2 * batch); // warms up
            using var process = Process.GetCurrentProcess();
            var processor = process.TotalProcessorTime;
            var clock = Stopwatch.StartNew();
            var share = "";
            switch (contestant)
            {
                case "bare":
                    Bare(model, batch, plan.Count);
                    break;
                case "separate" or "together" or "shared":
                    share = await AdaptersAsync(contestant, model, dataset, batch, folder);
                    break;
                case "naive":
                    NaiveMapper.Run(model, scene, map, Overlap, batch);
                    break;
                default:
                    var report = await new ScenePipeline(model).RunAsync(dataset, map, new SceneOptions { Overlap = Overlap, Batch = batch, Overwrite = true, Bands = [.. Enumerable.Range(1, SyntheticScene.Bands).Select(band => $"{band}")] });
                    var (seconds, streamed) = (report.Seconds, report.Seconds.Total - report.Seconds.Finish);
                    share = string.Create(CultureInfo.InvariantCulture, $", model {seconds.Model:F1} s = {seconds.Model / streamed:P1} of the stream, read {seconds.Read:F1}, prepare {seconds.Prepare:F1}, blend {seconds.Blend:F1}, write {seconds.Write:F1}, finish {seconds.Finish:F1}; streamed {plan.Count / streamed:F2} tiles/s");
                    break;
            }

            var total = clock.Elapsed.TotalSeconds;
            var pixels = (double)dataset.Size.Width * dataset.Size.Height;
            process.Refresh();
            Write(output, $"{contestant,-8} {total:F1} s, processors {(process.TotalProcessorTime - processor).TotalSeconds:F1} s, {plan.Count / total:F2} tiles/s, {pixels / total / 1e6:F3} Mpx/s, {pixels / total / 1e4:F1} km2/s, peak {process.PeakWorkingSet64 >> 20} MiB{share}");
        }
        finally
        {
            File.Delete(path);
            File.Delete(path + ".data");
        }
    }

    // Three maps: a run for each, one run that reads once, one run that also computes the encoder once.
    private static async Task<string> AdaptersAsync(string contestant, EoModel model, RasterDataset scene, int batch, string folder)
    {
        var maps = Enumerable.Range(1, 3).Select(seed =>
        {
            var file = Path.Combine(folder, $"head{seed}.safetensors");
            BenchModels.WriteAdapter(file, seed);
            return new SceneOutput(Path.Combine(folder, $"{contestant}-head{seed}.tif"), model.LoadAdapter(file));
        }).ToList();
        using var encoder = contestant == "shared" ? EncoderSharing.Prepare(model, [.. maps.Select(map => map.Adapter!)]) : null;
        var options = new SceneOptions { Overlap = Overlap, Batch = batch, Overwrite = true, SharedEncoder = encoder, Bands = [.. Enumerable.Range(1, SyntheticScene.Bands).Select(band => $"{band}")] };
        var seconds = 0.0;
        foreach (var group in contestant == "separate" ? maps.Select(map => new[] { map }) : [[.. maps]])
        {
            seconds += (await new ScenePipeline(model).RunAsync(scene, group, options))[0].Seconds.Model;
        }

        maps.ForEach(map => map.Adapter!.Dispose());
        return string.Create(CultureInfo.InvariantCulture, $", three maps, model {seconds:F1} s");
    }

    private static void Bare(EoModel model, int batch, long tiles)
    {
        const int area = BenchModels.Tile * BenchModels.Tile;
        var (images, scores) = (new float[batch * SyntheticScene.Bands * area], new float[batch * 2 * area]);
        for (var i = 0; i < images.Length; i++)
        {
            images[i] = MathF.Sin(i);
        }

        for (; tiles > 0; tiles -= batch)
        {
            var count = (int)Math.Min(batch, tiles); // the last call is as small as the pipeline's
            model.Run(images.AsMemory(0, count * SyntheticScene.Bands * area), [count, SyntheticScene.Bands, BenchModels.Tile, BenchModels.Tile],
                "logits", scores.AsMemory(0, count * 2 * area), [count, 2, BenchModels.Tile, BenchModels.Tile]);
        }
    }

    // Started by 'dotnet EoOnnx.Bench.dll' the program is an argument of its host.
    private static string[] Host() => Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? [typeof(SceneComparison).Assembly.Location] : [];

    private static void Write(TextWriter output, FormattableString line) => output.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
