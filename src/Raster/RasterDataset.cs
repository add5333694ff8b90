using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>What a raster says about one of its bands.</summary>
/// <param name="Index">1-based position in the file.</param>
/// <param name="Name">Description, else the metadata item BANDNAME, BAND_NAME or common_name; empty when there is none.</param>
/// <param name="Type">Pixel type.</param>
/// <param name="NoData">Value that marks missing pixels, when one is declared.</param>
/// <param name="Scale">Factor from stored to physical values; 1 when none is declared.</param>
/// <param name="Offset">Addend from stored to physical values; 0 when none is declared.</param>
/// <param name="BlockSize">Block in which the file stores pixels.</param>
/// <param name="CategoryNames">Class names by value; empty when there are none.</param>
/// <param name="Colors">Colour table as red, green, blue, alpha; empty when there is none.</param>
public sealed record RasterBand(
    int Index, string Name, RasterType Type, double? NoData, double Scale, double Offset, PixelSize BlockSize,
    IReadOnlyList<string> CategoryNames, IReadOnlyList<(byte Red, byte Green, byte Blue, byte Alpha)> Colors)
{
    /// <summary>True when the declared nodata value cannot occur in the band's type, so that GDAL reports every pixel as valid.</summary>
    public bool NoDataIsOutOfRange => NoData is { } value && !Type.CanHold(value);
}

/// <summary>
/// A raster opened for reading: its grid, coordinate reference system and bands. Pixels are read through
/// <see cref="OpenReader"/>, one reader a thread. Anything GDAL opens can be named: files, <c>/vsizip/</c>, <c>/vsicurl/</c>, VRT.
/// </summary>
public sealed class RasterDataset : IDisposable
{
    private readonly GdalDatasetHandle _handle;

    private RasterDataset(string path, GdalDatasetHandle handle)
    {
        (Path, _handle) = (path, handle);
        Size = new PixelSize(Gdal.GDALGetRasterXSize(handle), Gdal.GDALGetRasterYSize(handle));
        Transform = ReadTransform(handle);
        Projection = Gdal.Text(Gdal.GDALGetProjectionRef(handle));
        Bands = [.. Enumerable.Range(1, Gdal.GDALGetRasterCount(handle)).Select(ReadBand)];
        Metadata = Gdal.Texts(Gdal.GDALGetMetadata(handle, null)).Select(entry => entry.Split('=', 2))
            .Where(entry => entry.Length == 2).ToDictionary(entry => entry[0], entry => entry[1], StringComparer.Ordinal);
    }

    /// <summary>The name it was opened with.</summary>
    public string Path { get; }

    /// <summary>File name without folders.</summary>
    public string Name => System.IO.Path.GetFileName(Path);

    /// <summary>Width and height in pixels.</summary>
    public PixelSize Size { get; }

    /// <summary>Pixel to map coordinates; null when the raster has no georeferencing.</summary>
    public GeoTransform? Transform { get; }

    /// <summary>Coordinate reference system as WKT; empty when there is none.</summary>
    public string Projection { get; }

    /// <summary>Bands in file order.</summary>
    public IReadOnlyList<RasterBand> Bands { get; }

    /// <summary>Dataset tags of the default domain.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>True when the raster is placed by ground control points instead of a transform.</summary>
    public bool HasGroundControlPoints => Transform is null && Gdal.GDALGetGCPCount(_handle) > 0;

    /// <summary>Every file that the raster is made of, itself included: the sources of a VRT, side files. Names as GDAL gives them.</summary>
    public IReadOnlyList<string> Files
    {
        get
        {
            var list = Gdal.GDALGetFileList(_handle);
            var files = Gdal.Texts(list);
            Gdal.CSLDestroy(list);
            return files;
        }
    }

    /// <summary>Number of datasets open in this process: what a test compares before and after.</summary>
    public static int OpenHandles => GdalDatasetHandle.Live;

    /// <summary>Opens a raster.</summary>
    /// <exception cref="RasterException">GDAL cannot open it, it has no bands or a band of complex numbers.</exception>
    public static RasterDataset Open(string path)
    {
        var handle = GdalDatasetHandle.Open(path);
        try
        {
            if (Gdal.GDALGetRasterCount(handle) == 0)
            {
                throw new RasterException($"{path} has no raster bands; name one of its subdatasets (gdalinfo lists them).");
            }

            return new RasterDataset(path, handle);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>A reader with its own handle, for one thread.</summary>
    /// <exception cref="RasterException">The raster cannot be opened again.</exception>
    public RasterReader OpenReader() => new(this, GdalDatasetHandle.Open(Path));

    /// <summary>A dataset tag of any domain, or null.</summary>
    public string? FindMetadata(string name, string? domain = null) =>
        Gdal.GDALGetMetadataItem(_handle, name, domain) is var item && item != 0 ? Gdal.Text(item) : null;

    /// <summary>Closes the dataset; readers stay open.</summary>
    public void Dispose() => _handle.Dispose();

    private static unsafe GeoTransform? ReadTransform(GdalDatasetHandle handle)
    {
        Span<double> numbers = stackalloc double[6];
        fixed (double* pointer = numbers)
        {
            return Gdal.GDALGetGeoTransform(handle, pointer) == 0 ? GeoTransform.From(numbers) : null;
        }
    }

    private unsafe RasterBand ReadBand(int index)
    {
        var band = Gdal.GDALGetRasterBand(_handle, index);
        var type = Gdal.GDALGetRasterDataType(band);
        if (!Enum.IsDefined((RasterType)type))
        {
            throw new RasterException($"Band {index} of {Path} has GDAL's pixel type {type}; real numbers of 8 to 64 bits are supported. Convert it with: gdal_translate -ot Float32");
        }

        int present, width, height;
        var noData = Gdal.GDALGetRasterNoDataValue(band, &present);
        var hasNoData = present != 0;
        var scale = Gdal.GDALGetRasterScale(band, &present);
        scale = present != 0 ? scale : 1;
        var offset = Gdal.GDALGetRasterOffset(band, &present);
        offset = present != 0 ? offset : 0;
        Gdal.GDALGetBlockSize(band, &width, &height);
        return new RasterBand(index, BandName(band), (RasterType)type, hasNoData ? noData : null, scale, offset, new PixelSize(width, height),
            Gdal.Texts(Gdal.GDALGetRasterCategoryNames(band)), ReadColors(Gdal.GDALGetRasterColorTable(band)));
    }

    private static string BandName(nint band)
    {
        var name = Gdal.Text(Gdal.GDALGetDescription(band));
        foreach (var key in (ReadOnlySpan<string>)["BANDNAME", "BAND_NAME", "common_name"])
        {
            name = name.Length > 0 ? name : Gdal.Text(Gdal.GDALGetMetadataItem(band, key, null));
        }

        return name;
    }

    private static unsafe List<(byte Red, byte Green, byte Blue, byte Alpha)> ReadColors(nint table)
    {
        var colors = new List<(byte, byte, byte, byte)>();
        for (var i = 0; table != 0 && i < Gdal.GDALGetColorEntryCount(table); i++)
        {
            var entry = Gdal.GDALGetColorEntry(table, i);
            colors.Add(((byte)entry[0], (byte)entry[1], (byte)entry[2], (byte)entry[3]));
        }

        return colors;
    }
}
