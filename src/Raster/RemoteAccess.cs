using System.Globalization;
using System.Text.RegularExpressions;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>
/// Rasters behind URLs: their names in GDAL, the options of GDAL's HTTP client while such a source is used, and texts without the
/// secrets that signed URLs carry.
/// </summary>
public static partial class RemoteAccess
{
    private static readonly (string Scheme, string Prefix)[] Schemes =
    [
        ("https://", "/vsicurl/https://"), ("http://", "/vsicurl/http://"), ("s3://", "/vsis3/"), ("gs://", "/vsigs/"), ("az://", "/vsiaz/"), ("abfs://", "/vsiadls/"),
    ];

    // What a server is asked beside the file itself costs a round trip each: no folder listings, no side files.
    private static readonly (string Key, string Value)[] Options =
    [
        ("GDAL_DISABLE_READDIR_ON_OPEN", "EMPTY_DIR"), ("GDAL_HTTP_MULTIRANGE", "YES"), ("GDAL_HTTP_MERGE_CONSECUTIVE_RANGES", "YES"), ("VSI_CACHE", "TRUE"),
        ("GDAL_HTTP_CONNECTTIMEOUT", "20"), ("GDAL_HTTP_LOW_SPEED_TIME", "60"), ("GDAL_HTTP_LOW_SPEED_LIMIT", "1"), ("GDAL_HTTP_RETRY_DELAY", "0.25"),
    ];

    private const string Extensions = ".tif,.tiff,.vrt,.jp2,.json,.geojson,.xml,.zip,.nc,.h5,.hdf,.png,.jpg,.zarray,.zgroup,.zattrs,.zmetadata";

    /// <summary>How often a request that a server refuses for the moment (429, 5xx) is repeated, with growing pauses from a quarter of a second.</summary>
    public static int Retries { get; set => field = value is >= 0 and <= 100 ? value
        : throw new ArgumentOutOfRangeException(nameof(Retries), value, "Requests can be repeated 0 to 100 times."); } = 5;

    /// <summary>True for URLs and for GDAL's names of files on servers.</summary>
    public static bool IsRemote(string path) => Schemes.Any(scheme => path.StartsWith(scheme.Scheme, StringComparison.OrdinalIgnoreCase)
        || path.Contains(scheme.Prefix[..(scheme.Prefix.IndexOf('/', 1) + 1)], StringComparison.Ordinal));

    /// <summary>GDAL's name of a URL; any other name stays as it is.</summary>
    public static string ToGdal(string path)
    {
        foreach (var (scheme, prefix) in Schemes)
        {
            if (path.StartsWith(scheme, StringComparison.OrdinalIgnoreCase))
            {
                return prefix + path[scheme.Length..];
            }
        }

        return path;
    }

    /// <summary>A text in which URLs have neither a query, where signatures are, nor a name and password.</summary>
    public static string Redact(string text) => Credentials().Replace(Query().Replace(text, "$1"), "$1");

    /// <summary>Sets the options of GDAL's HTTP client on this thread until the result is disposed; nothing for local files. Options
    /// that the user has set are kept.</summary>
    internal static Scope Enter(string path) => Enter(IsRemote(path), HasNoEnding(path));

    internal static Scope Enter(bool isRemote, bool isSigned) => isRemote ? new Scope(isSigned) : default;

    // The name of a signed URL ends in its signature, that of an item of a STAC API in the item's id.
    private static bool HasNoEnding(string path) => path.Contains('?', StringComparison.Ordinal) || path.Contains("/items/", StringComparison.Ordinal);

    [GeneratedRegex(@"((?:https?|s3|gs|az|abfs|postgres(?:ql)?)://[^\s'""?<>]*)\?[^\s'""<>]*", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Query();

    [GeneratedRegex(@"((?:https?|postgres(?:ql)?)://)[^\s'""/@<>]+@", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Credentials();

    /// <summary>Options that this thread has for the moment.</summary>
    internal readonly ref struct Scope
    {
        private readonly List<string>? _keys;

        public Scope(bool hasNoEnding)
        {
            GdalLibrary.Ensure();
            _keys = [];
            foreach (var (key, value) in Options)
            {
                Set(key, value);
            }

            Set("GDAL_HTTP_MAX_RETRY", Retries.ToString(CultureInfo.InvariantCulture));
            if (!hasNoEnding)
            {
                Set("CPL_VSIL_CURL_ALLOWED_EXTENSIONS", Extensions);
            }
        }

        public void Dispose()
        {
            foreach (var key in _keys ?? [])
            {
                Gdal.CPLSetThreadLocalConfigOption(key, null);
            }
        }

        private void Set(string key, string value)
        {
            if (Gdal.CPLGetConfigOption(key, null) == 0)
            {
                Gdal.CPLSetThreadLocalConfigOption(key, value);
                _keys!.Add(key);
            }
        }
    }
}
