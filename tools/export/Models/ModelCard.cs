namespace EoOnnx.Export.Models;

/// <summary>What is known about one official variant of a foundation model. Absent facts are null, never guessed.</summary>
/// <remarks>One file in <c>models/</c> each; its JSON schema is <c>docs/model-card.schema.json</c>.</remarks>
public sealed record ModelCard
{
    /// <summary>Name of the variant as its reference implementation spells it; unique.</summary>
    public required string Name { get; init; }

    /// <summary>Architecture family: the word that <c>eoonnx export</c> takes.</summary>
    public required string Family { get; init; }

    /// <summary>Whether <c>eoonnx export</c> knows the family; not a fact of the card's file.</summary>
    public bool HasExporter => Backbones.All.Any(family => family.Name == Family);

    /// <summary>Name for people.</summary>
    public required string Title { get; init; }

    /// <summary>Number of weights; what it counts is said in <see cref="Notes"/>.</summary>
    public long? Parameters { get; init; }

    /// <summary>Whether the model takes any set of bands by their wavelengths; <see cref="Inputs"/> then are examples.</summary>
    public bool AnyBands { get; init; }

    /// <summary>What the model was trained on, one entry a sensor or modality.</summary>
    public required IReadOnlyList<CardInput> Inputs { get; init; }

    /// <summary>Edge of the training images in pixels; null for models of single pixels.</summary>
    public int? Tile { get; init; }

    /// <summary>Edge of a patch in pixels, for models that cut images into patches.</summary>
    public int? Patch { get; init; }

    /// <summary>Time steps of the training data.</summary>
    public int Frames { get; init; } = 1;

    /// <summary>Licence of the weights as an SPDX identifier.</summary>
    public required string Licence { get; init; }

    /// <summary>Address of the publication.</summary>
    public required string Paper { get; init; }

    /// <summary>Address of the project that made the weights.</summary>
    public required string Source { get; init; }

    /// <summary>Name of the file with the weights.</summary>
    public string? File { get; init; }

    /// <summary>Where the file is; null when no weights are published.</summary>
    public Uri? Url { get; init; }

    /// <summary>Size of the file, where it is known.</summary>
    public long? Bytes { get; init; }

    /// <summary>SHA-256 of the file in lower-case hexadecimal, where it is known; otherwise the first download pins it.</summary>
    public string? Sha256 { get; init; }

    /// <summary>First digits of the SHA-256 in lower-case hexadecimal, where its publisher tells them and no more; a download must begin with them.</summary>
    public string? Sha256Prefix { get; init; }

    /// <summary>What a user should know beyond the fields.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>A sensor or modality that a model was trained on.</summary>
/// <param name="Name">Name of the sensor or modality.</param>
/// <param name="Unit">Unit of the values that mean and deviation refer to.</param>
/// <param name="GroundResolutionMetres">Ground resolution of the training data; null when it varies.</param>
/// <param name="Bands">Input channels, in order.</param>
public sealed record CardInput(string Name, string Unit, double? GroundResolutionMetres, IReadOnlyList<CardBand> Bands);

/// <summary>An input channel.</summary>
/// <param name="Id">Band name.</param>
/// <param name="WavelengthMicrometres">Central wavelength, where there is one.</param>
/// <param name="Mean">What is subtracted, in the unit of the input; null when the reference states none.</param>
/// <param name="StandardDeviation">What is divided by, in that unit; positive; null exactly when the mean is.</param>
public sealed record CardBand(string Id, double? WavelengthMicrometres, double? Mean, double? StandardDeviation);
