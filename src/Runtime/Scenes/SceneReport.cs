using System.Diagnostics;
using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>What was done to a scene: written beside the map as <c>MAP.report.json</c>.</summary>
public sealed record SceneReport
{
    /// <summary>Version of this structure.</summary>
    public int Version { get; init; } = 1;

    /// <summary>The command that asked for the map, without secrets; null when a program did.</summary>
    public string? Command { get; init; }

    /// <summary>The map.</summary>
    public required string Map { get; init; }

    /// <summary>The scene, as it was named.</summary>
    public required string Source { get; init; }

    /// <summary>The model file.</summary>
    public required string Model { get; init; }

    /// <summary>The adapter file.</summary>
    public string? Adapter { get; init; }

    /// <summary>What the map stores.</summary>
    public required MapContent Content { get; init; }

    /// <summary>How the scene was cut.</summary>
    public required PlanReport Plan { get; init; }

    /// <summary>Which band fed which channel of the model.</summary>
    public required IReadOnlyList<ChannelReport> Channels { get; init; }

    /// <summary>Pixels by what became of them.</summary>
    public required PixelReport Pixels { get; init; }

    /// <summary>Seconds by stage; stages overlap, so they sum to more than <see cref="StageSeconds.Total"/>.</summary>
    public required StageSeconds Seconds { get; init; }

    /// <summary>Throughput of this run.</summary>
    public required RateReport Rate { get; init; }

    /// <summary>Memory of the process.</summary>
    public required MemoryReport Memory { get; init; }

    /// <summary>Classes of a class map with their areas.</summary>
    public IReadOnlyList<ClassReport> Classes { get; init; } = [];

    /// <summary>Bands of a map of values.</summary>
    public IReadOnlyList<ValueReport> Values { get; init; } = [];

    /// <summary>Where the map lies; null when the scene has no place on the ground.</summary>
    public PlaceReport? Place { get; init; }

    /// <summary>What was read.</summary>
    public ReadReport? Io { get; init; }

    /// <summary>Energy of the processor, measured or estimated, of the run; scenes that are mapped at the same time count together.</summary>
    public EnergyReport? Energy { get; init; }

    /// <summary>What an embedding holds; null for maps.</summary>
    public EmbeddingReport? Embedding { get; init; }

    /// <summary>Decisions about the scene, for example whether an offset was applied.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Files that were made beside the map and this report.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];

    /// <summary>Things the user should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>How the work on this map ended, as an exit code of eoonnx: 0 in the report of a complete map. A run that fails (1) or is cancelled (130) leaves
    /// its report in the work area, <c>MAP.tif.eoonnx/report.json</c>: what lies beside the map belongs to the map that is there.</summary>
    public int Exit { get; init; }

    /// <summary>Why the work ended before its time; null for a complete map.</summary>
    public string? Error { get; init; }

    /// <summary>The report of a run that did not come to its end. Rows that are not made count as nodata.</summary>
    internal SceneReport Ended(Exception failure) =>
        this with { Exit = failure is OperationCanceledException ? 130 : 1, Error = RemoteAccess.Redact(failure.Message) };

    /// <summary>The report when the file is made.</summary>
    internal SceneReport Finished(double finishSeconds, double totalSeconds) => this with
    {
        Seconds = Seconds with { Finish = finishSeconds, Total = totalSeconds },
        Rate = new RateReport(Rate.TilesPerSecond * Seconds.Total / totalSeconds, Rate.PixelsPerSecond * Seconds.Total / totalSeconds, Seconds.Model / totalSeconds),
        Memory = MemoryReport.Now(Memory.BufferBytes, Memory.Plan, Memory.ManagedBytes) with { DeviceBytes = Memory.DeviceBytes },
        Energy = Energy?.Now(),
    };

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, SceneReportJson.Default.SceneReport);

    /// <summary>Writes the report as a file, atomically.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, ToJson() + "\n");

    /// <summary>Reads a report that <see cref="Save"/> has written.</summary>
    /// <exception cref="FileFormatException">The file is no such report.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static SceneReport Load(string path)
    {
        try
        {
            return JsonSerializer.Deserialize(File.ReadAllText(path), SceneReportJson.Default.SceneReport) ?? throw new JsonException("it is empty");
        }
        catch (JsonException failure)
        {
            throw new FileFormatException($"{path} is no report of a map: {failure.Message}. Remove it, and map the scene again with --overwrite.", failure);
        }
    }
}

