using System.Diagnostics;
using System.Text.Json.Serialization;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// Measures what streaming a scene costs over the model alone: the model on tensors that are ready, with the same tiles a call and the same number of
/// tiles, and whole runs, in turns. The first run pays for compiling the pipeline and finds the file cold or not as it was left; further ones are warm.
/// </summary>
/// <param name="model">The model; borrowed.</param>
public sealed class SceneBenchmark(EoModel model)
{
    /// <summary>Measures with a scene, or with an invented one whose values are about what the model expects; what is written is removed again.</summary>
    /// <param name="scene">A raster whose bands are those of the model, in its order; null invents one.</param>
    /// <param name="size">Columns and rows of the invented one.</param>
    /// <param name="options">How the scene goes through the model.</param>
    /// <param name="turns">Runs of each way.</param>
    /// <param name="progress">Told about every turn.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <exception cref="Formats.EoOnnxException">The scene does not fit the model or cannot be mapped.</exception>
    public async Task<SceneBenchmarkReport> RunAsync(string? scene, PixelSize size, SceneOptions? options = null, int turns = 5, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-bench-").FullName;
        try
        {
            if (scene is null)
            {
                scene = Path.Combine(folder, "scene.tif");
                WriteScene(scene, size, cancellation);
                progress?.Report(new SceneProgress("invented", 1, 1, 0));
            }

            using var dataset = RasterDataset.Open(scene);
            string[] bands = [.. Enumerable.Range(1, dataset.Bands.Count).Select(band => band.ToString(System.Globalization.CultureInfo.InvariantCulture))];
            return await RunAsync(dataset, folder, (options ?? new SceneOptions()) with { Bands = bands }, turns, progress, cancellation).ConfigureAwait(false);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Invents a scene whose values are about what the model expects.</summary>
    /// <param name="path">The file; replaced when it exists.</param>
    /// <param name="size">Columns and rows.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ModelException">The model does not say which bands it takes.</exception>
    /// <exception cref="RasterException">The file cannot be written.</exception>
    public void WriteScene(string path, PixelSize size, CancellationToken cancellation = default)
    {
        var statistics = model.Manifest.Bands.Count > 0 ? model.Manifest.Bands : throw new ModelException($"{model.Path} does not say which bands it takes; give a scene to measure with.");
        const double usual = 1500, leastNumber = 10; // statistics of reflectance say nothing about stored numbers
        BenchmarkScene.Write(path, size, [.. statistics.Select(band => band.Id)], [.. statistics.Select(band => band.Mean is > leastNumber and < ushort.MaxValue ? band.Mean : usual)], cancellation: cancellation);
    }

    /// <summary>Measures.</summary>
    /// <param name="scene">The scene; borrowed.</param>
    /// <param name="folder">Where maps are written and removed again.</param>
    /// <param name="options">How the scene goes through the model.</param>
    /// <param name="turns">Runs of each way.</param>
    /// <param name="progress">Told about every turn.</param>
    /// <param name="cancellation">Ends the measurement.</param>
    /// <exception cref="Formats.EoOnnxException">The scene does not fit the model or cannot be mapped.</exception>
    public async Task<SceneBenchmarkReport> RunAsync(RasterDataset scene, string folder, SceneOptions? options = null, int turns = 5, IProgress<SceneProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentOutOfRangeException.ThrowIfLessThan(turns, 1);
        var map = Path.Combine(folder, "benchmark.tif");
        options = (options ?? new SceneOptions()) with { Overwrite = true, Restart = true };
        var (models, runs, reports) = (new List<double>(), new List<double>(), new List<SceneReport>());
        var plan = new ScenePipeline(model).Plan(scene, [new SceneOutput(map, options.Adapter)], options, cancellation);
        for (var turn = 0; turn < turns; turn++)
        {
            models.Add(await Task.Run(() => ModelAlone(scene, map, options, cancellation), cancellation).ConfigureAwait(false));
            progress?.Report(new SceneProgress("model alone", turn + 1, turns, 0));
            reports.Add(await new ScenePipeline(model).RunAsync(scene, map, options, progress: null, cancellation).ConfigureAwait(false));
            runs.Add(reports[^1].Seconds.Total);
            progress?.Report(new SceneProgress("scene", turn + 1, turns, reports[^1].Rate.PixelsPerSecond));
        }

        foreach (var file in (string[])[map, map + ".aux.xml", ScenePipeline.ReportPath(map), ScenePipeline.PagePath(map)])
        {
            File.Delete(file);
        }

        var tiles = plan.Tiles - reports[^1].Plan.Skipped;
        var streamed = reports.Select(report => report.Seconds.Total - report.Seconds.Finish).ToList();
        return new SceneBenchmarkReport
        {
            Width = plan.Width, Height = plan.Height, Tiles = tiles, Tile = plan.Tile, Overlap = plan.Overlap, TileHeight = plan.TileHeight, OverlapHeight = plan.OverlapHeight, Batch = reports[^1].Plan.Batch, Threads = model.Threads,
            ModelTilesPerSecond = MeasuredRate.Of(models.Select(seconds => tiles / seconds)),
            SceneTilesPerSecond = MeasuredRate.Of(runs.Select(seconds => tiles / seconds)),
            StreamedTilesPerSecond = MeasuredRate.Of(streamed.Select(seconds => tiles / seconds)),
            MegapixelsPerSecond = (double)plan.Width * plan.Height / 1e6 / MeasuredRate.Of(runs).Median,
            SquareKilometresPerSecond = reports[^1].Pixels.SquareKilometres is { } area ? area / MeasuredRate.Of(runs).Median : null,
            ReadShare = reports[^1].Io is { Bytes: { } read, SourceBytes: > 0 } io ? (double)read / io.SourceBytes : null,
            PeakBytes = reports[^1].Memory.PeakBytes,
            Seconds = reports[^1].Seconds,
        };
    }

    // As many tiles as the scene has, in calls as large as those of a run; what the tensors hold does not matter.
    private double ModelAlone(RasterDataset scene, string map, SceneOptions options, CancellationToken cancellation)
    {
        var job = SceneJob.Create(model, scene, map, options, cancellation);
        var (described, tiles) = (job.Model, job.Plan.Count);
        var (images, scores) = (new ImageBatch(0, described.Batch, described.ImageLength, described.Tile), new ScoreBatch(0, described.Batch, described.ScoreLength, described.MapTile));
        var calls = new Dictionary<int, TileRun>();
        try
        {
            Call(described.Batch); // warms up
            var start = Stopwatch.GetTimestamp();
            for (var left = tiles; left > 0; left -= described.Batch)
            {
                Call(described.BatchIsFixed ? described.Batch : (int)Math.Min(left, described.Batch));
            }

            return Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        finally
        {
            foreach (var call in calls.Values)
            {
                call.Dispose();
            }
        }

        void Call(int count)
        {
            if (!calls.TryGetValue(count, out var run))
            {
                calls.Add(count, run = described.Bind(images, scores, 0, count, options.Adapter));
            }

            run.Run(cancellation);
        }
    }
}

/// <summary>A rate over several turns.</summary>
/// <param name="Median">The median.</param>
/// <param name="Lowest">The slowest turn.</param>
/// <param name="Highest">The fastest turn.</param>
public sealed record MeasuredRate(double Median, double Lowest, double Highest)
{
    internal static MeasuredRate Of(IEnumerable<double> values)
    {
        var sorted = values.Order().ToList();
        return new MeasuredRate((sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2, sorted[0], sorted[^1]);
    }
}

/// <summary>Memory that a scene took.</summary>
/// <param name="Height">Its rows.</param>
/// <param name="PeakBytes">Largest resident memory of the process that mapped it.</param>
public sealed record HeightPeak(int Height, long PeakBytes);

/// <summary>What streaming a scene costs over the model alone.</summary>
public sealed record SceneBenchmarkReport
{
    /// <summary>Columns.</summary>
    public required int Width { get; init; }

    /// <summary>Rows.</summary>
    public required int Height { get; init; }

    /// <summary>Tiles that went through the model.</summary>
    public required long Tiles { get; init; }

    /// <summary>Tile edge in pixels; the width of tiles that are not square.</summary>
    public required int Tile { get; init; }

    /// <summary>Height of tiles that are not square; null for squares.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TileHeight { get; init; }

    /// <summary>Pixels that neighbours share; those beside each other where the two numbers differ.</summary>
    public required int Overlap { get; init; }

    /// <summary>Pixels that tiles below each other share, where it is another number; null where it is not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? OverlapHeight { get; init; }

    /// <summary>Size of a tile.</summary>
    [JsonIgnore]
    public PixelSize TileSize => new(Tile, TileHeight ?? Tile);

    /// <summary>Pixels that neighbours share, beside and below each other.</summary>
    [JsonIgnore]
    public PixelSize OverlapSize => new(Overlap, OverlapHeight ?? Overlap);

    /// <summary>Tiles a model call.</summary>
    public required int Batch { get; init; }

    /// <summary>Threads of the model; 0 where ONNX Runtime chose.</summary>
    public required int Threads { get; init; }

    /// <summary>The model alone on tensors that are ready.</summary>
    public required MeasuredRate ModelTilesPerSecond { get; init; }

    /// <summary>Whole runs, from call to the finished file.</summary>
    public required MeasuredRate SceneTilesPerSecond { get; init; }

    /// <summary>Runs without making the file.</summary>
    public required MeasuredRate StreamedTilesPerSecond { get; init; }

    /// <summary>Pixels of the scene, overlaps not counted twice, of whole runs.</summary>
    public required double MegapixelsPerSecond { get; init; }

    /// <summary>Ground of whole runs; null when the scene has no place.</summary>
    public double? SquareKilometresPerSecond { get; init; }

    /// <summary>1 − rate of whole runs / rate of the model alone.</summary>
    public double Overhead => 1 - (SceneTilesPerSecond.Median / ModelTilesPerSecond.Median);

    /// <summary>1 − rate of the stream / rate of the model alone.</summary>
    public double StreamOverhead => 1 - (StreamedTilesPerSecond.Median / ModelTilesPerSecond.Median);

    /// <summary>Bytes that were read over those of the scene's files; null where the system does not count.</summary>
    public double? ReadShare { get; init; }

    /// <summary>Largest resident memory of the process.</summary>
    public required long PeakBytes { get; init; }

    /// <summary>Peak memory of scenes of growing height, each in a process of its own; empty when not asked for.</summary>
    public IReadOnlyList<HeightPeak> Heights { get; init; } = [];

    /// <summary>How much more the worst of <see cref="Heights"/> takes than the best; null without them.</summary>
    public double? HeightSpread => Heights.Count == 0 ? null : ((double)Heights.Max(height => height.PeakBytes) / Heights.Min(height => height.PeakBytes)) - 1;

    /// <summary>What was measured on and with: day, processor, cores, libraries; null when nobody said it.</summary>
    public string? Machine { get; init; }

    /// <summary>Busy seconds of the last run by stage.</summary>
    public required StageSeconds Seconds { get; init; }
}
