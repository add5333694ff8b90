using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What a scene is made of.</summary>
public sealed record SceneRequest
{
    /// <summary>Files, folders, products (Sentinel-2, Landsat, HLS), STAC items, URLs. Several are one stack of bands, or one date each for
    /// a model of several dates.</summary>
    public IReadOnlyList<string> Sources { get; init => field = value is not null && value.All(source => !string.IsNullOrWhiteSpace(source)) ? value
        : throw new ArgumentOutOfRangeException(nameof(Sources), value, "A source without a name; name files, folders, products or items."); } = [];

    /// <summary>For models of several modalities: the source of each, by its name in the manifest. Not together with <see cref="Sources"/>.</summary>
    public IReadOnlyDictionary<string, string> Modalities { get; init; } = new Dictionary<string, string>();

    /// <summary>Dates of the sources, for models of several dates that take them; empty takes what the sources say.</summary>
    public IReadOnlyList<DateTimeOffset> Dates { get; init; } = [];

    /// <summary>For models of several dates: which of <see cref="Sources"/> is each frame, by its position from 1. Empty takes them as given.</summary>
    public IReadOnlyList<int> Frames { get; init => field = value is not null && value.All(frame => frame >= 1) ? value
        : throw new ArgumentOutOfRangeException(nameof(Frames), value, "Frames are positions of the sources, from 1."); } = [];

    /// <summary>Edge of a pixel in units of the coordinate reference system; null is that of the finest band used.</summary>
    public double? Resolution { get; init => field = value is null || (value > 0 && double.IsFinite(value.Value)) ? value
        : throw new ArgumentOutOfRangeException(nameof(Resolution), value, "The resolution must be a positive number in units of the coordinate reference system."); }

    /// <summary>Takes the ground resolution of the model's training data.</summary>
    public bool ResampleToModel { get; init; }

    /// <summary>Coordinate reference system to map in: <c>EPSG:n</c>, <c>utm</c> (the zone of the scene's centre), or WKT; null is that of the sources.</summary>
    public string? Grid { get; init => field = value is null || IsSystem(value) ? value
        : throw new ArgumentOutOfRangeException(nameof(Grid), value, $"'{value}' is no coordinate reference system; expected utm, EPSG:n or WKT."); }

    /// <summary>Whether 1000 is taken off Sentinel-2's digital numbers.</summary>
    public SentinelOffset SentinelOffset { get; init; }

    /// <summary>Allows VRT files to read outside their own folder.</summary>
    public bool AllowExternalVrt { get; init; }

    // GDAL would take names of files and addresses, too; a request may come from elsewhere.
    private static bool IsSystem(string text) => text.Equals("utm", StringComparison.OrdinalIgnoreCase)
        || (text.StartsWith("EPSG:", StringComparison.OrdinalIgnoreCase) && text.Length > 5 && text.AsSpan(5).IndexOfAnyExceptInRange('0', '9') < 0)
        || (text.EndsWith(']') && text.IndexOf('[', StringComparison.Ordinal) is > 0 and var start && text[..start].All(letter => char.IsAsciiLetterUpper(letter) || letter == '_'));
}
