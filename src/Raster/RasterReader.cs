using System.Buffers;
using System.Globalization;
using System.Numerics;
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
public sealed record ValidityOptions(NoDataRule Rule = NoDataRule.Any, double? Override = null, bool Ignore = false)
{
    /// <summary>Reads a nodata value, <c>none</c> to ignore the declared one, or null to use it.</summary>
    /// <exception cref="ArgumentException">The text is neither.</exception>
    public static ValidityOptions Parse(string? noData, NoDataRule rule = NoDataRule.Any) => noData switch
    {
        null => new ValidityOptions(rule),
        "none" => new ValidityOptions(rule, Ignore: true),
        _ => double.TryParse(noData, NumberStyles.Float, CultureInfo.InvariantCulture, out var value)
            ? new ValidityOptions(rule, value)
            : throw new ArgumentException($"'{noData}' is no nodata value; expected a number, nan or none."),
    };
}

/// <summary>Where pixels lie in an array, in elements.</summary>
/// <param name="Row">From a pixel to the one below it.</param>
/// <param name="Band">From a pixel to the same pixel of the next band.</param>
public readonly record struct PixelSpacing(int Row, int Band);

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
        var expected = checked(window.Area * bands.Length);
        if (destination.Length != expected)
        {
            throw new ArgumentException($"The destination has {destination.Length} elements; {bands.Length} bands of {window} need {expected}.", nameof(destination));
        }

        Read(window, bands, destination, new PixelSpacing(window.Width, checked((int)window.Area)));
    }

    /// <summary>The same into a part of a larger array.</summary>
    /// <param name="window">Pixels of the raster's grid.</param>
    /// <param name="bands">1-based bands, in the wanted order.</param>
    /// <param name="destination">Starts at the window's first pixel of the first band.</param>
    /// <param name="spacing">Elements from row to row and from band to band.</param>
    /// <exception cref="ArgumentException">The window leaves the raster or the destination ends before the last pixel.</exception>
    /// <exception cref="RasterException">GDAL cannot read it; the message ends with GDAL's own words.</exception>
    public void Read<T>(PixelWindow window, ReadOnlySpan<int> bands, Span<T> destination, PixelSpacing spacing) where T : unmanaged
    {
        if (window.Within(_dataset.Size) != window || window.Width == 0 || window.Height == 0)
        {
            throw new ArgumentException($"The window {window} does not lie within {_dataset.Name}, which is {_dataset.Size.Width} x {_dataset.Size.Height}.", nameof(window));
        }

        CheckLength(destination.Length, window, bands.Length, spacing);
        foreach (var band in bands)
        {
            if (band < 1 || band > _dataset.Bands.Count)
            {
                throw new RasterException($"{_dataset.Name} has {_dataset.Bands.Count} bands; band {band} was asked for. Choose with --bands.");
            }
        }

        using var remote = _dataset.EnterRemote();
        Gdal.CPLErrorReset();
        fixed (T* buffer = destination)
        fixed (int* list = bands)
        {
            GdalError.Check(
                Gdal.GDALDatasetRasterIOEx(_handle, 0, window.X, window.Y, window.Width, window.Height, buffer, window.Width, window.Height,
                    (int)RasterTypes.Of<T>(), bands.Length, list, sizeof(T), (long)spacing.Row * sizeof(T), (long)spacing.Band * sizeof(T), 0),
                $"Cannot read bands {string.Join(", ", bands.ToArray())} of the window {window} of {_dataset.Path}");
        }
    }

    /// <summary>Which pixels of a window are valid: 1 valid, 0 not. Uses GDAL's mask bands (nodata, alpha, per-dataset masks),
    /// finiteness of <paramref name="values"/> and <paramref name="options"/>.</summary>
    /// <param name="window">Pixels of the raster's grid, within it.</param>
    /// <param name="bands">1-based bands.</param>
    /// <param name="values">The pixels that <see cref="Read{T}(PixelWindow, ReadOnlySpan{int}, Span{T})"/> gave for the same window and bands.</param>
    /// <param name="options">Which pixels count as missing.</param>
    /// <param name="valid">[row, column]; every element is written.</param>
    /// <exception cref="RasterException">GDAL cannot read a mask.</exception>
    public void ReadValidity<T>(PixelWindow window, ReadOnlySpan<int> bands, ReadOnlySpan<T> values, ValidityOptions options, Span<byte> valid)
        where T : unmanaged, INumberBase<T> =>
        ReadValidity(window, bands, values, new PixelSpacing(window.Width, checked((int)window.Area)), options, valid, window.Width);

    /// <summary>The same for pixels and flags that are parts of larger arrays.</summary>
    /// <param name="window">Pixels of the raster's grid, within it.</param>
    /// <param name="bands">1-based bands.</param>
    /// <param name="values">The pixels that were read for the same window and bands.</param>
    /// <param name="spacing">Elements of <paramref name="values"/> from row to row and from band to band.</param>
    /// <param name="options">Which pixels count as missing.</param>
    /// <param name="valid">[row, column]; every element of the window is written.</param>
    /// <param name="validRow">Elements of <paramref name="valid"/> from row to row.</param>
    /// <exception cref="RasterException">GDAL cannot read a mask.</exception>
    public void ReadValidity<T>(PixelWindow window, ReadOnlySpan<int> bands, ReadOnlySpan<T> values, PixelSpacing spacing, ValidityOptions options, Span<byte> valid, int validRow)
        where T : unmanaged, INumberBase<T>
    {
        CheckLength(values.Length, window, bands.Length, spacing);
        CheckLength(valid.Length, window, 1, new PixelSpacing(validRow, 0));
        for (var row = 0; row < window.Height; row++)
        {
            valid.Slice(row * validRow, window.Width).Fill(options.Rule == NoDataRule.Any ? (byte)1 : (byte)0);
        }

        byte[]? mask = null;
        try
        {
            for (var b = 0; b < bands.Length; b++)
            {
                var band = Gdal.GDALGetRasterBand(_handle, bands[b]);
                var judge = ValueJudge<T>.For(_dataset.Bands[bands[b] - 1], Gdal.GDALGetMaskFlags(band), options);
                if (judge.NeedsMask)
                {
                    mask ??= ArrayPool<byte>.Shared.Rent(checked((int)window.Area));
                    ReadMask(band, window, mask.AsSpan(0, (int)window.Area));
                }

                for (var row = 0; row < window.Height; row++)
                {
                    judge.Judge(values.Slice((b * spacing.Band) + (row * spacing.Row), window.Width), judge.NeedsMask ? mask.AsSpan(row * window.Width, window.Width) : [],
                        options.Rule, valid.Slice(row * validRow, window.Width));
                }
            }
        }
        finally
        {
            if (mask is not null)
            {
                ArrayPool<byte>.Shared.Return(mask);
            }
        }
    }

    /// <summary>Closes this reader's handle.</summary>
    public void Dispose() => _handle.Dispose();

    private static void CheckLength(int length, PixelWindow window, int bands, PixelSpacing spacing)
    {
        var needed = bands == 0 ? 0 : checked(((long)(bands - 1) * spacing.Band) + ((long)(window.Height - 1) * spacing.Row) + window.Width);
        if (spacing.Row < window.Width || length < needed)
        {
            throw new ArgumentException($"An array of {length} elements with {spacing.Row} a row is too small for {bands} bands of {window}; it needs {needed}.");
        }
    }

    private void ReadMask(nint band, PixelWindow window, Span<byte> mask)
    {
        using var remote = _dataset.EnterRemote();
        Gdal.CPLErrorReset();
        fixed (byte* buffer = mask)
        {
            GdalError.Check(
                Gdal.GDALRasterIOEx(Gdal.GDALGetMaskBand(band), 0, window.X, window.Y, window.Width, window.Height, buffer, window.Width, window.Height, (int)RasterType.Byte, 0, 0, 0),
                $"Cannot read the mask of the window {window} of {_dataset.Path}");
        }
    }
}
