using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>How the rasters of chips become numbers.</summary>
public sealed record RasterChipOptions
{
    /// <summary>1-based bands of the images in the model's channel order; null takes all bands in file order.</summary>
    public IReadOnlyList<int>? Bands { get; init; }

    /// <summary>Factor applied to every image value as it is read, for example 0.0001 for reflectance stored times 10,000.</summary>
    public double ConstantScale { get; init; } = 1;

    /// <summary>Image value that marks missing data, instead of what the files declare.</summary>
    public double? NoData { get; init; }

    /// <summary>What missing image values become, in stored units; null keeps them missing, so that they get the channel mean and their labels are ignored.</summary>
    public double? NoDataReplacement { get; init; }

    /// <summary>What missing labels become; null keeps them missing.</summary>
    public double? LabelReplacement { get; init; }

    /// <summary>Polygons that are the labels, instead of files; borrowed.</summary>
    public LabelPolygons? Polygons { get; init; }

    /// <summary>Label value of pixels in no polygon; NaN is not labelled.</summary>
    public float OutsidePolygons { get; init; } = float.NaN;

    /// <summary>Memory for decoded chips in bytes. When all chips fit they are decoded once; otherwise windows are read each time.</summary>
    public long CacheBytes { get; init => field = value >= 0 ? value : throw new ArgumentOutOfRangeException(nameof(CacheBytes), value, "The chip cache cannot be negative; 0 turns it off."); } = 1L << 30;
}