/// <summary>How a scene was cut.</summary>
/// <param name="Width">Columns of the scene.</param>
/// <param name="Height">Rows of the scene.</param>
/// <param name="Tile">Tile edge; the width of tiles that are not square.</param>
/// <param name="Overlap">Pixels that neighbours share; those beside each other where the two numbers differ.</param>
/// <param name="Blend">How they share them.</param>
/// <param name="Batch">Tiles a model call.</param>
/// <param name="Tiles">Tiles of the plan.</param>
/// <param name="Skipped">Tiles of this run without a valid pixel.</param>
/// <param name="ResumedRows">Rows that an earlier, interrupted run had made, of the panel that it was in.</param>
/// <param name="Panels">Ranges of columns that were streamed one after the other.</param>
public sealed record PlanReport(int Width, int Height, int Tile, int Overlap, string Blend, int Batch, long Tiles, long Skipped, int ResumedRows, int Panels)
{
    /// <summary>Height of tiles that are not square; null for squares.</summary>
    public int? TileHeight { get; init; }

    /// <summary>Pixels that tiles below each other share, where it is another number; null where it is not.</summary>
    public int? OverlapHeight { get; init; }

    /// <summary>Size of a tile.</summary>
    [JsonIgnore]
    public PixelSize TileSize => new(Tile, TileHeight ?? Tile);

    /// <summary>Pixels that neighbours share, beside and below each other.</summary>
    [JsonIgnore]
    public PixelSize OverlapSize => new(Overlap, OverlapHeight ?? Overlap);

    internal static PlanReport Of(PixelSize map, TilePlan plan, BlendMode blend, int batch, long skipped, int resumedRows, int panels) =>
        new(map.Width, map.Height, plan.Tile.Width, plan.Overlap.Width, blend.ToString().ToLowerInvariant(), batch, plan.Count, skipped, resumedRows, panels)
        {
            TileHeight = plan.Tile.Height == plan.Tile.Width ? null : plan.Tile.Height,
            OverlapHeight = plan.Overlap.Height == plan.Overlap.Width ? null : plan.Overlap.Height,
        };
}

/// <summary>A channel of the model and the band that fed it.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Band">1-based band of the scene.</param>
/// <param name="Name">Its name there; empty when it has none.</param>
/// <param name="MatchedBy">How the pair was found: <c>option</c>, <c>name</c> or <c>order</c>.</param>
/// <param name="Scale">Factor applied to stored values.</param>
/// <param name="Offset">Addend after the factor.</param>
/// <param name="Mean">Mean of valid pixels after standardisation, of a regular sample; about 0 for data like the training data. NaN without any.</param>
/// <param name="StandardDeviation">Their standard deviation; about 1 for data like the training data.</param>
public sealed record ChannelReport(string Channel, int Band, string Name, string MatchedBy, double Scale, double Offset, double Mean, double StandardDeviation);

/// <summary>Pixels by what became of them; of an embedding, its pixels.</summary>
/// <param name="Total">All pixels of the map.</param>
/// <param name="Predicted">Pixels with a value in the map.</param>
/// <param name="NoData">Pixels that are nodata in the map.</param>
/// <param name="Masked">Pixels with data that masks have hidden, in the rows that this run read.</param>
/// <param name="Unreadable">Pixels that could not be read, in the rows that this run read; nodata in the map.</param>
/// <param name="SquareKilometres">Area of the predicted pixels; null when the scene has no place on the ground.</param>
public sealed record PixelReport(long Total, long Predicted, long NoData, long Masked, long Unreadable, double? SquareKilometres);

