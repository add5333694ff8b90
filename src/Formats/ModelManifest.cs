using System.Text.Json;

namespace EoOnnx.Formats;

/// <summary>
/// What a model file says about itself: bands, statistics, classes, tile, features, licence, identity. One JSON value in the
/// model's <c>metadata_props</c> under <see cref="MetadataKey"/>. Unknown members are ignored; a newer version is refused.
/// </summary>
public sealed record ModelManifest
{
    /// <summary>The key in <c>metadata_props</c>.</summary>
    public const string MetadataKey = "eoonnx.manifest";

    /// <summary>The version this code writes and the newest it reads.</summary>
    public const int CurrentVersion = 1;

    /// <summary>Version of this structure.</summary>
    public int Version { get; init; } = CurrentVersion;

    /// <summary>Name a person would use.</summary>
    public required string Name { get; init; }

    /// <summary>Architecture family, for example <c>dofa</c> or <c>prithvi</c>.</summary>
    public required string Family { get; init; }

    /// <summary>Variant of the family, for example <c>dofa_base_patch16_224</c>.</summary>
    public string? Variant { get; init; }

    /// <summary>What the outputs are.</summary>
    public required ModelTask Task { get; init; }

    /// <summary>The input channels, in order.</summary>
    public IReadOnlyList<ManifestBand> Bands { get; init; } = [];

    /// <summary>Factor from stored values to the unit of the statistics.</summary>
    public double ValueScale { get; init; } = 1;

    /// <summary>Addend from stored values to the unit of the statistics.</summary>
    public double ValueOffset { get; init; }

    /// <summary>Time steps the model takes.</summary>
    public int Frames { get; init => field = value is > 0 and <= 1000 ? value : throw Bad(nameof(Frames), value, "1 to 1000"); } = 1;

    /// <summary>Edge of square tiles in pixels; null when any will do, and for a model whose images are not square.</summary>
    public int? Tile { get; init => field = value is null or (> 0 and <= 65_536) ? value : throw Bad(nameof(Tile), value, "1 to 65536"); }

    /// <summary>Size of the images of a model that takes no square ones; null for square ones.</summary>
    public ManifestTileSize? TileSize { get; init; }

    /// <summary>Patch edge in pixels.</summary>
    public int? Patch { get; init => field = value is null or (> 0 and <= 65_536) ? value : throw Bad(nameof(Patch), value, "1 to 65536"); }

    /// <summary>How the reference pads an image whose size does not fit; the model takes images of the padded size. Null when it does not.</summary>
    public ManifestPadding? Padding { get; init; }

    /// <summary>Recommended overlap of neighbouring tiles in pixels.</summary>
    public int? Overlap { get; init => field = value is null or (>= 0 and <= 65_536) ? value : throw Bad(nameof(Overlap), value, "0 to 65536"); }

    /// <summary>Ground resolution of the training data in metres.</summary>
    public double? GroundResolutionMetres { get; init; }

    /// <summary>What missing pixels become after standardisation; null is 0, the channel mean.</summary>
    public float? Fill { get; init; }

    /// <summary>The classes, in order of the output channels.</summary>
    public IReadOnlyList<ManifestClass> Classes { get; init; } = [];

    /// <summary>The activation that the graph's output already has: <c>none</c>, <c>softmax</c> or <c>sigmoid</c>.</summary>
    public string Activation { get; init => field = value is "none" or "softmax" or "sigmoid" ? value : throw Bad(nameof(Activation), value, "none, softmax or sigmoid"); } = "none";

    /// <summary>Probability below which a pixel gets no class (of several) or the background (of one); null is 0 for softmax and 0.5 for sigmoid.</summary>
    public double? Threshold { get; init => field = value is null or (>= 0 and <= 1) ? value : throw Bad(nameof(Threshold), value, "0 to 1"); }

    /// <summary>Edge in pixels of the square window whose median replaces each class of a map, so that specks go; an even number means the next odd one,
    /// 0 and 1 nothing. Null is 0. Probabilities are not smoothed.</summary>
    public int? Median { get; init => field = value is null or (>= 0 and <= 99) ? value : throw Bad(nameof(Median), value, "0 to 99"); }

    /// <summary>What the scores of classes are divided by before they become probabilities, fitted so that these say how often a pixel is right; null is 1.
    /// The most probable class does not depend on it.</summary>
    public double? Temperature { get; init => field = value is null or (> 0 and <= 1000) ? value : throw Bad(nameof(Temperature), value, "over 0 to 1000"); }

    /// <summary>Factor from the graph's output to the unit of the map, for regression.</summary>
    public double OutputScale { get; init => field = double.IsFinite(value) && value != 0 ? value : throw Bad(nameof(OutputScale), value, "a finite number other than 0"); } = 1;

