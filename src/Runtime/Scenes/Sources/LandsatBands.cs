namespace EoOnnx.Runtime;

/// <summary>Landsat's bands by common name: their numbers mean other wavelengths than Sentinel-2's.</summary>
internal static class LandsatBands
{
    private static readonly Dictionary<string, string> Operational = new(StringComparer.Ordinal)
    {
        ["1"] = "coastal", ["2"] = "blue", ["3"] = "green", ["4"] = "red", ["5"] = "nir08", ["6"] = "swir16", ["7"] = "swir22", ["8"] = "pan", ["9"] = "cirrus",
        ["10"] = "lwir11", ["11"] = "lwir12", ["ST_B10"] = "lwir11",
    };

    private static readonly Dictionary<string, string> Thematic = new(StringComparer.Ordinal)
    {
        ["1"] = "blue", ["2"] = "green", ["3"] = "red", ["4"] = "nir08", ["5"] = "swir16", ["7"] = "swir22", ["8"] = "pan", ["6"] = "lwir", ["ST_B6"] = "lwir",
    };

    /// <summary>Common name of a band of OLI and TIRS (Landsat 8, 9, HLS L30); null for an unknown number.</summary>
    public static string? OfOperational(string number) => Operational.GetValueOrDefault(number.TrimStart('0'));

    /// <summary>Common name of a band.</summary>
    /// <param name="spacecraft">For example <c>LANDSAT_8</c>.</param>
    /// <param name="number">As in <c>FILE_NAME_BAND_n</c>.</param>
    public static string? Of(string spacecraft, string number) => (spacecraft is "LANDSAT_4" or "LANDSAT_5" or "LANDSAT_7" ? Thematic : Operational).GetValueOrDefault(number);
}
