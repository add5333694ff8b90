using System.Text.Json.Serialization;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>What a map stores.</summary>
public enum MapContent
{
    /// <summary>The most probable class, one band; nodata 255 (65535 above 254 classes).</summary>
    Class,

    /// <summary>The probability of every class, one band each, stored as round(254 · p) with scale 1/254; nodata 255.</summary>
    Probability,

    /// <summary>The model's values as single precision, one band each; nodata NaN.</summary>
    Value,

    /// <summary>What an encoder makes of each patch or tile, one band a channel; see <see cref="SceneOptions.Embedding"/>.</summary>
    Embedding,
}

/// <summary>What an additional band of a class map says about each pixel.</summary>
public enum ConfidenceBand
{
    /// <summary>No such band.</summary>
    None,

    /// <summary>The probability of the chosen class.</summary>
    Maximum,

    /// <summary>−Σ p ln p / ln K: 0 certain, 1 undecided.</summary>
    Entropy,

    /// <summary>The probability of the first class minus that of the second.</summary>
    Margin,
}

/// <summary>What neighbouring tiles share where they overlap.</summary>
public enum BlendSpace
{
    /// <summary>Probabilities.</summary>
    Probability,

    /// <summary>Logits, which become probabilities afterwards: for models whose logits were calibrated to be merged.</summary>
    Logit,
}

/// <summary>Over which symmetries a tile's scores are averaged.</summary>
public enum TestTimeAugmentation
{
    /// <summary>None: the tile as it is.</summary>
    None,

    /// <summary>Unchanged, rows reversed, columns reversed, both: four times the work.</summary>
    Flips,

    /// <summary>All eight symmetries of the square: eight times the work. Tiles that are not square have the four of <see cref="Flips"/> only.</summary>
    D4,
}

/// <summary>How a scene goes through a model. Whatever is left out comes from the model's manifest.</summary>
public sealed record SceneOptions
{
    /// <summary>An adapter loaded from the pipeline's model; borrowed. Null uses the model's own weights.</summary>
    [JsonIgnore]
    public EoAdapter? Adapter { get; init; }

    /// <summary>The parts of the pipeline's model, for several maps at once: what no adapter touches is computed once. Changes nothing in the maps; borrowed.</summary>
    [JsonIgnore]
    public SharedEncoder? SharedEncoder { get; init; }

    /// <summary>Name of the graph output to map; null takes <c>logits</c>, else the first with one score a pixel.</summary>
    public string? Output { get; init; }

    /// <summary>Tile edge in pixels, for graphs that leave it open.</summary>
    public int? Tile { get; init => field = value is null or (>= 1 and <= 65_536) ? value
        : throw new ArgumentOutOfRangeException(nameof(Tile), value, "The tile edge must be 1 to 65536 pixels."); }

    /// <summary>Width of the tiles where they are not square, for graphs that leave it open; <see cref="Tile"/> then is their height.</summary>
    public int? TileWidth { get; init => field = value is null or (>= 1 and <= 65_536) ? value
        : throw new ArgumentOutOfRangeException(nameof(TileWidth), value, "The tile width must be 1 to 65536 pixels."); }

    /// <summary>Pixels that neighbouring tiles share, or a share of the tile.</summary>
    public TileOverlap? Overlap { get; init; }

    /// <summary>How neighbours share these pixels; null is <see cref="BlendMode.Cosine"/>.</summary>
    public BlendMode? Blend { get; init; }

    /// <summary>What neighbours share. <see cref="BlendSpace.Logit"/> does not go together with <see cref="Augmentation"/>, which averages probabilities.</summary>
    public BlendSpace BlendSpace { get; init; }

    /// <summary>What stands behind the scene's edge.</summary>
    public EdgeMode Edge { get; init; }

    /// <summary>Symmetries over which each tile's scores are averaged.</summary>
    public TestTimeAugmentation Augmentation { get; init; }