    /// <summary>Unit of the values of a regression, for example <c>t/ha</c>; null when it is not known.</summary>
    public string? Unit { get; init; }

    /// <summary>Output pixels for one input pixel along an edge; above 1 for super-resolution.</summary>
    public int Upsampling { get; init => field = value is > 0 and <= 64 ? value : throw Bad(nameof(Upsampling), value, "1 to 64"); } = 1;

    /// <summary>The outputs of a model with several maps, each with classes of its own, in graph order; empty when there is one map.</summary>
    public IReadOnlyList<ManifestHead> Heads { get; init; } = [];

    /// <summary>What the model is made of, from input to output, a line a part, for people.</summary>
    public IReadOnlyList<string> Parts { get; init => field = value ?? []; } = [];

    /// <summary>What a user should know, a sentence each: what was assumed or left out when the model was made.</summary>
    public IReadOnlyList<string> Remarks { get; init => field = value ?? []; } = [];

    /// <summary>Feature outputs of an encoder.</summary>
    public IReadOnlyList<ManifestFeature> Features { get; init; } = [];

    /// <summary>Inputs that a run may leave out, such as the date and place of an image. They have a default and are no adapter slots.</summary>
    public IReadOnlyList<ManifestInput> OptionalInputs { get; init => field = value ?? []; } = [];

    /// <summary>What a model of several modalities takes, one entry an input in the order of their tokens; empty for models with one image
    /// input. <see cref="Bands"/> then are those of the first image.</summary>
    public IReadOnlyList<ManifestModality> Modalities { get; init => field = value ?? []; } = [];

    /// <summary>Licence of the weights, as an SPDX identifier where there is one.</summary>
    public string? Licence { get; init; }

    /// <summary>Where the weights come from.</summary>
    public string? Source { get; init; }

    /// <summary>SHA-256 of the file the weights were read from.</summary>
    public string? SourceSha256 { get; init; }

    /// <summary>Identity of the frozen weights (<see cref="WeightsHash"/>): what an adapter is checked against.</summary>
    public string? WeightsSha256 { get; init; }

    /// <summary>Label value that means "no label".</summary>
    public int? NoDataLabel { get; init; }

    /// <summary>Reads a manifest.</summary>
    /// <exception cref="FileFormatException">Not JSON, a missing or bad member, or a version newer than this code.</exception>
    public static ModelManifest Parse(string json)
    {
        try
        {
            var manifest = ManifestJson.Read(json);
            return manifest.Version is >= 1 and <= CurrentVersion ? manifest
                : throw new FileFormatException($"The model's manifest has version {manifest.Version}; this program reads up to {CurrentVersion}. Use a newer eoonnx.");
        }
        catch (Exception failure) when (failure is JsonException or NotSupportedException or InvalidOperationException)
        {
            throw new FileFormatException($"The model's manifest (metadata {MetadataKey}) is damaged: {failure.Message}", failure);
        }
    }

    /// <summary>The overlap in pixels that suits a tile edge when <see cref="Overlap"/> says nothing: 2·ceil(tile / 14), 32 at 224.</summary>
    public static int DefaultOverlap(int tile) => 2 * ((tile + 13) / 14);

    /// <summary>The manifest as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, ManifestJson.Default.ModelManifest);

    private static FileFormatException Bad(string member, object? value, string expected) =>
        new($"The manifest's {member} is {value}; expected {expected}.");
}

/// <summary>What the outputs of a model are.</summary>
public enum ModelTask
{
    /// <summary>Feature tokens or maps of an encoder.</summary>
    Features,

    /// <summary>A score for each class and pixel.</summary>
    Segmentation,

    /// <summary>A value for each pixel.</summary>
    Regression,

    /// <summary>A score for each class and image.</summary>
    Classification,

    /// <summary>Independent scores for each label and image.</summary>
    Multilabel,

    /// <summary>A value for each image.</summary>
    ScalarRegression,
}

/// <summary>An input channel.</summary>
/// <param name="Id">Band name, for example <c>B8A</c> or <c>NIR_NARROW</c>.</param>
/// <param name="Mean">Mean of the training data, in the unit of <see cref="ModelManifest.ValueScale"/>.</param>
/// <param name="StandardDeviation">Standard deviation in that unit; positive.</param>
/// <param name="WavelengthMicrometres">Central wavelength, where there is one.</param>
/// <param name="Name">Another name, for people.</param>
public sealed record ManifestBand(string Id, double Mean = 0, double StandardDeviation = 1, double? WavelengthMicrometres = null, string? Name = null)
{
    /// <summary>Standard deviation of the training data; positive.</summary>
    public double StandardDeviation { get; init => field = Positive(value); } = Positive(StandardDeviation);

