namespace EoOnnx.Runtime;

/// <summary>How folders are searched for scenes.</summary>
public sealed record SceneListOptions
{
    /// <summary>Endings of files that are scenes when nothing else is said.</summary>
    public static IReadOnlyList<string> DefaultPatterns { get; } = ["*.tif", "*.tiff", "*.jp2", "*.vrt", "*.img", "S2*_MSIL*.zip"];

    /// <summary>Names of the files of a folder that are scenes; <c>*</c> stands for any characters. Case does not count. Left as they are, folders
    /// that hold a product (Sentinel-2, Landsat, HLS) are scenes, too, and what is in them is not.</summary>
    public IReadOnlyList<string> Patterns { get; init => field = value is { Count: > 0 } ? value
        : throw new ArgumentOutOfRangeException(nameof(Patterns), value, "At least one pattern for files is needed, for example *.tif."); } = DefaultPatterns;

    /// <summary>Search folders below, too.</summary>
    public bool Recursive { get; init; }

    /// <summary>What holds for every scene but its sources: grid, resolution, Sentinel-2's offset.</summary>
    public SceneRequest Request { get; init; } = new();

    /// <summary>A folder that is never searched, because maps are written there; null excludes nothing.</summary>
    public string? Excluded { get; init; }
}
