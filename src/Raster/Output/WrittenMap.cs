using System.Runtime.InteropServices;

namespace EoOnnx.Raster;

/// <summary>
/// Compares a written map with the rows that it was made of, block by block: on a full disk GDAL may close a file without an error whose last
/// blocks are missing, and missing blocks read as nodata.
/// </summary>
internal static class WrittenMap
{
    /// <summary>Reads all of a map back.</summary>
    /// <param name="map">The file.</param>
    /// <param name="rows">The rows, as a raster that GDAL opens.</param>
    /// <param name="profile">What the map shall be.</param>
    /// <param name="name">Name of the map in messages.</param>
    /// <param name="cancellation">Ends the comparison.</param>
    /// <exception cref="RasterException">A block cannot be read, or differs.</exception>
    public static void Check(string map, string rows, RasterProfile profile, string name, CancellationToken cancellation)
    {
        try
        {
            using var written = RasterDataset.Open(map);
            using var source = RasterDataset.Open(rows);
            if (written.Size != profile.Size || written.Bands.Count != profile.BandCount)
            {
                throw new RasterException($"It reads back as {written.Size.Width} x {written.Size.Height} with {written.Bands.Count} bands.");
            }

            switch (profile.Type)
            {
                case RasterType.Byte: Compare<byte>(written, source, cancellation); break;
                case RasterType.UInt16: Compare<ushort>(written, source, cancellation); break;
                case RasterType.Int16: Compare<short>(written, source, cancellation); break;
                case RasterType.Float64: Compare<double>(written, source, cancellation); break;
                default: Compare<float>(written, source, cancellation); break;
            }
        }
        catch (RasterException failure)
        {
            throw new RasterException($"{name} was not written completely; is the disk full? {failure.Message} The work area keeps the rows; free some space and give the same command to continue.", failure);
        }
    }

    private static void Compare<T>(RasterDataset written, RasterDataset source, CancellationToken cancellation) where T : unmanaged, IEquatable<T>
    {
        var (block, size) = (written.Bands[0].BlockSize, written.Size);
        int[] bands = [.. Enumerable.Range(1, written.Bands.Count)];
        var (expected, actual) = (new T[checked(block.Width * block.Height * bands.Length)], new T[block.Width * block.Height * bands.Length]);
        using var map = written.OpenReader();
        using var rows = source.OpenReader();
        for (var y = 0; y < size.Height; y += block.Height)
        {
            for (var x = 0; x < size.Width; x += block.Width)
            {
                cancellation.ThrowIfCancellationRequested();
                var window = new PixelWindow(x, y, block.Width, block.Height).Within(size);
                var count = (int)window.Area * bands.Length;
                map.Read(window, bands, actual.AsSpan(0, count));
                rows.Read(window, bands, expected.AsSpan(0, count));
                // The same bits, or the same numbers: there are several NaN.
                if (!MemoryMarshal.AsBytes(actual.AsSpan(0, count)).SequenceEqual(MemoryMarshal.AsBytes(expected.AsSpan(0, count))) && !actual.AsSpan(0, count).SequenceEqual(expected.AsSpan(0, count), EqualityComparer<T>.Default))
                {
                    throw new RasterException($"The block {window} reads back with other values.");
                }
            }
        }
    }
}
