using System.Globalization;
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
    /// <summary>Other names that the metadata give: common name, identifier, wavelength in micrometres as <c>0.665 µm</c>.</summary>
    public IReadOnlyList<string> OtherNames { get; init; } = [];

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

    private readonly RasterAccess _access;
    private readonly string _name;

    private RasterDataset(string path, GdalDatasetHandle handle, RasterAccess access)
    {
        (_name, Path, _handle, _access) = (path, access.DisplayName ?? RemoteAccess.Redact(path), handle, access);
        Size = new PixelSize(Gdal.GDALGetRasterXSize(handle), Gdal.GDALGetRasterYSize(handle));
        Transform = ReadTransform(handle);
        Projection = Gdal.Text(Gdal.GDALGetProjectionRef(handle));
        CheckSize(Gdal.GDALGetRasterCount(handle));
        Bands = [.. Enumerable.Range(1, Gdal.GDALGetRasterCount(handle)).Select(ReadBand)];
        Metadata = Gdal.Texts(Gdal.GDALGetMetadata(handle, null)).Select(entry => entry.Split('=', 2))
            .Where(entry => entry.Length == 2).ToDictionary(entry => entry[0], entry => entry[1], StringComparer.Ordinal);
    }

    /// <summary>The name it was opened with, without the signature that a URL may carry.</summary>
    public string Path { get; }

    /// <summary>File name without folders.</summary>
    public string Name => _access.DisplayName ?? System.IO.Path.GetFileName(Path);

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
    /// <param name="path">A file, a URL, or any name that GDAL takes.</param>
    /// <param name="access">How; null forbids what a file of unknown origin should not do.</param>
    /// <exception cref="RasterException">GDAL cannot open it, it has no bands, a band of complex numbers, or is a VRT that reads outside its folder.</exception>
    public static RasterDataset Open(string path, RasterAccess? access = null)
    {
        access ??= new RasterAccess();
        path = RemoteAccess.ToGdal(path);
        access = access with { IsRemote = access.IsRemote || RemoteAccess.IsRemote(path), IsSigned = access.IsSigned || path.Contains('?', StringComparison.Ordinal) };
        if (!access.AllowExternalVrt)
        {
            VirtualRasterGuard.Check(path);
        }

        using var remote = RemoteAccess.Enter(access.IsRemote, access.IsSigned);
        var handle = GdalDatasetHandle.Open(path);
        try
        {
            if (Gdal.GDALGetRasterCount(handle) == 0)
            {
                throw new RasterException($"{path} has no raster bands; name one of its subdatasets (gdalinfo lists them).");
            }

            return new RasterDataset(path, handle, access);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Names of the rasters that a container such as a product's metadata file holds; empty when it holds none.</summary>
    /// <param name="path">A file or any name that GDAL takes.</param>
    /// <exception cref="RasterException">GDAL cannot open it.</exception>
    public static IReadOnlyList<string> SubdatasetsOf(string path)
    {
        using var remote = RemoteAccess.Enter(path);
        using var handle = GdalDatasetHandle.Open(path);
        return [.. Gdal.Texts(Gdal.GDALGetMetadata(handle, "SUBDATASETS")).Select(entry => entry.Split('=', 2)).Where(entry => entry.Length == 2 && entry[0].EndsWith("_NAME", StringComparison.Ordinal)).Select(entry => entry[1])];
    }

    /// <summary>A reader with its own handle, for one thread.</summary>
    /// <exception cref="RasterException">The raster cannot be opened again.</exception>
    public RasterReader OpenReader()
    {
        using var remote = EnterRemote();
        return new RasterReader(this, GdalDatasetHandle.Open(_name));
    }

    /// <summary>True when a mask or alpha band says which of a band's pixels are valid.</summary>
    internal bool HasDatasetMask(int band)
    {
        const int perDataset = 2, alpha = 4;
        return (Gdal.GDALGetMaskFlags(Gdal.GDALGetRasterBand(_handle, band)) & (perDataset | alpha)) != 0;
    }

    /// <summary>GDAL's name, which may hold a signature: never for messages.</summary>
    internal string GdalName => _name;

    internal bool IsRemote => _access.IsRemote;

    /// <summary>The options of GDAL's HTTP client on this thread, for a raster that reads from servers.</summary>
    internal RemoteAccess.Scope EnterRemote() => RemoteAccess.Enter(_access.IsRemote, _access.IsSigned);

    // What a header claims is checked before anything is allocated by it.
    private void CheckSize(int bands)
    {
        const int mostBands = 20_000;
        if (Size.Width <= 0 || Size.Height <= 0 || bands > mostBands || (decimal)Size.Width * Size.Height * bands * sizeof(double) > long.MaxValue)
        {
            throw new RasterException($"{Path} claims {Size.Width} x {Size.Height} pixels in {bands} bands; at most {mostBands} bands and 2^63 bytes can be addressed.");
        }
    }

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
            Gdal.Texts(Gdal.GDALGetRasterCategoryNames(band)), ReadColors(Gdal.GDALGetRasterColorTable(band))) { OtherNames = OtherNames(band) };
    }

    private static List<string> OtherNames(nint band)
    {
        var names = ((string[])["BANDNAME", "BAND_NAME", "common_name"]).Select(key => Gdal.Text(Gdal.GDALGetMetadataItem(band, key, null))).Where(name => name.Length > 0).ToList();
        if (Wavelength(band) is { } micrometres)
        {
            names.Add(string.Create(CultureInfo.InvariantCulture, $"{micrometres:0.####} µm"));
        }

        return names;
    }

    // GDAL 3.10 and later, ENVI headers, and the Sentinel-2 driver each have words of their own.
    private static double? Wavelength(nint band)
    {
        if (Number("CENTRAL_WAVELENGTH_UM", "IMAGERY") is { } central)
        {
            return central;
        }

        var unit = (Gdal.Text(Gdal.GDALGetMetadataItem(band, "wavelength_units", null)) + Gdal.Text(Gdal.GDALGetMetadataItem(band, "WAVELENGTH_UNIT", null))).ToUpperInvariant();
        return (Number("wavelength", null) ?? Number("WAVELENGTH", null)) is { } value ? unit.StartsWith('N') || value > 100 ? value / 1000 : value : null;

        double? Number(string key, string? domain) =>
            double.TryParse(Gdal.Text(Gdal.GDALGetMetadataItem(band, key, domain)), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && number > 0 ? number : null;
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
