using System.Runtime.InteropServices;
using System.Text.Json;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>What GDAL has asked servers for in this process, as GDAL itself counts it; all threads and scenes together.</summary>
/// <param name="Requests">Requests of every kind; those that were repeated count each time.</param>
/// <param name="DownloadedBytes">Bytes of the answers.</param>
public sealed record NetworkUse(long Requests, long DownloadedBytes)
{
    /// <summary>The counts since the library was loaded; 0 where GDAL was told not to count (<c>CPL_VSIL_NETWORK_STATS_ENABLED=NO</c>).</summary>
    /// <exception cref="RasterException">There is no libgdal.</exception>
    public static NetworkUse Now()
    {
        GdalLibrary.Ensure();
        var text = Gdal.VSINetworkStatsGetAsSerializedJSON(0);
        try
        {
            using var statistics = JsonDocument.Parse(Marshal.PtrToStringUTF8(text) is { Length: > 0 } json ? json : "{}");
            var methods = statistics.RootElement.TryGetProperty("methods", out var all) ? all.EnumerateObject().Select(method => method.Value).ToList() : [];
            return new NetworkUse(methods.Sum(method => Number(method, "count")), methods.Sum(method => Number(method, "downloaded_bytes")));
        }
        finally
        {
            Ogr.VSIFree(text);
        }
    }

    /// <summary>What came after an earlier count.</summary>
    public NetworkUse Since(NetworkUse earlier)
    {
        ArgumentNullException.ThrowIfNull(earlier);
        return new NetworkUse(Requests - earlier.Requests, DownloadedBytes - earlier.DownloadedBytes);
    }

    private static long Number(JsonElement method, string name) => method.TryGetProperty(name, out var number) ? number.GetInt64() : 0;
}
