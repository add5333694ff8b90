using System.Reflection;
using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>Finds libgdal (EOONNX_GDAL, next to the program, the system), registers its drivers once and sets safe defaults.</summary>
public static class GdalLibrary
{
    private static readonly string[] Names =
    [
        "libgdal.so.32", "libgdal.so", "libgdal.so.33", "libgdal.so.34", "libgdal.so.35", "libgdal.so.36", "libgdal.so.37", "libgdal.so.38",
        "libgdal.dylib", "gdal.dll", "libgdal",
    ];

    private const string NetworkStatistics = "CPL_VSIL_NETWORK_STATS_ENABLED";

    private static readonly Lazy<string> Loaded = new(Load);
    private static nint _library;

    /// <summary>Version of the library, for example <c>3.6.2</c>.</summary>
    /// <exception cref="RasterException">There is no libgdal; the message says how to install one.</exception>
    public static string Version
    {
        get
        {
            Ensure();
            return Gdal.Text(Gdal.GDALVersionInfo("RELEASE_NAME"));
        }
    }

    /// <summary>The file that was loaded, or the name under which the system found it.</summary>
    /// <exception cref="RasterException">There is no libgdal.</exception>
    public static string Location => Loaded.Value;

    /// <summary>Short names of the registered drivers, in the library's order.</summary>
    /// <exception cref="RasterException">There is no libgdal.</exception>
    public static IReadOnlyList<string> Drivers
    {
        get
        {
            Ensure();
            return [.. Enumerable.Range(0, Gdal.GDALGetDriverCount()).Select(index => Gdal.Text(Gdal.GDALGetDescription(Gdal.GDALGetDriver(index))))];
        }
    }

    internal static void Ensure() => _ = Loaded.Value;

    private static string Load()
    {
        var location = Find();
        NativeLibrary.SetDllImportResolver(typeof(Gdal).Assembly, Resolve);
        // Messages are read per thread with CPLGetLastErrorMsg; nothing is printed by the library itself.
        Gdal.CPLSetErrorHandler(NativeLibrary.GetExport(_library, "CPLQuietErrorHandler"));
        Gdal.CPLSetConfigOption("GDAL_VRT_ENABLE_PYTHON", "NO");
        Gdal.CPLSetConfigOption("GDAL_PAM_ENABLED", "YES");
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable(NetworkStatistics)))
        {
            Gdal.CPLSetConfigOption(NetworkStatistics, "YES"); // looked at once, at the first request
        }

        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("GDAL_CACHEMAX")))
        {
            // GDAL would take a twentieth of the machine; blocks are decoded once and need not be kept.
            Gdal.CPLSetConfigOption("GDAL_CACHEMAX", "64");
        }

        Gdal.GDALAllRegister();
        return location;
    }

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) => name == Gdal.Library ? _library : 0;

    private static string Find()
    {
        var named = Environment.GetEnvironmentVariable("EOONNX_GDAL");
        if (!string.IsNullOrEmpty(named))
        {
            return NativeLibrary.TryLoad(named, out _library) ? named
                : throw new RasterException($"EOONNX_GDAL names {named}, which cannot be loaded as libgdal. Name the library file itself, for example /usr/lib/x86_64-linux-gnu/libgdal.so.32.");
        }

        string[] folders = [AppContext.BaseDirectory, Path.Combine(AppContext.BaseDirectory, "runtimes", RuntimeInformation.RuntimeIdentifier, "native")];
        foreach (var candidate in folders.SelectMany(folder => Names.Select(name => Path.Combine(folder, name))).Where(File.Exists).Concat(Names))
        {
            if (NativeLibrary.TryLoad(candidate, out _library))
            {
                return candidate;
            }
        }

        throw new RasterException("libgdal was not found (looked at EOONNX_GDAL, beside the program and in the system's library path). " +
            "Install it with: sudo apt-get install -y libgdal32 gdal-data proj-data");
    }
}