/// <summary>Busy seconds of each stage.</summary>
/// <param name="Read">Decoding the scene.</param>
/// <param name="Prepare">Cutting and standardising tiles.</param>
/// <param name="Model">Inside ONNX Runtime.</param>
/// <param name="Blend">Activation, blending, choice of the class.</param>
/// <param name="Write">Storing rows durably.</param>
/// <param name="Finish">Making the cloud-optimised file.</param>
/// <param name="Total">From call to return; opening the scene comes before.</param>
public sealed record StageSeconds(double Read, double Prepare, double Model, double Blend, double Write, double Finish, double Total)
{
    /// <summary>Opening the scene's sources; 0 for a raster that the caller had opened.</summary>
    public double Open { get; init; }

    /// <summary>Seconds in which a stage had nothing to do because the one before had nothing ready.</summary>
    public StageWaits? Starved { get; init; }

    /// <summary>Seconds in which a stage could not go on because those behind it had no room.</summary>
    public StageWaits? Blocked { get; init; }
}

/// <summary>Seconds that stages waited; with several panels, their sum.</summary>
/// <param name="Read">Decoding the scene.</param>
/// <param name="Prepare">Cutting and standardising tiles.</param>
/// <param name="Model">Inside ONNX Runtime.</param>
/// <param name="Blend">Activation, blending, choice of the class.</param>
/// <param name="Write">Storing rows durably.</param>
public sealed record StageWaits(double Read, double Prepare, double Model, double Blend, double Write);

/// <summary>Throughput of a run.</summary>
/// <param name="TilesPerSecond">Tiles through the model.</param>
/// <param name="PixelsPerSecond">Pixels of the scene that were mapped anew; overlaps are not counted twice.</param>
/// <param name="ModelShare">Share of the total time in which the model was busy.</param>
public sealed record RateReport(double TilesPerSecond, double PixelsPerSecond, double ModelShare);

/// <summary>Memory of the process.</summary>
/// <param name="PeakBytes">Largest resident set since the process started.</param>
/// <param name="BufferBytes">The pipeline's own buffers.</param>
/// <param name="Plan">What was planned before the run.</param>
public sealed record MemoryReport(long PeakBytes, long BufferBytes, MemoryPlan Plan)
{
    /// <summary>What the runtime's own heap held, at the end of the stream or of the run, whichever is more; the rest is memory of ONNX Runtime, GDAL and buffers outside of it.</summary>
    public long ManagedBytes { get; init; }

    /// <summary>Memory of the GPU that all processes together used at the end of the stream; null on a processor, and where the driver does not tell.</summary>
    public long? DeviceBytes { get; init; }

    internal static MemoryReport Now(long bufferBytes, MemoryPlan plan, long managedBefore = 0)
    {
        using var process = Process.GetCurrentProcess();
        return new MemoryReport(process.PeakWorkingSet64, bufferBytes, plan) { ManagedBytes = Math.Max(managedBefore, GC.GetTotalMemory(forceFullCollection: false)) };
    }
}

/// <summary>What an embedding holds.</summary>
/// <param name="Output">The encoder's output.</param>
/// <param name="Pool">What a pixel stands for.</param>
/// <param name="Storage">How numbers are stored.</param>
/// <param name="Channels">Bands.</param>
/// <param name="Cell">Edge of its pixels in pixels of the scene; their width where they are not square.</param>
public sealed record EmbeddingReport(string Output, EmbeddingPool Pool, EmbeddingStorage Storage, int Channels, int Cell)
{
    /// <summary>Height of its pixels in pixels of the scene where it is another number; null where they are square.</summary>
    public int? CellHeight { get; init; }
}

/// <summary>A class of a map.</summary>
/// <param name="Id">Its value in the map.</param>
/// <param name="Name">Its name.</param>
/// <param name="Pixels">How many pixels have it.</param>
/// <param name="SquareKilometres">Their area; null when the scene has no place on the ground.</param>
/// <param name="Confidence">Mean probability of the class where it was chosen; null when the run did not store probabilities (<c>--confidence max</c> or <c>--vector</c>).</param>
public sealed record ClassReport(int Id, string Name, long Pixels, double? SquareKilometres, double? Confidence = null);

