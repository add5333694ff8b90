using System.Globalization;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>A part of the memory that a run needs.</summary>
/// <param name="Name">What it is for.</param>
/// <param name="Bytes">How much.</param>
public sealed record MemoryPart(string Name, long Bytes);

/// <summary>The memory of a process that several scenes share.</summary>
/// <param name="Scenes">Scenes at a time.</param>
/// <param name="ProcessBytes">What the process takes without their buffers.</param>
internal sealed record MemoryShare(int Scenes, long ProcessBytes);

/// <summary>What a run needs, decided before it starts: the batch is halved, then the scene cut into panels, until it fits.</summary>
/// <param name="BudgetBytes">What the process may use.</param>
/// <param name="Batch">Tiles a model call.</param>
/// <param name="Panels">Ranges of columns that are streamed one after the other; they change nothing in the map.</param>
/// <param name="ArenaBytes">What the model's working memory grows by for each further tile of a batch, measured.</param>
/// <param name="Parts">What the memory is for.</param>
public sealed record MemoryPlan(long BudgetBytes, int Batch, int Panels, long ArenaBytes, IReadOnlyList<MemoryPart> Parts)
{
    /// <summary>Kept free for the runtime itself.</summary>
    private const long Reserve = 64L << 20, BlockCache = 64L << 20;

    /// <summary>What was measured to choose the batch; empty when it was not.</summary>
    public IReadOnlyList<BatchRate> Rates { get; init; } = [];

    /// <summary>All parts.</summary>
    public long TotalBytes => Parts.Sum(part => part.Bytes);

    /// <summary>For example <c>412 of 2048 MiB: process and model 180, rows of the scene 63, …; 8 tiles a call, 1 panel</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{TotalBytes >> 20} of {BudgetBytes >> 20} MiB: {string.Join(", ", Parts.Select(part => string.Create(CultureInfo.InvariantCulture, $"{part.Name} {part.Bytes >> 20}")))}; {BatchRate.Describe(Batch, Rates)}, {Panels} {(Panels == 1 ? "panel" : "panels")}");

    /// <summary>Plans the memory of a run; sets the batch of every job.</summary>
    /// <param name="jobs">The maps that are made together.</param>
    /// <param name="arena">Growth of the model's memory for each further tile.</param>
    /// <param name="panelWidth">Width of the first panel of an earlier run, which the rest of it must follow.</param>
    /// <returns>The plan and the columns of tiles that a panel owns.</returns>
    /// <exception cref="ModelException">Not even one tile a call and one column of tiles a panel fit what the user allows.</exception>
    internal static (MemoryPlan Plan, int TilesAPanel) Of(IReadOnlyList<SceneJob> jobs, long arena, int? panelWidth)
    {
        var (job, model) = (jobs[0], jobs[0].Model);
        var share = job.Options.MemoryShare ?? new MemoryShare(1, Environment.WorkingSet);
        var process = share.ProcessBytes;
        // What is there once, however many scenes there are.
        var common = process + BlockCache + Reserve;
        var total = job.Options.Memory ?? DefaultBudget();
        var budget = common + (Math.Max(0, total - common) / share.Scenes);
        var tiles = panelWidth is { } width ? Panel.TilesOf(job.MapPlan, width) : job.Options.PanelTiles ?? job.Plan.X.Count;
        var batch = model.Batch;
        MemoryPlan plan;
        while ((plan = Plan(tiles, batch)).TotalBytes > budget && batch > 1 && !model.BatchIsFixed && !job.Options.Deterministic)
        {
            batch /= 2;
        }

        // An earlier run has chosen its panels; the largest that fit are found by bisection otherwise.
        if (panelWidth is null && job.Options.PanelTiles is null && !Fits(plan))
        {
            var (low, high) = (1, tiles);
            while (high - low > 1)
            {
                var middle = (low + high) / 2;
                (low, high) = Fits(Plan(middle, batch)) ? (middle, high) : (low, middle);
            }

            tiles = low;
            plan = Plan(tiles, batch);
        }

        if (plan.TotalBytes > budget && job.Options.Memory is not null)
        {
            throw new ModelException($"The run needs {plan}. Allow at least {((common + ((plan.TotalBytes - common) * share.Scenes)) >> 20) + 1} MiB with --memory, or choose a smaller --tile or --batch.");
        }

        foreach (var map in jobs)
        {
            map.Model.Batch = batch;
        }

        return (plan, tiles);

        bool Fits(MemoryPlan candidate) => candidate.TotalBytes <= budget && candidate.Parts.First(part => part.Name == RowsName).Bytes <= Array.MaxLength;

        MemoryPlan Plan(int panelTiles, int tilesACall)
        {
            var panels = Panel.Cut(job, panelTiles);
            var (read, columns) = (panels.Max(panel => panel.ReadWidth), panels.Max(panel => panel.MapWidth));
            var (area, mapArea) = (model.Tile.Area, model.MapTile.Area);
            var image = (job.Bands.Count * area * sizeof(float)) + area;
            var slab = (long)read * SlabRows.Of(job).Capacity * ((job.Bands.Count * (long)Raster.RasterTypes.SizeInBytes(SlabReader.TypeOf(job.Bands))) + 1);
            return new MemoryPlan(budget, tilesACall, panels.Count, arena,
            [
                new("process and model", process),
                new("model's working memory", (tilesACall - 1) * arena),
                new(RowsName, slab),
                new("tiles", (job.Options.Prefetch + 2) * tilesACall * image),
                new("scores", jobs.Sum(map => 3 * tilesACall * ((map.Model.ScoreLength * (long)sizeof(float)) + mapArea) + (tilesACall * map.Model.RawLength * (long)sizeof(float))
                    + (map.Options.Augmentation == TestTimeAugmentation.None ? 0 : tilesACall * (image + (map.Model.ScoreLength * (long)sizeof(float)))))),
                new("sums", jobs.Sum(map => (long)columns * (model.MapTile.Height / map.Plan.Cell.Height) * (map.Blend == BlendMode.None ? RowBytes(map) : (map.Model.Classes * sizeof(float)) + 1))),
                new("finished rows", jobs.Sum(map => (long)columns * (model.MapTile.Height / map.Plan.Cell.Height) * RowBytes(map) * PanelRun.StripBuffers)),
                .. jobs.Any(map => map.Median > 1) ? [new MemoryPart("median", jobs.Max(map => map.Median > 1 ? map.NewMedian().Bytes : 0))] : (MemoryPart[])[],
                new("block cache", BlockCache),
                new("reserve", Reserve),
            ]);
        }
    }

    private const string RowsName = "rows of the scene";

    private static long RowBytes(SceneJob job) => job.Profile.BandCount * (long)Raster.RasterTypes.SizeInBytes(job.Profile.Type);

    /// <summary>What the process uses plus half of what is free, within the limit of a container.</summary>
    private static long DefaultBudget()
    {
        var used = Environment.WorkingSet;
        var limit = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        var free = Math.Min(FreeBytes() ?? limit, Math.Max(0, limit - used));
        return used + (free / 2);
    }

    // Memory that can be had without swapping, as Linux counts it; other systems go by what the runtime may use.
    private static long? FreeBytes()
    {
        const string file = "/proc/meminfo", key = "MemAvailable:";
        var line = File.Exists(file) ? File.ReadLines(file).FirstOrDefault(text => text.StartsWith(key, StringComparison.Ordinal)) : null;
        return line is not null && long.TryParse(line.AsSpan(key.Length).TrimEnd("kB ").Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var kibibytes) ? kibibytes << 10 : null;
    }
}
