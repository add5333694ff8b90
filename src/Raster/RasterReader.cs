using System.Buffers;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>How the validity of several bands combines into that of a pixel.</summary>
public enum NoDataRule
{
    /// <summary>A pixel is invalid when any band is.</summary>
    Any,

    /// <summary>A pixel is invalid when all bands are.</summary>
    All,
}

/// <summary>Which pixels count as missing.</summary>
/// <param name="Rule">How bands combine.</param>
/// <param name="Override">A value that replaces the one the file declares, in every band; NaN is always invalid.</param>
/// <param name="Ignore">Treat every finite pixel as valid.</param>
public sealed record ValidityOptions(NoDataRule Rule = NoDataRule.Any, double? Override = null, bool Ignore = false);

/// <summary>Reads pixels of one raster on one thread; borrows nothing, owns its GDAL handle.</summary>
public sealed unsafe class RasterReader : IDisposable
{
    private readonly RasterDataset _dataset;
    private readonly GdalDatasetHandle _handle;

    internal RasterReader(RasterDataset dataset, GdalDatasetHandle handle) => (_dataset, _handle) = (dataset, handle);

    /// <summary>Reads bands of a window that lies within the raster, converted to <typeparamref name="T"/>, at full resolution.</summary>
    /// <param name="window">Pixels of the raster's grid.</param>
    /// <param name="bands">1-based bands, in the wanted order.</param>
    /// <param name="destination">[band, row, column], row-major; every element is written.</param>
    /// <exception cref="ArgumentException">The window leaves the raster or the destination has another size.</exception>
    /// <exception cref="RasterException">GDAL cannot read it; the message ends with GDAL's own words.</exception>
    public void Read<T>(PixelWindow window, ReadOnlySpan<int> bands, Span<T> destination) where T : unmanaged
    {
        if (window.Within(_dataset.Size) != window || window.Width == 0 || window.Height == 0)
        {
            throw new ArgumentException($"The window {window} does not lie within {_dataset.Name}, which is {_dataset.Size.Width} x {_dataset.Size.Height}.", nameof(window));
        }

        var expected = checked(window.Area * bands.Length);
        if (destination.Length != expected)
        {
            throw new ArgumentException($"The destination has {destination.Length} elements; {bands.Length} bands of {window} need {expected}.", nameof(destination));
        }

        foreach (var band in bands)
        {
            if (band < 1 || band > _dataset.Bands.Count)
            {
                throw new RasterException($"{_dataset.Name} has {_dataset.Bands.Count} bands; band {band} was asked for. Choose with --bands.");
            }
        }

        Gdal.CPLErrorReset();
        fixed (T* buffer = destination)
        fixed (int* list = bands)
        {
            GdalError.Check(
                Gdal.GDALDatasetRasterIOEx(_handle, 0, window.X, window.Y, window.Width, window.Height, buffer, window.Width, window.Height,
                    (int)RasterTypes.Of<T>(), bands.Length, list, 0, 0, 0, 0),
                $"Cannot read bands {string.Join(", ", bands.ToArray())} of the window {window} of {_dataset.Path}");
        }
    }

    /// <summary>Which pixels of a window are valid: 1 valid, 0 not. Uses GDAL's mask bands (nodata, alpha, per-dataset masks),
    /// finiteness of <paramref name="values"/> and <paramref name="options"/>.</summary>
    /// <param name="window">Pixels of the raster's grid, within it.</param>
    /// <param name="bands">1-based bands.</param>
    /// <param name="values">The pixels that <see cref="Read{T}"/> gave for the same window and bands.</param>
    /// <param name="options">Which pixels count as missing.</param>
    /// <param name="valid">[row, column]; every element is written.</param>
    /// <exception cref="RasterException">GDAL cannot read a mask.</exception>
    public void ReadValidity(PixelWindow window, ReadOnlySpan<int> bands, ReadOnlySpan<float> values, ValidityOptions options, Span<byte> valid)
    {
        const int allValid = 1;
        var area = checked((int)window.Area);
        ArgumentOutOfRangeException.ThrowIfNotEqual(valid.Length, area);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, area * bands.Length);
        valid.Fill(options.Rule == NoDataRule.Any ? (byte)1 : (byte)0);
        var mask = ArrayPool<byte>.Shared.Rent(area);
        try
        {
            for (var b = 0; b < bands.Length; b++)
            {
                var band = Gdal.GDALGetRasterBand(_handle, bands[b]);
                var pixels = values.Slice(b * area, area);
                var bandMask = mask.AsSpan(0, area);
                if (options.Ignore || options.Override is not null || (Gdal.GDALGetMaskFlags(band) & allValid) != 0)
                {
                    bandMask.Fill(1);
                }
                else
                {
                    ReadMask(band, window, bandMask);
                }

                var missing = options.Override is { } value && !double.IsNaN(value) ? (float)value : float.NaN;
                for (var i = 0; i < area; i++)
                {
                    var ok = bandMask[i] != 0 && float.IsFinite(pixels[i]) && pixels[i] != missing ? (byte)1 : (byte)0;
                    valid[i] = options.Rule == NoDataRule.Any ? (byte)(valid[i] & ok) : (byte)(valid[i] | ok);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(mask);
        }
    }

    /// <summary>Closes this reader's handle.</summary>
    public void Dispose() => _handle.Dispose();

    private void ReadMask(nint band, PixelWindow window, Span<byte> mask)
    {
        Gdal.CPLErrorReset();
        fixed (byte* buffer = mask)
        {
            GdalError.Check(
                Gdal.GDALRasterIOEx(Gdal.GDALGetMaskBand(band), 0, window.X, window.Y, window.Width, window.Height, buffer, window.Width, window.Height, (int)RasterType.Byte, 0, 0, 0),
                $"Cannot read the mask of the window {window} of {_dataset.Path}");
        }
    }
}
