using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>What opening a scene has decided, for the run that follows.</summary>
internal sealed record SceneOpening
{
    /// <summary>What the scene is made of, for people; without signatures.</summary>
    public required string Source { get; init; }

    /// <summary>What had been asked of servers before its sources were opened.</summary>
    public Raster.NetworkUse? Network { get; init; }

    /// <summary>How long opening took.</summary>
    public double Seconds { get; init; }

    /// <summary>What changes when the scene's pixels may have changed: files with size and time, bands, grid. Null takes the raster's files.</summary>
    public string? Identity { get; init; }

    /// <summary>The files that the scene is read from; null takes the raster's.</summary>
    public IReadOnlyList<string>? Files { get; init; }

    /// <summary>The band of each channel.</summary>
    public required IReadOnlyList<MappedBand> Bands { get; init; }

    /// <summary>Decisions that the user may want to know, for example whether an offset was applied.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Things the user should know.</summary>
    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>Inputs that are the same for all tiles, such as dates; by name of the graph input.</summary>
    public IReadOnlyDictionary<string, TensorData> Coordinates { get; init; } = new Dictionary<string, TensorData>();
}
