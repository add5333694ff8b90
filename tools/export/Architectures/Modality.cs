using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>What a modality of TerraMind is fed with.</summary>
internal enum ModalityKind
{
    /// <summary>Pixels.</summary>
    Image,

    /// <summary>Token ids of an image tokenizer, one a patch.</summary>
    Tokens,

    /// <summary>Token ids of a text, without place.</summary>
    Sequence,
}

/// <summary>A modality of TerraMind's pretraining.</summary>
/// <param name="Name">The usual name.</param>
/// <param name="Key">Its name in the weights, below <c>encoder_embeddings.</c></param>
/// <param name="Kind">What it is fed with.</param>
/// <param name="Bands">Channels of an image with their statistics, in raw units.</param>
/// <param name="Vocabulary">Token ids; 0 for images.</param>
internal sealed record Modality(string Name, string Key, ModalityKind Kind, IReadOnlyList<ManifestBand> Bands, int Vocabulary = 0)
{
    private const string SentinelTwo = "COASTAL_AEROSOL BLUE GREEN RED RED_EDGE_1 RED_EDGE_2 RED_EDGE_3 NIR_BROAD NIR_NARROW WATER_VAPOR";

    /// <summary>All that the published models know. Source of bands and statistics: TerraTorch, <c>terramind_register.py</c> (v1).</summary>
    public static IReadOnlyList<Modality> All { get; } =
    [
        Image("S2L2A", "untok_sen2l2a@224", SentinelTwo + " SWIR_1 SWIR_2",
            [1390.458, 1503.317, 1718.197, 1853.91, 2199.1, 2779.975, 2987.011, 3083.234, 3132.22, 3162.988, 2424.884, 1857.648],
            [2106.761, 2141.107, 2038.973, 2134.138, 2085.321, 1889.926, 1820.257, 1871.918, 1753.829, 1797.379, 1434.261, 1334.311]),
        Image("S2L1C", "untok_sen2l1c@224", SentinelTwo + " CIRRUS SWIR_1 SWIR_2",
            [2357.089, 2137.385, 2018.788, 2082.986, 2295.651, 2854.537, 3122.849, 3040.56, 3306.481, 1473.847, 506.07, 2472.825, 1838.929],
            [1624.683, 1675.806, 1557.708, 1833.702, 1823.738, 1733.977, 1732.131, 1679.732, 1727.26, 1024.687, 442.165, 1331.411, 1160.419]),
        Image("RGB", "untok_sen2rgb@224", "RED GREEN BLUE", [87.271, 80.931, 66.667], [58.767, 47.663, 42.631]),
        Image("S1GRD", "untok_sen1grd@224", "VV VH", [-12.599, -20.293], [5.195, 5.89]),
        Image("S1RTC", "untok_sen1rtc@224", "VV VH", [-10.93, -17.329], [4.391, 4.459]),
        Image("DEM", "untok_dem@224", "DEM", [670.665], [951.272]),
        new("LULC", "tok_lulc@224", ModalityKind.Tokens, [], 4375),
        new("NDVI", "tok_ndvi@224", ModalityKind.Tokens, [new ManifestBand("NDVI", 0.327, 0.322)], 15_360),
        new("coords", "coords", ModalityKind.Sequence, [], 30_000),
        new("caption", "caption", ModalityKind.Sequence, [], 30_000),
    ];

    /// <summary>The known modality that a name means, as TerraTorch understands it: in any case, <c>sen2l2a</c> for <c>S2L2A</c>, the key in the
    /// weights, <c>location</c> for <c>coords</c>, <c>text</c> for <c>caption</c>; null when it means none.</summary>
    public static Modality? Find(string name)
    {
        var plain = name.Trim().ToLowerInvariant().Replace("sen2", "s2", StringComparison.Ordinal).Replace("sen1", "s1", StringComparison.Ordinal)
            .Replace("text", "caption", StringComparison.Ordinal).Replace("location", "coords", StringComparison.Ordinal).Replace("coordinates", "coords", StringComparison.Ordinal);
        return All.FirstOrDefault(known => known.Key == name)
            ?? All.FirstOrDefault(known => plain.Equals(known.Name, StringComparison.OrdinalIgnoreCase) || (known.Name == "RGB" && plain == "s2rgb"));
    }

    private static Modality Image(string name, string key, string bands, double[] mean, double[] deviation) => new(name, key, ModalityKind.Image,
        [.. bands.Split(' ').Select((band, i) => new ManifestBand(band, mean[i], deviation[i], SpectralBand.TryFind(band)?.WavelengthMicrometres))]);
}
