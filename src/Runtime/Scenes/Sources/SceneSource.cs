using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A band that a source offers; its raster is opened when the band is used.</summary>
/// <param name="Name">What it is called; empty when it has no name.</param>
/// <param name="Path">GDAL's name of the raster.</param>
/// <param name="Index">1-based band of it.</param>
internal sealed record SourceBand(string Name, string Path, int Index)
{
    public IReadOnlyList<string> OtherNames { get; init; } = [];

    /// <summary>Classes or flags: resampled to the nearest.</summary>
    public bool IsCategorical { get; init; }

    /// <summary>Scale and offset lead to reflectance.</summary>
    public bool IsReflectance { get; init; }

    /// <summary>What marks missing pixels; null takes what the file declares.</summary>
    public double? NoData { get; init; }

    /// <summary>Factor from stored to physical values; null takes what the file declares.</summary>
    public double? Scale { get; init; }

    /// <summary>Addend from stored to physical values; null takes what the file declares.</summary>
    public double? Offset { get; init; }

    public BandCandidate Candidate => new(Name, OtherNames);
}

/// <summary>What the name that the user gave stands for: bands with their files, and what is known about them.</summary>
/// <param name="Name">For people; without signatures.</param>
/// <param name="Bands">Its bands, the finest first where the same one exists in several resolutions.</param>
internal sealed record SceneSource(string Name, IReadOnlyList<SourceBand> Bands)
{
    /// <summary>When it was recorded.</summary>
    public DateTimeOffset? Date { get; init; }

    /// <summary>Decisions for the report.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    public IReadOnlyList<string> Warnings { get; init; } = [];

    /// <summary>A single raster that can be taken as it is.</summary>
    public bool IsPlainRaster { get; init; }
}

/// <summary>What sources need to know.</summary>
/// <param name="Access">How rasters are opened.</param>
/// <param name="Offset">Whether Sentinel-2's offset of 1000 is taken off.</param>
internal sealed record SourceContext(RasterAccess Access, SentinelOffset Offset);

/// <summary>A kind of source.</summary>
internal interface ISourceKind
{
    /// <summary>The source, or null when the name is not of this kind.</summary>
    /// <param name="path">A file, folder or GDAL name.</param>
    /// <param name="context">What sources need to know.</param>
    /// <exception cref="RasterException">It is of this kind and cannot be read.</exception>
    SceneSource? TryOpen(string path, SourceContext context);

    /// <summary>True for a folder that is one product of this kind, told by the names of its files.</summary>
    bool IsProduct(string folder) => false;
}

/// <summary>All kinds of sources; the first that knows a name takes it.</summary>
internal static class SceneSources
{
    private static readonly ISourceKind[] Kinds =
    [
        new SentinelSource(),
        new LandsatSource(),
        new HlsSource(),
        new StacSource(),
        new FolderSource(),
        new RasterSource(),
    ];

    /// <summary>True for a folder that is one product, whose files are no scenes of their own.</summary>
    public static bool IsProduct(string folder) => Kinds.Any(kind => kind.IsProduct(folder));

    /// <summary>The source of a name.</summary>
    /// <exception cref="RasterException">No kind of source can be read from it.</exception>
    public static SceneSource Open(string path, SourceContext context) => Kinds.Select(kind => kind.TryOpen(path, context)).First(source => source is not null)!;
}
