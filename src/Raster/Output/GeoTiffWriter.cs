using EoOnnx.Formats;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>What a new raster looks like.</summary>
public sealed record RasterProfile
{
    /// <summary>Width and height in pixels.</summary>
    public required PixelSize Size { get; init; }

    /// <summary>Number of bands.</summary>
    public int BandCount { get; init; } = 1;

    /// <summary>Pixel type of every band.</summary>
    public required RasterType Type { get; init; }

    /// <summary>The file stores 16 bits a number: for single precision of which every number is one of half precision.</summary>
    public bool HalfPrecision { get; init; }

    /// <summary>Pixel to map coordinates; null writes none.</summary>
    public GeoTransform? Transform { get; init; }

    /// <summary>Coordinate reference system as WKT or <c>EPSG:n</c>; empty writes none.</summary>
    public string Projection { get; init; } = "";

    /// <summary>Value that marks missing pixels.</summary>
    public double? NoData { get; init; }

    /// <summary>Band names; empty writes none.</summary>
    public IReadOnlyList<string> BandNames { get; init; } = [];

    /// <summary>Scale and offset from stored to physical values of each band; null entries and missing ones write none.</summary>
    public IReadOnlyList<(double Scale, double Offset)?> BandScaling { get; init; } = [];

    /// <summary>Unit of the values of every band, after scale and offset; empty writes none.</summary>
    public string Unit { get; init; } = "";

    /// <summary>Names of the classes by value; empty writes none.</summary>
    public IReadOnlyList<string> CategoryNames { get; init; } = [];

    /// <summary>Colours of the classes by value; empty writes no colour table.</summary>
    public IReadOnlyList<(byte Red, byte Green, byte Blue)> Colors { get; init; } = [];

    /// <summary>Dataset tags.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; init; } = new Dictionary<string, string>();

    /// <summary>Writes everything but pixels onto an open dataset.</summary>
    internal unsafe void ApplyTo(GdalDatasetHandle dataset, string path)
    {
        Gdal.CPLErrorReset();
        if (Transform is { } transform)
        {
            fixed (double* numbers = transform.ToArray())
            {
                GdalError.Check(Gdal.GDALSetGeoTransform(dataset, numbers), $"Cannot set the geotransform of {path}");
            }
        }

        if (Projection.Length > 0)
        {
            GdalError.Check(Gdal.GDALSetProjection(dataset, SpatialReference.ToWkt(Projection)), $"Cannot set the coordinate reference system of {path}");
        }

        foreach (var (key, value) in Metadata.OrderBy(item => item.Key, StringComparer.Ordinal))
        {
            GdalError.Check(Gdal.GDALSetMetadataItem(dataset, key, value, null), $"Cannot set the tag {key} of {path}");
        }

        for (var index = 1; index <= BandCount; index++)
        {
            ApplyTo(Gdal.GDALGetRasterBand(dataset, index), index, path);
        }
    }

    private unsafe void ApplyTo(nint band, int index, string path)
    {
        if (NoData is { } noData)
        {
            GdalError.Check(Gdal.GDALSetRasterNoDataValue(band, noData), $"Cannot set the nodata value of {path}");
        }

        if (index <= BandNames.Count)
        {
            Gdal.GDALSetDescription(band, BandNames[index - 1]);
        }

        if (BandScaling.ElementAtOrDefault(index - 1) is var (scale, offset))
        {
            GdalError.Check(Gdal.GDALSetRasterScale(band, scale), $"Cannot set the scale of {path}");
            GdalError.Check(Gdal.GDALSetRasterOffset(band, offset), $"Cannot set the offset of {path}");
        }

        if (Unit.Length > 0)
        {
            GdalError.Check(Gdal.GDALSetRasterUnitType(band, Unit), $"Cannot set the unit of {path}");
        }

        if (index > 1)
        {
            return;
        }

        if (CategoryNames.Count > 0)
        {
            using var names = new GdalStringList(CategoryNames);
            GdalError.Check(Gdal.GDALSetRasterCategoryNames(band, names.Pointer), $"Cannot set the class names of {path}");
        }

        if (Colors.Count > 0)
        {
            const int rgb = 1;
            var table = Gdal.GDALCreateColorTable(rgb);
            short* entry = stackalloc short[4];
            for (var i = 0; i < Colors.Count; i++)
            {
                (entry[0], entry[1], entry[2], entry[3]) = (Colors[i].Red, Colors[i].Green, Colors[i].Blue, 255);
                Gdal.GDALSetColorEntry(table, i, entry);
            }

            var result = Gdal.GDALSetRasterColorTable(band, table);
            Gdal.GDALDestroyColorTable(table);
            GdalError.Check(result, $"Cannot set the colour table of {path}");
        }
    }
}