    private static double Positive(double value) => value > 0 && double.IsFinite(value) ? value
        : throw new FileFormatException($"Band statistics need a positive standard deviation; found {value}.");
}

/// <summary>Padding of images that do not fit, the smaller half at the top left; predictions are cut back in the same way.</summary>
/// <param name="Multiple">What height and width must divide by, in pixels.</param>
/// <param name="Mode"><c>reflect</c>, <c>constant</c>, <c>replicate</c> or <c>circular</c>.</param>
public sealed record ManifestPadding(int Multiple, string Mode)
{
    /// <summary>What height and width must divide by, in pixels; 1 to 65536.</summary>
    public int Multiple { get; init; } = Multiple is > 0 and <= 65_536 ? Multiple : throw new FileFormatException($"The manifest pads to a multiple of {Multiple} pixels; expected 1 to 65536.");

    /// <summary><c>reflect</c>, <c>constant</c>, <c>replicate</c> or <c>circular</c>.</summary>
    public string Mode { get; init; } = Mode is "reflect" or "constant" or "replicate" or "circular" ? Mode
        : throw new FileFormatException($"The manifest pads in mode '{Mode}'; expected reflect, constant, replicate or circular.");
}

/// <summary>Size of images that are not square.</summary>
/// <param name="Height">Rows.</param>
/// <param name="Width">Columns.</param>
public sealed record ManifestTileSize(int Height, int Width)
{
    /// <summary>Rows; 1 to 65536.</summary>
    public int Height { get; init; } = Pixels(Height);

    /// <summary>Columns; 1 to 65536.</summary>
    public int Width { get; init; } = Pixels(Width);

    private static int Pixels(int value) => value is > 0 and <= 65_536 ? value : throw new FileFormatException($"The manifest states images with a side of {value} pixels; expected 1 to 65536.");
}

/// <summary>A class.</summary>
/// <param name="Id">Value in maps and labels.</param>
/// <param name="Name">Name.</param>
/// <param name="Color">Colour as <c>#rrggbb</c>; null lets the program choose.</param>
public sealed record ManifestClass(int Id, string Name, string? Color = null);

/// <summary>One of several maps that a model makes.</summary>
/// <param name="Output">Name of the graph output.</param>
/// <param name="Classes">Its classes, in order of its channels; empty for regression.</param>
public sealed record ManifestHead(string Output, IReadOnlyList<ManifestClass> Classes);

/// <summary>A feature output of an encoder.</summary>
/// <param name="Output">Name of the graph output.</param>
/// <param name="Kind"><c>tokens</c> [batch, prefix + N, channels], <c>map</c> [batch, channels, rows, columns] or <c>vector</c> [batch, channels].</param>
/// <param name="Channels">Width of a token or number of channels of a map.</param>
/// <param name="PrefixTokens">Tokens (class, registers) in front of the patch tokens.</param>
/// <param name="GridHeight">Rows of patches.</param>
/// <param name="GridWidth">Columns of patches.</param>
public sealed record ManifestFeature(string Output, string Kind, int Channels, int PrefixTokens, int GridHeight, int GridWidth);

/// <summary>An input that a run may leave out.</summary>
/// <param name="Name">Name of the graph input.</param>
/// <param name="Description">What it takes: axes, unit, and what leaving it out means.</param>
public sealed record ManifestInput(string Name, string Description);

/// <summary>A modality of a model.</summary>
/// <param name="Name">Its name, for example <c>S1GRD</c>.</param>
/// <param name="Input">Name of the graph input; null when the model was made without it and a learnt token stands in.</param>
/// <param name="Kind"><c>image</c> [batch, bands, rows, columns], <c>tokens</c> [batch, rows, columns] of a tokenizer, or <c>sequence</c> [batch, length].</param>
/// <param name="Bands">Channels of an image, in order.</param>
/// <param name="Vocabulary">Number of token ids; null for images.</param>
public sealed record ManifestModality(string Name, string? Input, string Kind, IReadOnlyList<ManifestBand> Bands, int? Vocabulary = null)
{
    /// <summary>Channels of an image, in order; empty for tokens.</summary>
    public IReadOnlyList<ManifestBand> Bands { get; init => field = value ?? []; } = Bands ?? [];

    /// <summary><c>image</c>, <c>tokens</c> or <c>sequence</c>.</summary>
    public string Kind { get; init => field = Known(value); } = Known(Kind);

    private static string Known(string kind) => kind is "image" or "tokens" or "sequence" ? kind
        : throw new FileFormatException($"A modality of the manifest is of kind '{kind}'; expected image, tokens or sequence.");
}
