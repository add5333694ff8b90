using System.Text.RegularExpressions;
using EoOnnx.Formats;

namespace EoOnnx.Export;

/// <summary>A band of a known sensor: its common name and where it looks.</summary>
/// <param name="Name">Common name, for example <c>NIR_NARROW</c>.</param>
/// <param name="WavelengthMicrometres">Central wavelength as the reference implementation of DOFA has it. For radar it is the radar's
/// wavelength in centimetres, as there.</param>
public sealed partial record SpectralBand(string Name, double WavelengthMicrometres)
{
    private static readonly SpectralBand[] Known =
    [
        new("COASTAL_AEROSOL", 0.44), new("BLUE", 0.49), new("GREEN", 0.56), new("RED", 0.665), new("RED_EDGE_1", 0.705), new("RED_EDGE_2", 0.74),
        new("RED_EDGE_3", 0.783), new("NIR_BROAD", 0.832), new("NIR_NARROW", 0.864), new("WATER_VAPOR", 0.945), new("CIRRUS", 1.373),
        new("SWIR_1", 1.61), new("SWIR_2", 2.20), new("THERMAL_INFRARED_1", 10.9), new("THERMAL_INFRARED_2", 12.0),
        .. new[] { "VV", "VH", "HH", "HV", "ASC_VV", "ASC_VH", "DSC_VV", "DSC_VH", "VV-VH" }.Select(polarisation => new SpectralBand(polarisation, 5.405)),
    ];

    // Sentinel-2 and the Sentinel-2 half of HLS number their bands alike; Landsat 8 and 9 and the Landsat half of HLS do.
    private static readonly (string Prefix, string Bands)[] Sensors =
    [
        ("", "B1 COASTAL_AEROSOL B2 BLUE B3 GREEN B4 RED B5 RED_EDGE_1 B6 RED_EDGE_2 B7 RED_EDGE_3 B8 NIR_BROAD B8A NIR_NARROW B9 WATER_VAPOR B10 CIRRUS B11 SWIR_1 B12 SWIR_2"),
        ("L8_ L9_ L30_", "B1 COASTAL_AEROSOL B2 BLUE B3 GREEN B4 RED B5 NIR_NARROW B6 SWIR_1 B7 SWIR_2 B9 CIRRUS B10 THERMAL_INFRARED_1 B11 THERMAL_INFRARED_2"),
    ];

    private static readonly Dictionary<string, string> Aliases = new(StringComparer.OrdinalIgnoreCase)
    {
        ["COASTAL"] = "COASTAL_AEROSOL", ["AEROSOL"] = "COASTAL_AEROSOL", ["NIR"] = "NIR_BROAD", ["NIR_1"] = "NIR_BROAD", ["NIR_2"] = "NIR_NARROW",
        ["REDEDGE_1"] = "RED_EDGE_1", ["REDEDGE_2"] = "RED_EDGE_2", ["REDEDGE_3"] = "RED_EDGE_3", ["WATER_VAPOUR"] = "WATER_VAPOR", ["SWIR1"] = "SWIR_1", ["SWIR2"] = "SWIR_2",
        ["THEMRAL_INFRARED_1"] = "THERMAL_INFRARED_1", ["THEMRAL_INFRARED_2"] = "THERMAL_INFRARED_2", ["TIR_1"] = "THERMAL_INFRARED_1", ["TIR_2"] = "THERMAL_INFRARED_2", ["VV_VH"] = "VV-VH",
    };

    private static readonly Dictionary<string, SpectralBand> ByName = Index();

    /// <summary>The band of that name, in any case and with or without leading zeros: common names (<c>BLUE</c>, <c>SWIR_1</c>), Sentinel-2
    /// numbers (<c>B02</c>, <c>B8A</c>), Landsat numbers with a prefix (<c>L8_B5</c>, <c>L30_B05</c>), radar polarisations (<c>VV</c>).</summary>
    /// <exception cref="ExportException">The name is not known; the message has the closest one.</exception>
    public static SpectralBand Find(string name)
    {
        var plain = Normalize(name);
        return ByName.TryGetValue(plain, out var band) ? band : throw new ExportException(
            $"The band '{name}' is not known.{Spelling.DidYouMean(plain, ByName.Keys)} Known are names such as B02, B8A, BLUE, NIR_NARROW, SWIR_1, L8_B5 and VV; for another band give its wavelength with --wavelengths.");
    }

    /// <summary>Bands without names, numbered from 1.</summary>
    internal static IReadOnlyList<ManifestBand> Unnamed(BackboneOptions options, int count) =>
        Describe(options, [.. Enumerable.Range(1, count).Select(number => $"band {number}")], mustBeKnown: false);

    /// <summary>The band of that name, as <see cref="Find"/> understands it, or null.</summary>
    public static SpectralBand? TryFind(string name) => ByName.GetValueOrDefault(Normalize(name));

    /// <summary>Names, wavelengths and statistics as manifest bands. Wavelengths that are not given are looked up.</summary>
    /// <exception cref="ExportException">A name is not known, or lists differ in length.</exception>
    internal static IReadOnlyList<ManifestBand> Describe(BackboneOptions options, IReadOnlyList<string> names, bool mustBeKnown = true)
    {
        Expect("--wavelengths", options.Wavelengths?.Count);
        Expect("--means", options.Means?.Count);
        Expect("--deviations", options.Deviations?.Count);
        return [.. names.Select((name, i) =>
        {
            var known = options.Wavelengths is null && mustBeKnown ? Find(name) : TryFind(name);
            return new ManifestBand(name, options.Means?[i] ?? 0, options.Deviations?[i] ?? 1, options.Wavelengths?[i] ?? known?.WavelengthMicrometres,
                known is null || known.Name == name ? null : known.Name);
        })];

        void Expect(string option, int? count)
        {
            if (count is { } found && found != names.Count)
            {
                throw new ExportException($"{option} lists {found} values for {names.Count} bands ({string.Join(", ", names)}); give one a band.");
            }
        }
    }

    private static string Normalize(string name)
    {
        var plain = LeadingZeros().Replace(name.Trim().ToUpperInvariant(), "B");
        return plain.StartsWith("S2_", StringComparison.Ordinal) || plain.StartsWith("S30_", StringComparison.Ordinal) ? plain[(plain.IndexOf('_', StringComparison.Ordinal) + 1)..] : plain;
    }

    [GeneratedRegex(@"(?<=^|_)B0+(?=\d)", RegexOptions.CultureInvariant)]
    private static partial Regex LeadingZeros();

    private static Dictionary<string, SpectralBand> Index()
    {
        var index = Known.ToDictionary(band => band.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var (alias, name) in Aliases)
        {
            index.Add(alias, index[name]);
        }

        foreach (var (prefixes, bands) in Sensors)
        {
            foreach (var pair in bands.Split(' ').Chunk(2))
            {
                foreach (var prefix in prefixes.Split(' '))
                {
                    index.Add(prefix + pair[0], index[pair[1]]);
                }
            }
        }

        return index;
    }
}
