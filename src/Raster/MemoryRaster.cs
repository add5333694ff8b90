using System.Buffers;
using System.Globalization;
using System.IO.Hashing;
using System.Runtime.InteropServices;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>
/// An array as a raster: pixels that a program already holds, read in place like those of a file. Keeps the array pinned until it
/// is disposed, and must be disposed after every reader of <see cref="Dataset"/>.
/// </summary>
/// <remarks>GDAL sees the array as a file of its memory file system with a VRT that adds georeferencing, nodata, names and scaling.
/// The file is named by the hash of the pixels: equal arrays give equal provenance.</remarks>
public sealed unsafe class MemoryRaster : IDisposable
{
    private const string Root = "/vsimem/eoonnx-array-";
    private static int _count;
    private readonly string[] _files;
    private readonly nint _pixels;
    private MemoryHandle _pinned;

    private MemoryRaster(string folder, ReadOnlySpan<byte> pixels, MemoryHandle pinned, RasterProfile profile)
    {
        var name = $"{folder}/{Convert.ToHexStringLower(XxHash128.Hash(pixels))}";
        (_pinned, _files) = (pinned, [name + ".vrt", name + ".hdr", name + ".bsq"]);
        try
        {
            _pixels = Gdal.VSIFileFromMemBuffer(_files[2], pinned.Pointer, (ulong)pixels.Length, takeOwnership: 0);
            VirtualFiles.WriteMemory(_files[1], EnviHeader.Text(profile.Size, profile.BandCount, profile.Type, "bsq"));
            WriteGrid(_files[0], _files[2], profile);
            Dataset = RasterDataset.Open(_files[0]);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The raster; lives as long as this.</summary>
    public RasterDataset Dataset { get; } = null!;

    /// <summary>Makes a raster of an array without copying it.</summary>
    /// <param name="pixels">[band, row, column], row-major; must not change while it is read. Stays the caller's.</param>
    /// <param name="profile">Grid, type, nodata value, names and scaling of the bands; band names are what channels of a model are matched with.</param>
    /// <exception cref="ArgumentException">The array has another length or type than the profile says.</exception>
    /// <exception cref="RasterException">GDAL is missing or does not understand the coordinate reference system.</exception>
    public static MemoryRaster From<T>(ReadOnlyMemory<T> pixels, RasterProfile profile) where T : unmanaged
    {
        ArgumentNullException.ThrowIfNull(profile);
        var expected = checked((long)profile.Size.Width * profile.Size.Height * profile.BandCount);
        if (expected < 1 || pixels.Length != expected || profile.Type != RasterTypes.Of<T>())
        {
            throw new ArgumentException($"The array has {pixels.Length} elements of type {RasterTypes.Of<T>()}; {profile.BandCount} bands of {profile.Size.Width} x {profile.Size.Height} " +
                $"of type {profile.Type} need {expected}. Give [band, row, column] and RasterProfile.Type of the same type.", nameof(pixels));
        }

        GdalLibrary.Ensure();
        var folder = string.Create(CultureInfo.InvariantCulture, $"{Root}{Interlocked.Increment(ref _count)}");
        return new MemoryRaster(folder, MemoryMarshal.AsBytes(pixels.Span), pixels.Pin(), profile);
    }

    /// <summary>True for the raster of an array.</summary>
    public static bool Holds(RasterDataset raster)
    {
        ArgumentNullException.ThrowIfNull(raster);
        return raster.Path.StartsWith(Root, StringComparison.Ordinal);
    }

    /// <summary>Closes the raster and lets the array go.</summary>
    public void Dispose()
    {
        Dataset?.Dispose();
        foreach (var file in _files)
        {
            _ = Gdal.VSIUnlink(file);
        }

        if (_pixels != 0)
        {
            _ = Gdal.VSIFCloseL(_pixels);
        }

        _pinned.Dispose();
    }

    private static void WriteGrid(string path, string pixels, RasterProfile profile)
    {
        using var raw = GdalDatasetHandle.Open(pixels);
        using var arguments = new GdalStringList("-of", "VRT");
        var options = Gdal.GDALTranslateOptionsNew(arguments.Pointer, 0);
        int usageError;
        Gdal.CPLErrorReset();
        var grid = Gdal.GDALTranslate(path, raw, options, &usageError);
        Gdal.GDALTranslateOptionsFree(options);
        using (grid.Checked("Cannot make a raster of an array"))
        {
            profile.ApplyTo(grid, "an array in memory");
        }

        GdalError.CheckState("Cannot make a raster of an array");
    }
}
