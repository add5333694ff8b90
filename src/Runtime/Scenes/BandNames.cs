using System.Collections.Frozen;
using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>Folds the many names of the same band into one, so that <c>B2</c>, <c>B02</c> and <c>blue</c> meet.</summary>
public static class BandNames
{
    // Sentinel-2 identifiers; STAC's common names; the names that TerraTorch and the Sentinel-2 driver of GDAL use.
    private static readonly FrozenDictionary<string, string> Aliases = new Dictionary<string, string[]>
    {
        ["B1"] = ["COASTAL", "COASTALAEROSOL"],
        ["B2"] = ["BLUE"],
        ["B3"] = ["GREEN"],
        ["B4"] = ["RED"],
        ["B5"] = ["REDEDGE1", "REDEDGE071"],
        ["B6"] = ["REDEDGE2", "REDEDGE075"],
        ["B7"] = ["REDEDGE3", "REDEDGE078"],
        ["B8"] = ["NIR", "NIRBROAD"],
        ["B8A"] = ["NIR08", "NIRNARROW"],
        ["B9"] = ["NIR09", "WATERVAPOR", "WATERVAPOUR"],
        ["B10"] = ["CIRRUS"],
        ["B11"] = ["SWIR16", "SWIR1"],
        ["B12"] = ["SWIR22", "SWIR2"],
    }.SelectMany(band => band.Value.Select(alias => KeyValuePair.Create(alias, band.Key))).ToFrozenDictionary(StringComparer.Ordinal);

    // Central wavelengths in micrometres (Sentinel-2A; Landsat's differ by less than the tolerance).
    private static readonly (string Band, double Micrometres)[] Wavelengths =
    [
        ("B1", 0.443), ("B2", 0.490), ("B3", 0.560), ("B4", 0.665), ("B5", 0.704), ("B6", 0.740), ("B7", 0.783), ("B8", 0.835), ("B8A", 0.865), ("B9", 0.945),
        ("B10", 1.375), ("B11", 1.612), ("B12", 2.196),
    ];

    private static readonly FrozenSet<string> Known = Aliases.Values
        .Concat(["SCL", "CLD", "SNW", "AOT", "WVP", "QAPIXEL", "QARADSAT", "FMASK", "VV", "VH", "HH", "HV", "DEM", "PAN", "LWIR", "LWIR11", "LWIR12"]).ToFrozenSet(StringComparer.Ordinal);

    private static readonly FrozenSet<string> Optical = Aliases.Values.ToFrozenSet(StringComparer.Ordinal);

    /// <summary>Central wavelength in micrometres of a band by its name, as DOFA takes it: that of Sentinel-2, and of radar 5.405, its wavelength in centimetres; null when the name tells none.</summary>
    public static double? WavelengthOf(string name) => Fold(name) switch
    {
        "VV" or "VH" or "HH" or "HV" => 5.405,
        var folded => Array.FindIndex(Wavelengths, item => item.Band == folded) is >= 0 and var found ? Wavelengths[found].Micrometres : null,
    };

    /// <summary>True for bands that hold reflectance.</summary>
    public static bool IsOptical(string name) => Optical.Contains(Fold(name));

    /// <summary>True for bands of classes and flags, which cannot be averaged.</summary>
    public static bool IsCategorical(string name) => Fold(name) is "SCL" or "QAPIXEL" or "QARADSAT" or "FMASK" or "SRQAAEROSOL" or "CLDMASK" or "LULC";

    /// <summary>The band that a file holds by its name, such as <c>B04</c> of <c>T33UUP_20200101_B04_10m.tif</c>; else the whole name.</summary>
    public static string OfFile(string path)
    {
        var stem = Path.GetFileNameWithoutExtension(path.Split('?')[0]);
        return stem.Split(['_', '.', '-', ' ']).LastOrDefault(part => Known.Contains(Fold(part)))
            ?? (stem.EndsWith("QA_PIXEL", StringComparison.OrdinalIgnoreCase) ? "QA_PIXEL" : stem);
    }

    /// <summary>The name that all aliases of a band share; empty for an empty name.</summary>
    public static string Fold(string name)
    {
        if (name.EndsWith("µm", StringComparison.Ordinal) && double.TryParse(name.AsSpan(0, name.Length - 2), NumberStyles.Float, CultureInfo.InvariantCulture, out var micrometres))
        {
            // Neighbouring bands are at least 30 nm apart; the bands of one sensor differ by up to 1.5 % between satellites.
            var (band, centre) = Wavelengths.MinBy(item => Math.Abs(item.Micrometres - micrometres));
            return Math.Abs(centre - micrometres) <= 0.015 * centre ? band : "";
        }

        // "B4, central wavelength 665 nm" of GDAL's Sentinel-2 driver, "B04 (red)" of others.
        var end = name.AsSpan().IndexOfAny(',', '(');
        var core = string.Concat((end > 0 ? name[..end] : name).Where(char.IsLetterOrDigit)).ToUpperInvariant();
        if (core.Length >= 3 && core[0] == 'B' && core[1] == '0' && char.IsDigit(core[2]))
        {
            core = "B" + core[1..].TrimStart('0');
        }

        return Aliases.GetValueOrDefault(core, core);
    }
}
