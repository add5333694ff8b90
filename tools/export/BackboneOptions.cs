using EoOnnx.Export.Architectures;

namespace EoOnnx.Export;

/// <summary>How a position table is fitted to another number of patches.</summary>
public enum PositionResampling
{
    /// <summary>Bicubic (coefficient −0.75), as most reference implementations.</summary>
    Bicubic,

    /// <summary>Bilinear.</summary>
    Bilinear,
}

/// <summary>How the tokens of several modalities become one feature.</summary>
public enum TokenMerge
{
    /// <summary>Their mean, patch by patch.</summary>
    Mean,

    /// <summary>Their maximum, patch by patch.</summary>
    Max,

    /// <summary>One behind the other along the channels.</summary>
    Concat,

    /// <summary>An output of its own for each modality.</summary>
    Dict,

    /// <summary>All tokens as they are, modality by modality.</summary>
    None,
}

/// <summary>What is exported of a backbone. Each family heeds some of it (<see cref="IBackbone.Settings"/>).</summary>
public sealed record BackboneOptions
{
    /// <summary>Input bands in order, by name (<see cref="SpectralBand"/>); null when not stated.</summary>
    public IReadOnlyList<string>? Bands
    {
        get;
        init => field = value is null || (value.Count is > 0 and <= 1024 && value.All(name => !string.IsNullOrWhiteSpace(name))) ? value
            : throw new ArgumentOutOfRangeException(nameof(Bands), value.Count, "A list of bands needs 1 to 1024 names, none of them empty.");
    }

    /// <summary>Bands that the weights were made for, in their order; null takes those of the family's pretraining. Weights that were fine-tuned
    /// on other bands need it.</summary>
    public IReadOnlyList<string>? TrainedBands
    {
        get;
        init => field = value is null || (value.Count is > 0 and <= 1024 && value.All(name => !string.IsNullOrWhiteSpace(name))) ? value
            : throw new ArgumentOutOfRangeException(nameof(TrainedBands), value.Count, "A list of bands needs 1 to 1024 names, none of them empty.");
    }

    /// <summary>Central wavelengths of the bands in micrometres; null looks them up by name.</summary>
    public IReadOnlyList<double>? Wavelengths
    {
        get;
        init => field = value is null || (value.Count is > 0 and <= 1024 && value.All(wavelength => wavelength is > 0 and <= 100)) ? value
            : throw new ArgumentOutOfRangeException(nameof(Wavelengths), string.Join(", ", value), "Wavelengths are in micrometres, above 0 and at most 100.");
    }

    /// <summary>Means of the bands in the unit of the stored values, for standardisation; null when not known.</summary>
    public IReadOnlyList<double>? Means
    {
        get;
        init => field = value is null || value.All(double.IsFinite) ? value
            : throw new ArgumentOutOfRangeException(nameof(Means), string.Join(", ", value), "The mean of a band must be a finite number.");
    }

    /// <summary>Standard deviations of the bands, in that unit; null when not known.</summary>
    public IReadOnlyList<double>? Deviations
    {
        get;
        init => field = value is null || value.All(deviation => deviation > 0 && double.IsFinite(deviation)) ? value
            : throw new ArgumentOutOfRangeException(nameof(Deviations), string.Join(", ", value), "The standard deviation of a band must be positive.");
    }

    /// <summary>True leaves the bands open: the model has a second input <c>wavelengths</c>.</summary>
    public bool AnyBands { get; init; }

    /// <summary>Edge of the input in pixels; null takes the size that the weights were made for.</summary>
    public int? Tile
    {
        get;
        init => field = value is null or (>= 8 and <= 4096) ? value
            : throw new ArgumentOutOfRangeException(nameof(Tile), value, "The input must be 8 to 4096 pixels wide; 224 is usual.");
    }

    /// <summary>Width of the input in pixels where it is not square; null takes <see cref="Tile"/>, which then is its height.</summary>
    public int? TileWidth
    {
        get;
        init => field = value is null or (>= 8 and <= 4096) ? value
            : throw new ArgumentOutOfRangeException(nameof(TileWidth), value, "The input must be 8 to 4096 pixels wide; null is as wide as high.");
    }

