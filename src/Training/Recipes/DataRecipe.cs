namespace EoOnnx.Training.Recipes;

/// <summary>The labelled chips of a recipe, and what becomes of them.</summary>
public sealed record DataRecipe
{
    /// <summary>Folder of the data set.</summary>
    public required string Folder { get; init; }

    /// <summary>A known data set: what the recipe leaves out of files, bands, statistics and classes is taken from it.</summary>
    public DataPreset Preset { get; init; }

    /// <summary>Modalities of <see cref="Preset"/> that a model without modalities of its own is given, in this order; empty takes S2L2A.</summary>
    public IReadOnlyList<string> Modalities { get; init; } = [];

    /// <summary>Folder of the labels, when they do not lie below <see cref="Folder"/>.</summary>
    public string? LabelFolder { get; init; }

    /// <summary>Folder of the held-out chips, when they lie apart; the same patterns apply.</summary>
    public string? ValidationFolder { get; init; }

    /// <summary>Folder of the labels of the held-out chips; null takes <see cref="ValidationFolder"/>, or <see cref="LabelFolder"/> without one.</summary>
    public string? ValidationLabelFolder { get; init; }

    /// <summary>Text file with the names of the training chips, one a line; null takes all.</summary>
    public string? SplitFile { get; init; }

    /// <summary>Text file with the names of the held-out chips, one a line.</summary>
    public string? ValidationSplitFile { get; init; }

    /// <summary>Samples that are rows of arrays; null when they are chips.</summary>
    public ArrayRecipe? Arrays { get; init; }

    /// <summary>Which files are images.</summary>
    public string? Images { get; init; }

    /// <summary>Which files are labels.</summary>
    public string? Labels { get; init; }

    /// <summary>Patterns of further images of each chip, whose bands follow those of <see cref="Images"/>: further dates, or further modalities.</summary>
    public IReadOnlyList<string> MoreImages { get; init; } = [];

    /// <summary>A CSV file with the labels of whole chips; null takes the folder that a chip lies in as its class.</summary>
    public string? LabelTable { get; init; }

    /// <summary>Column of the chips' names in <see cref="LabelTable"/>; null takes the first.</summary>
    public string? NameColumn { get; init; }

    /// <summary>Columns of the labels in <see cref="LabelTable"/>; empty takes what the task suggests.</summary>
    public IReadOnlyList<string> LabelColumns { get; init; } = [];

    /// <summary>Unit of measured labels, for the model's manifest.</summary>
    public string? Unit { get; init; }

    /// <summary>1-based bands in the model's order, counted over all images of a chip; null takes all in file order.</summary>
    public IReadOnlyList<int>? Bands { get; init; }

    /// <summary>Order of the bands of a chip with several dates.</summary>
    public BandOrder Order { get; init; }

    /// <summary>Factor of the stored values, for example 0.0001 for reflectance stored times 10,000. The trained model applies it to the scenes that it maps.</summary>
    public double ConstantScale
    {
        get;
        init => field = value != 0 && double.IsFinite(value) ? value : throw new ArgumentOutOfRangeException(nameof(ConstantScale), value, "The factor of stored values must be a number other than 0; 1 keeps them.");
    } = 1;

    /// <summary>Means of the bands after <see cref="ConstantScale"/>, in the model's order; empty takes what <see cref="Statistics"/> says.</summary>
    public IReadOnlyList<double> Means { get; init; } = [];

    /// <summary>Standard deviations of the bands, likewise.</summary>
    public IReadOnlyList<double> Deviations { get; init; } = [];

    /// <summary>What missing image values become, in stored units; null gives them the mean of the band and ignores their labels.</summary>
    public double? NoDataReplacement { get; init; }

    /// <summary>What missing labels become; null leaves them unlabelled.</summary>
    public double? LabelReplacement { get; init; }

    /// <summary>Classes are stored from 1 on, and 0 is not labelled.</summary>
    public bool ReduceZeroLabel { get; init; }

    /// <summary>The classes or labels, in order of the prediction's channels; none for measured values.</summary>
    public IReadOnlyList<ClassRecipe> Classes { get; init; } = [];