    /// <summary>The part of the scene to map, in its pixels; cut at the scene's edge. Null maps all of it.</summary>
    public PixelWindow? Window { get; init; }

    /// <summary>The part of the scene to map, in map coordinates; every pixel that it touches. Not together with <see cref="Window"/>.</summary>
    public MapBounds? Bounds { get; init; }

    /// <summary>CRS of <see cref="Bounds"/>, as WKT or <c>EPSG:n</c>; null is that of the scene.</summary>
    public string? BoundsProjection { get; init; }

    /// <summary>A vector file whose polygons are mapped; the rest of the scene is nodata, tiles outside are not run. Its coordinates are
    /// moved into those of the scene. Together with <see cref="Window"/> or <see cref="Bounds"/>, what lies in both is mapped.</summary>
    public string? Area { get; init; }

    /// <summary>What to do when the scene does not look like the data that the model was trained on.</summary>
    public InputCheck InputCheck { get; init; }

    /// <summary>Pixels that shall not be mapped: clouds, shadows, what the user knows.</summary>
    public IReadOnlyList<SceneMask> Masks { get; init; } = [];

    /// <summary>Pixels by which masks grow on every side.</summary>
    public int MaskDilation { get; init => field = value is >= 0 and <= 1000 ? value
        : throw new ArgumentOutOfRangeException(nameof(MaskDilation), value, "Masks can grow by 0 to 1000 pixels."); }

    /// <summary>Whether the model sees masked pixels.</summary>
    public MaskMode MaskMode { get; init; }

    /// <summary>Tiles a model call; null lets the pipeline choose. A graph with a fixed batch wins.</summary>
    public int? Batch { get; init => field = value is null or (>= 1 and <= 1024) ? value
        : throw new ArgumentOutOfRangeException(nameof(Batch), value, "The batch must be 1 to 1024 tiles."); }

    /// <summary>Finds <see cref="Batch"/> by measuring the model for up to ten seconds, once for each model, within <see cref="Memory"/>. The choice follows the
    /// machine, and with some models the last bits of scores follow the batch: not together with <see cref="Batch"/> or <see cref="Deterministic"/>.</summary>
    public bool MeasureBatch { get; init; }

    /// <summary>The last batch is filled up, so that every model call has the same number of tiles: the map does not depend on where
    /// batches end, even in the last bits. The batch is not halved to save memory.</summary>
    public bool Deterministic { get; init; }

    /// <summary>Bytes that the process may use; null takes what it uses plus half of what is free. Costs batch size first, then
    /// the scene is streamed in panels.</summary>
    public long? Memory { get; init => field = value is null or >= 1 << 20 ? value
        : throw new ArgumentOutOfRangeException(nameof(Memory), value, "The memory must be at least 1 MiB."); }

    /// <summary>Set when other scenes are mapped in the same process at the same time.</summary>
    internal MemoryShare? MemoryShare { get; init; }

    /// <summary>Columns of tiles a panel; null lets the memory decide.</summary>
    internal int? PanelTiles { get; init; }

    /// <summary>What to do about a part of the scene that cannot be read.</summary>
    public ErrorMode OnError { get; init; }

    /// <summary>Largest share of the scene, 0 to 1, that may be lost with <see cref="ErrorMode.NoData"/>.</summary>
    public double MostDamage { get; init => field = value is >= 0 and <= 1 ? value
        : throw new ArgumentOutOfRangeException(nameof(MostDamage), value, "The share that may be lost must lie between 0 and 1."); } = 0.01;

    /// <summary>Batches cut ahead of the model.</summary>
    public int Prefetch { get; init => field = value is >= 1 and <= 64 ? value
        : throw new ArgumentOutOfRangeException(nameof(Prefetch), value, "Prefetch must be 1 to 64 batches."); } = 2;