    /// <summary>Edge of the images of pretraining in pixels, which fixes the grid of a computed position table; null takes what fits the weights.</summary>
    public int? TrainedTile
    {
        get;
        init => field = value is null or (>= 8 and <= 4096) ? value
            : throw new ArgumentOutOfRangeException(nameof(TrainedTile), value, "Images of pretraining have 8 to 4096 pixels; 224 is usual.");
    }

    /// <summary>Time steps of the input; null is 1.</summary>
    public int? Frames
    {
        get;
        init => field = value is null or (> 0 and <= 1000) ? value
            : throw new ArgumentOutOfRangeException(nameof(Frames), value, "A time series has 1 to 1000 frames.");
    }

    /// <summary>True gives the input an axis of frames also when there is one frame only.</summary>
    public bool FrameAxis { get; init; }

    /// <summary>Modalities in the order of their tokens, by name; a new one as <c>NAME=CHANNELS</c>. Null takes the family's usual one.</summary>
    public IReadOnlyList<string>? Modalities
    {
        get;
        init => field = value is null || (value.Count is > 0 and <= 64 && value.All(name => !string.IsNullOrWhiteSpace(name))) ? value
            : throw new ArgumentOutOfRangeException(nameof(Modalities), value.Count, "A list of modalities needs 1 to 64 names, none of them empty.");
    }

    /// <summary>Those of <see cref="Modalities"/> that are no inputs: with <see cref="TokenMerge.Concat"/> a learnt token fills their place.</summary>
    public IReadOnlyList<string> MissingModalities { get; init; } = [];

    /// <summary>How the tokens of several modalities become one feature.</summary>
    public TokenMerge Merge { get; init; }

    /// <summary>Register tokens in front of the sequence; null takes those of the weights.</summary>
    public int? Registers
    {
        get;
        init => field = value is null or (>= 0 and <= 1024) ? value
            : throw new ArgumentOutOfRangeException(nameof(Registers), value, "A model has 0 to 1024 register tokens.");
    }

    /// <summary>Seed of weights that the checkpoint lacks, such as those of a band that it does not know.</summary>
    public long Seed { get; init; }

    /// <summary>How a position table is fitted to another tile.</summary>
    public PositionResampling PositionResampling { get; init; }

    /// <summary>Which blocks are outputs, counted from 0; negative ones count from the end. Null takes four, evenly spaced, the last
    /// block among them. Blocks behind the last output are left out of the file.</summary>
    public IReadOnlyList<int>? Layers
    {
        get;
        init => field = value is null || value.Distinct().Count() == value.Count ? value
            : throw new ArgumentOutOfRangeException(nameof(Layers), string.Join(", ", value), "Each block can be an output once only.");
    }

    /// <summary>Further outputs by name (<see cref="IBackbone.FurtherOutputs"/>).</summary>
    public IReadOnlyList<string> Outputs { get; init; } = [];

    /// <summary>Number of attention heads, which shapes cannot tell; null takes that of the published variant of this width.</summary>
    public int? Heads
    {
        get;
        init => field = value is null or > 0 ? value
            : throw new ArgumentOutOfRangeException(nameof(Heads), value, "A model has at least one attention head.");
    }

    /// <summary>How attention is written.</summary>
    public AttentionForm Attention { get; init; }

    /// <summary>Ground resolution of the input in metres a pixel.</summary>
    public double GroundResolutionMetres
    {
        get;
        init => field = value is > 0 and <= 100_000 ? value
            : throw new ArgumentOutOfRangeException(nameof(GroundResolutionMetres), value, "The ground resolution must lie above 0 and at most at 100000 metres a pixel.");
    } = 10;

    /// <summary>True keeps batch normalisation as operators, so that training can update it; false folds it into the convolutions.</summary>
    public bool KeepBatchNormalization { get; init; }

    /// <summary>True puts the family's own normalisation into the graph: the input is then stored values.</summary>
    public bool RawInput { get; init; }
}