    /// <summary>Label values that mean "not labelled", besides missing ones; null takes −1 and 255 for classes and none for values.</summary>
    public IReadOnlyList<int>? Ignored { get; init; }

    /// <summary>Share of the chips that is held out, unless <see cref="HoldOut"/> names them.</summary>
    public double ValidationShare
    {
        get;
        init => field = value is > 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(ValidationShare), value, "The share of held-out chips must be over 0 and under 1; 0.2 is usual.");
    } = 0.2;

    /// <summary>Names of the chips that are held out; empty draws a share.</summary>
    public IReadOnlyList<string> HoldOut { get; init; } = [];

    /// <summary>Where mean and deviation of the bands come from.</summary>
    public StatisticsSource Statistics { get; init; }

    /// <summary>Random flips, rotations and crops.</summary>
    public bool Augment { get; init; } = true;

    /// <summary>Image value that marks missing data, instead of what the files declare.</summary>
    public double? NoData { get; init; }

    /// <summary>Labels that are polygons of a vector file; null when they are files.</summary>
    public PolygonRecipe? Polygons { get; init; }

    /// <summary>Side in metres of the blocks by which a share of the chips is held out, so that neighbours stay in one part; null draws single chips.</summary>
    public double? BlockMetres
    {
        get;
        init => field = value is null or (> 0 and < 1e7) ? value : throw new ArgumentOutOfRangeException(nameof(BlockMetres), value, "The side of a block must be over 0 and under 10,000,000 metres; 10000 is usual.");
    }

    /// <summary>In training each band's standardised values are multiplied by a number from 1 − this to 1 + this.</summary>
    public double ScaleJitter
    {
        get;
        init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(ScaleJitter), value, "Scale jitter must be at least 0 and below 1; 0.1 is mild.");
    }

    /// <summary>In training Gaussian noise of this many standard deviations of each band is added.</summary>
    public double Noise
    {
        get;
        init => field = value is >= 0 and <= 10 ? value : throw new ArgumentOutOfRangeException(nameof(Noise), value, "Noise must be at least 0 and at most 10 standard deviations; 0.05 is mild.");
    }

    /// <summary>In training each band is replaced by its mean with this probability.</summary>
    public double BandDrop
    {
        get;
        init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(BandDrop), value, "The probability to drop a band must be at least 0 and below 1; 0.1 is mild.");
    }

    /// <summary>Central wavelengths of the bands in micrometres, for an encoder that takes any bands (DOFA); the trained model then takes these.</summary>
    public IReadOnlyList<double> Wavelengths
    {
        get;
        init => field = value.All(micrometres => micrometres is > 0 and < 1e6) ? value
            : throw new ArgumentOutOfRangeException(nameof(Wavelengths), string.Join(", ", value), "Wavelengths are given in micrometres, over 0 and under 1,000,000; 0.665 is red.");
    } = [];

    /// <summary>Which of the encoder's optional inputs the chips fill: dates, and places by their georeferencing. Maps of the trained model fill the same.</summary>
    public CoordinatesUse Coordinates { get; init; }

    /// <summary>A CSV file with the dates of the chips; null takes those in the names of their files, or in their tags.</summary>
    public string? DateTable { get; init; }

    /// <summary>Columns of the dates in <see cref="DateTable"/>, one for each date of the model; empty takes those with date in their names.</summary>
    public IReadOnlyList<string> DateColumns { get; init; } = [];
}

/// <summary>Order of the bands of a chip with several dates.</summary>
public enum BandOrder
{
    /// <summary>All bands of the first date, then all of the second.</summary>
    ByDate,

    /// <summary>All dates of the first band, then all of the second.</summary>
    ByBand,
}

/// <summary>Where mean and deviation of the bands come from.</summary>
public enum StatisticsSource
{
    /// <summary>The model's when it has any, else the training chips'.</summary>
    Auto,

    /// <summary>The model's manifest.</summary>
    Model,

    /// <summary>The training chips.</summary>
    Data,
}
