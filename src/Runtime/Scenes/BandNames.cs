using System.Collections.Frozen;

namespace EoOnnx.Runtime;

/// <summary>Folds the many names of the same band into one, so that <c>B2</c>, <c>B02</c> and <c>blue</c> meet.</summary>
internal static class BandNames
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

    /// <summary>The name that all aliases of a band share; empty for an empty name.</summary>
    public static string Fold(string name)
    {
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