    /// <summary>Threads that decode the scene; 0 takes up to four.</summary>
    public int Readers { get; init => field = value is >= 0 and <= 64 ? value
        : throw new ArgumentOutOfRangeException(nameof(Readers), value, "Readers must be 0 (up to four) to 64."); }

    /// <summary>Bands of the scene in the model's order: numbers from 1, names, or <c>CHANNEL=band</c>. Empty maps them by name.</summary>
    public IReadOnlyList<string> Bands { get; init; } = [];

    /// <summary>Factor from stored values to the unit of the model's statistics: one for all channels or one each. Empty decides by manifest and file.</summary>
    public IReadOnlyList<double> Scale { get; init; } = [];

    /// <summary>Addend after <see cref="Scale"/>: one for all channels or one each.</summary>
    public IReadOnlyList<double> Offset { get; init; } = [];

    /// <summary>Which pixels count as missing.</summary>
    public ValidityOptions Validity { get; init; } = new();

    /// <summary>What the map stores; null follows the model's task.</summary>
    public MapContent? Content { get; init; }

    /// <summary>How an embedding is made; needs no <see cref="Content"/> beside it. Null makes a map, unless <see cref="Content"/> asks for an embedding.</summary>
    public EmbeddingOptions? Embedding { get; init; }

    /// <summary>Store a map of values as 16-bit whole numbers over this range, with scale and offset: half the size. What lies outside is cut and counted. Null stores single precision.</summary>
    public ValueRange? Quantise { get; init; }

    /// <summary>An additional band of a class map.</summary>
    public ConfidenceBand Confidence { get; init; }

    /// <summary>Edge in pixels of the square window whose median replaces each class of a class map, as QGIS Deepness removes small segments; an even
    /// number means the next odd one, 0 and 1 nothing. Probabilities and confidences are not smoothed. Null follows the model (<see cref="EoOnnx.Formats.ModelManifest.Median"/>).</summary>
    public int? Median { get; init => field = value is null or (>= 0 and <= ClassMedian.LargestWindow) ? value
        : throw new ArgumentOutOfRangeException(nameof(Median), value, $"The window of the median must be 0 to {ClassMedian.LargestWindow} pixels."); }

    /// <summary>Files that are made beside the map.</summary>
    public MapCompanions Companions { get; init; } = new();

    /// <summary>Discard an unfinished run of the same map instead of continuing it.</summary>
    public bool Restart { get; init; }

    /// <summary>How an embedding is made; null when a map is made.</summary>
    internal EmbeddingOptions? WantedEmbedding => Content is null or MapContent.Embedding ? Embedding ?? (Content is null ? null : new EmbeddingOptions())
        : Embedding is null ? null : throw new ArgumentException($"An embedding and a map of the content {Content} are asked for; choose one.");

    /// <summary>What opening the scene has decided; null for a raster that is taken as it is.</summary>
    internal SceneOpening? Opening { get; init; }

    /// <summary>Writes when the map was made into it (<c>TIFFTAG_DATETIME</c>, UTC). Without it equal runs give equal bytes.</summary>
    public bool Stamp { get; init; }

    /// <summary>Keep the work area when the map is finished: its raw rows, their checksums and the job.</summary>
    public bool KeepWork { get; init; }

    /// <summary>Grams of CO₂ for a kilowatt-hour where this runs: the report then tells them. Changes nothing in the map.</summary>
    public double? GramsPerKilowattHour { get; init => field = value is null or (>= 0 and < 1e5) ? value
        : throw new ArgumentOutOfRangeException(nameof(GramsPerKilowattHour), value, "Grams of CO₂ for a kilowatt-hour must be 0 to 100,000; electricity has 10 to 1,000."); }

    /// <summary>The command that asks for the map, for its report; what may be secret in it is left out. Changes nothing in the map.</summary>
    public string? Command { get; init => field = value is null ? null : RemoteAccess.Redact(value); }

    /// <summary>Replace a map that exists.</summary>
    public bool Overwrite { get; init; }
}
