using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Runtime;
using EoOnnx.Training.Adapters;

namespace EoOnnx.Bench.Scene;

/// <summary>One contestant's turn, in this process. Each result is a line of JSON.</summary>
internal static class SceneTurn
{
    public const int Overlap = 32;

    // Tiles among which the start of a process is lost.
    private const int LargeScene = 1000;

    /// <summary>Measures a contestant.</summary>
    public static async Task RunAsync(string contestant, string name, string scene, int batch, string folder, int threads, TextWriter output)
    {
        var path = Path.Combine(folder, $"{name}-{Environment.ProcessId}.onnx");
        BenchModels.Write(path, name);
        try
        {
            using var model = EoModel.Load(path, new EoModelOptions { Device = Device.Cpu, Threads = threads });
            using var dataset = RasterDataset.Open(scene);
            var plan = TilePlan.Create(dataset.Size, new TilePlanOptions { Tile = BenchModels.Tile, Overlap = Overlap });
            Bare(model, batch, 2 * batch); // warms up
            var map = Path.Combine(folder, $"{contestant}-{name}.tif");
            switch (contestant)
            {
                case "bare":
                    await MeasureAsync(contestant, turn => { Bare(model, batch, plan.Count); return Task.FromResult(turn); });
                    break;
                case "separate" or "together" or "shared":
                    await MeasureAsync(contestant, async turn => turn with { Note = await AdaptersAsync(contestant, model, dataset, batch, folder) });
                    break;
                case "naive":
                    await MeasureAsync(contestant, turn => { NaiveMapper.Run(model, scene, map, Overlap, batch); return Task.FromResult(turn); });
                    break;
                default:
                    // The first scene of a process pays for compiling the pipeline and for hashing the model; a batch pays once.
                    await MeasureAsync("pipeline", turn => PipelineAsync(turn, model, dataset, map, batch));
                    if (plan.Count < LargeScene)
                    {
                        await MeasureAsync("again", turn => PipelineAsync(turn, model, dataset, map, batch));
                    }

                    break;
            }

            async Task MeasureAsync(string way, Func<TurnResult, Task<TurnResult>> run)
            {
                using var process = Process.GetCurrentProcess();
                var (processor, clock) = (process.TotalProcessorTime, Stopwatch.StartNew());
                var turn = await run(new TurnResult(way, plan.Count, (long)dataset.Size.Width * dataset.Size.Height, 0, 0, 0, model.Threads));
                var seconds = clock.Elapsed.TotalSeconds;
                process.Refresh();
                output.WriteLine(JsonSerializer.Serialize(turn with { Seconds = seconds, ProcessorSeconds = (process.TotalProcessorTime - processor).TotalSeconds, PeakBytes = process.PeakWorkingSet64 }));
            }
        }
        finally
        {
            File.Delete(path);
            File.Delete(path + ".data");
        }
    }

    private static async Task<TurnResult> PipelineAsync(TurnResult turn, EoModel model, RasterDataset scene, string map, int batch)
    {
        var (before, after) = (0L, 0L);
        var report = await new ScenePipeline(model).RunAsync(scene, map, Options(batch), new Observer(stage =>
        {
            before = stage == "planned" ? BytesRead() : before;
            after = stage == "finishing" ? BytesRead() : after;
        }));
        var (seconds, streamed) = (report.Seconds, report.Seconds.Total - report.Seconds.Finish);
        return turn with
        {
            StreamedSeconds = streamed,
            BytesReadShare = (double)(after - before) / new FileInfo(scene.Path).Length,
            Note = string.Create(CultureInfo.InvariantCulture, $", model {seconds.Model:F1} s = {seconds.Model / streamed:P1} of the stream, read {seconds.Read:F2}, prepare {seconds.Prepare:F2}, blend {seconds.Blend:F2}, write {seconds.Write:F2}, finish {seconds.Finish:F2}"),
        };
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
        var seconds = 0.0;
        foreach (var group in contestant == "separate" ? maps.Select(map => new[] { map }) : [[.. maps]])
        {
            seconds += (await new ScenePipeline(model).RunAsync(scene, group, Options(batch) with { SharedEncoder = encoder }))[0].Seconds.Model;
        }

        maps.ForEach(map => map.Adapter!.Dispose());
        return string.Create(CultureInfo.InvariantCulture, $", three maps, model {seconds:F1} s");
    }

    private static SceneOptions Options(int batch) => new() { Overlap = Overlap, Batch = batch, Overwrite = true, Bands = [.. Enumerable.Range(1, SyntheticScene.Bands).Select(band => band.ToString(CultureInfo.InvariantCulture))] };

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

    // What this process asked the system to read; 0 where the system does not count it.
    private static long BytesRead() => File.Exists("/proc/self/io") ? long.Parse(File.ReadLines("/proc/self/io").First(line => line.StartsWith("rchar", StringComparison.Ordinal)).Split(' ')[1], CultureInfo.InvariantCulture) : 0;

    private sealed class Observer(Action<string> see) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value) => see(value.Stage);
    }
}
