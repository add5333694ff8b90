using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>An open dataset; one owner, one thread at a time. Counts live handles so that tests can assert that none leak.</summary>
internal sealed class GdalDatasetHandle() : SafeHandle(0, ownsHandle: true)
{
    private static int _live;
    private bool _counted;

    /// <summary>Number of datasets that are open in this process.</summary>
    public static int Live => Volatile.Read(ref _live);

    public override bool IsInvalid => handle == 0;

    /// <summary>Opens a raster for reading.</summary>
    /// <exception cref="RasterException">GDAL cannot open it; the message ends with GDAL's own words.</exception>
    public static GdalDatasetHandle Open(string path)
    {
        const uint raster = 0x2, verboseError = 0x40;
        GdalLibrary.Ensure();
        Gdal.CPLErrorReset();
        return Gdal.GDALOpenEx(path, raster | verboseError, AllowedDrivers.Pointer, 0, 0).Checked($"Cannot open {path}");
    }

    /// <summary>Opens a vector file for reading.</summary>
    /// <exception cref="RasterException">GDAL cannot open it; the message ends with GDAL's own words.</exception>
    public static GdalDatasetHandle OpenVector(string path)
    {
        const uint vector = 0x4, verboseError = 0x40;
        GdalLibrary.Ensure();
        Gdal.CPLErrorReset();
        return Gdal.GDALOpenEx(path, vector | verboseError, 0, 0, 0).Checked($"Cannot open {path} as polygons");
    }

    /// <summary>This handle, when it is valid.</summary>
    /// <exception cref="RasterException">It is not; <paramref name="what"/> starts the message.</exception>
    public GdalDatasetHandle Checked(string what)
    {
        if (IsInvalid)
        {
            throw GdalError.Last(what);
        }

        _counted = true;
        Interlocked.Increment(ref _live);
        return this;
    }

    protected override bool ReleaseHandle()
    {
        Gdal.GDALClose(handle);
        if (_counted)
        {
            Interlocked.Decrement(ref _live);
        }

        return true;
    }
}