/// <summary>Writes whole rasters from memory as tiled, compressed GeoTIFF.</summary>
public static class GeoTiffWriter
{
    /// <summary>Writes <paramref name="pixels"/> atomically.</summary>
    /// <param name="path">Target; replaced when it exists.</param>
    /// <param name="profile">Grid, type and labels.</param>
    /// <param name="pixels">[band, row, column], row-major, of the .NET type of <see cref="RasterProfile.Type"/>.</param>
    /// <exception cref="ArgumentException">The number or type of the pixels is not that of the profile.</exception>
    /// <exception cref="RasterException">GDAL cannot write; nothing is left behind.</exception>
    public static unsafe void Write<T>(string path, RasterProfile profile, ReadOnlySpan<T> pixels) where T : unmanaged
    {
        var expected = checked((long)profile.Size.Width * profile.Size.Height * profile.BandCount);
        if (pixels.Length != expected || RasterTypes.Of<T>() != profile.Type)
        {
            throw new ArgumentException($"{pixels.Length} pixels of type {typeof(T).Name} were given; {profile.BandCount} bands of {profile.Size.Width} x {profile.Size.Height} {profile.Type} need {expected}.", nameof(pixels));
        }

        GdalLibrary.Ensure();
        var temporary = AtomicFile.TemporaryName(path);
        try
        {
            Gdal.CPLErrorReset();
            string[] tiling = Math.Min(profile.Size.Width, profile.Size.Height) >= 256 ? ["TILED=YES", "BLOCKXSIZE=256", "BLOCKYSIZE=256"] : [];
            using (var options = new GdalStringList([.. tiling, .. profile.HalfPrecision ? ["NBITS=16"] : Array.Empty<string>(), "COMPRESS=DEFLATE", "PREDICTOR=" + (profile.Type >= RasterType.Float32 ? "3" : "2"), "BIGTIFF=IF_SAFER"]))
            using (var dataset = Gdal.GDALCreate(Gdal.GDALGetDriverByName("GTiff"), temporary, profile.Size.Width, profile.Size.Height,
                profile.BandCount, (int)profile.Type, options.Pointer).Checked($"Cannot create {path}"))
            {
                profile.ApplyTo(dataset, path);
                fixed (T* buffer = pixels)
                {
                    int[] bands = [.. Enumerable.Range(1, profile.BandCount)];
                    fixed (int* list = bands)
                    {
                        GdalError.Check(
                            Gdal.GDALDatasetRasterIOEx(dataset, 1, 0, 0, profile.Size.Width, profile.Size.Height, buffer, profile.Size.Width, profile.Size.Height,
                                (int)profile.Type, bands.Length, list, 0, 0, 0, 0),
                            $"Cannot write {path}");
                    }
                }

                Gdal.CPLErrorReset();
                Gdal.GDALFlushCache(dataset);
                GdalError.CheckState($"Cannot write {path}");
            }

            if (File.Exists(temporary + ".aux.xml"))
            {
                File.Move(temporary + ".aux.xml", path + ".aux.xml", overwrite: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            AtomicFile.Discard(temporary);
            AtomicFile.Discard(temporary + ".aux.xml");
            throw;
        }
    }
}
