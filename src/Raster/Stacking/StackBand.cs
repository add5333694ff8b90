namespace EoOnnx.Raster;

/// <summary>A band of a <see cref="StackedRaster"/>.</summary>
/// <param name="Source">The raster; borrowed while the stack is made.</param>
/// <param name="Band">1-based band of it.</param>
/// <param name="Name">Name in the stack.</param>
public sealed record StackBand(RasterDataset Source, int Band, string Name)
{
    /// <summary>Numbers that are names, such as classes and flags: resampled to the nearest, in their own type.</summary>
    public bool IsCategorical { get; init; }

    /// <summary>Value that marks missing pixels instead of the one that the source declares; null takes the source's.</summary>
    public double? NoData { get; init; }

    /// <summary>Every pixel with a finite value counts, whatever the source declares.</summary>
    public bool IgnoresNoData { get; init; }

    /// <summary>Factor from stored to physical values; null takes the source's.</summary>
    public double? Scale { get; init; }

    /// <summary>Addend from stored to physical values; null takes the source's.</summary>
    public double? Offset { get; init; }

    internal RasterBand Description => Source.Bands[Band - 1];

    // GDAL would move a value that the type cannot hold to the nearest one that it can, and so hide good pixels.
    internal double? MissingValue => !IgnoresNoData && (NoData ?? Description.NoData) is { } value && Description.Type.CanHold(value) ? value : null;
}