/// <summary>A band of a map of values, in its unit; null where no pixel has a value.</summary>
/// <param name="Name">The band.</param>
/// <param name="Unit">Unit of the values; null when the model does not say.</param>
/// <param name="Low">The smallest value.</param>
/// <param name="High">The largest value.</param>
/// <param name="Mean">Their mean.</param>
public sealed record ValueReport(string Name, string? Unit, double? Low, double? High, double? Mean)
{
    internal static ValueReport Of(Raster.RasterProfile profile, int band, ValueSpread spread)
    {
        var (scale, offset) = profile.BandScaling.ElementAtOrDefault(band) ?? (1, 0);
        return new ValueReport(profile.BandNames[band], profile.Unit.Length > 0 ? profile.Unit : null, Stored(spread.Low), Stored(spread.High), Stored(spread.Mean));

        double? Stored(double number) => double.IsFinite(number) ? (number * scale) + offset : null;
    }
}

/// <summary>Where a map lies.</summary>
/// <param name="Crs">Code of the coordinate reference system, such as <c>EPSG:32633</c>; null when it has none.</param>
/// <param name="West">Left edge, in units of the system.</param>
/// <param name="South">Lower edge.</param>
/// <param name="East">Right edge.</param>
/// <param name="North">Upper edge.</param>
/// <param name="PixelWidth">Width of a pixel, in units of the system.</param>
/// <param name="PixelHeight">Height of a pixel.</param>
public sealed record PlaceReport(string? Crs, double West, double South, double East, double North, double PixelWidth, double PixelHeight)
{
    internal static PlaceReport? Of(Raster.RasterProfile profile) => profile is not { Transform: { } grid, Projection.Length: > 0 } ? null
        : new PlaceReport(Raster.SpatialReference.Code(profile.Projection), grid.OriginX, grid.OriginY + (profile.Size.Height * grid.PixelHeight),
            grid.OriginX + (profile.Size.Width * grid.PixelWidth), grid.OriginY, grid.PixelWidth, Math.Abs(grid.PixelHeight));
}

/// <summary>What was read.</summary>
/// <param name="Bytes">Bytes that this process asked the system for while the scene was streamed, whatever for; null where the system does not count them.</param>
/// <param name="SourceBytes">Bytes of the scene's local files.</param>
public sealed record ReadReport(long? Bytes, long SourceBytes)
{
    /// <summary>Calls by which <see cref="Bytes"/> were asked for; null where the system does not count them.</summary>
    public long? Calls { get; init; }

    /// <summary>Requests to servers since the scene's sources were opened, as GDAL counts them for all scenes of the process; 0 for local files.</summary>
    public long Requests { get; init; }

    /// <summary>Bytes of the servers' answers.</summary>
    public long DownloadedBytes { get; init; }
}

/// <summary>Energy that a run took.</summary>
/// <param name="Joules">Energy of the processors, and of the GPU where one is used and counts it.</param>
/// <param name="Method"><c>measured</c> by the counters of all of them, or <c>estimated</c>: where the processors' counters cannot be read, their part is processor time
/// times 10 W; where the GPU in use does not tell, its part is missing.</param>
/// <param name="Co2Grams">Carbon dioxide, where the run was told how much a kilowatt-hour makes.</param>
public sealed record EnergyReport(double Joules, string Method, double? Co2Grams)
{
    private Func<EnergyReport>? Meter { get; init; }

    internal EnergyReport Now() => Meter?.Invoke() ?? this;

    internal static EnergyReport Of(EnergyMeter meter, double? gramsPerKilowattHour)
    {
        const double joulesPerKilowattHour = 3.6e6;
        var use = meter.Result();
        return new EnergyReport(use.Joules, use.IsMeasured ? "measured" : "estimated", use.Joules / joulesPerKilowattHour * gramsPerKilowattHour) { Meter = () => Of(meter, gramsPerKilowattHour) };
    }
}
