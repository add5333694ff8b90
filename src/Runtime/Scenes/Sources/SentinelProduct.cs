using System.Globalization;
using System.Xml.Linq;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Whether 1000 is taken off Sentinel-2's digital numbers.</summary>
public enum SentinelOffset
{
    /// <summary>The product says so.</summary>
    Auto,

    /// <summary>It is.</summary>
    Yes,

    /// <summary>It is not.</summary>
    No,
}

/// <summary>What a Sentinel-2 product's metadata says about its numbers: reflectance = (number + offset) / quantification.</summary>
/// <param name="Baseline">Processing baseline, for example 5.09.</param>
/// <param name="Divisor">Quantification value.</param>
/// <param name="Offsets">Offset by band, for example <c>B8A</c>; empty when the product lists none.</param>
/// <param name="Date">Start of the recording.</param>
internal sealed record SentinelProduct(double Baseline, double Divisor, IReadOnlyDictionary<string, double> Offsets, DateTimeOffset? Date)
{
    /// <summary>Digital numbers a unit of reflectance in all products so far.</summary>
    public const double Quantification = 10_000;

    /// <summary>What is added to digital numbers since baseline 04.00, where the product does not say another value.</summary>
    public const double DefaultOffset = -1000;

    private const double FirstBaselineWithOffset = 4;

    // Order of the identifiers 0 to 12 in the product's lists.
    private static readonly string[] BandOfIdentifier = ["B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"];

    /// <summary>Reads <c>MTD_MSIL1C.xml</c> or <c>MTD_MSIL2A.xml</c>.</summary>
    /// <exception cref="RasterException">It is no such file.</exception>
    public static SentinelProduct Read(string path)
    {
        var document = ProductXml.Parse(VirtualFiles.ReadText(path), path);
        var baseline = Text(document, "PROCESSING_BASELINE");
        if (!double.TryParse(baseline, NumberStyles.Float, CultureInfo.InvariantCulture, out var number))
        {
            throw new RasterException($"{path} is no metadata of a Sentinel-2 product: it has no PROCESSING_BASELINE{(baseline is null ? "" : $" but '{baseline}'")}.");
        }

        var offsets = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var element in document.Descendants().Where(element => element.Name.LocalName is "BOA_ADD_OFFSET" or "RADIO_ADD_OFFSET"))
        {
            if (int.TryParse((string?)element.Attribute("band_id"), NumberStyles.None, CultureInfo.InvariantCulture, out var identifier) && identifier < BandOfIdentifier.Length
                && double.TryParse(element.Value, NumberStyles.Float, CultureInfo.InvariantCulture, out var offset))
            {
                offsets[BandOfIdentifier[identifier]] = offset;
            }
        }

        var divisor = ((string[])["BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE"])
            .Select(name => double.TryParse(Text(document, name), NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value > 0 ? value : (double?)null).FirstOrDefault(value => value is not null);
        var start = Text(document, "PRODUCT_START_TIME") ?? Text(document, "DATATAKE_SENSING_START");
        return new SentinelProduct(number, divisor ?? Quantification, offsets, start is not null && SceneDates.TryParse(start, out var date) ? date : null);
    }

    /// <summary>The offset of a band in digital numbers.</summary>
    /// <param name="band">Folded name, for example <c>B8A</c>.</param>
    /// <param name="choice">What the user says.</param>
    public double OffsetOf(string band, SentinelOffset choice) => choice switch
    {
        SentinelOffset.No => 0,
        SentinelOffset.Yes => Offsets.GetValueOrDefault(band, DefaultOffset),
        _ => Offsets.Count > 0 ? Offsets.GetValueOrDefault(band, 0) : Baseline >= FirstBaselineWithOffset ? DefaultOffset : 0,
    };

    /// <summary>The decision and its reason, for the report.</summary>
    public string Explain(SentinelOffset choice)
    {
        var reason = choice != SentinelOffset.Auto ? $"--s2-offset {choice.ToString().ToLowerInvariant()}"
            : Offsets.Count > 0 ? $"the product lists offsets for {Offsets.Count} bands" : "the product lists none";
        return string.Create(CultureInfo.InvariantCulture, $"Sentinel-2 baseline {Baseline:00.00}: {OffsetOf("B4", choice):+0;-0;no} offset is {(OffsetOf("B4", choice) == 0 ? "needed" : "applied to the digital numbers, once")} ({reason}).");
    }

    /// <summary>True when baseline and list contradict each other.</summary>
    public bool IsDoubtful => (Baseline >= FirstBaselineWithOffset) != (Offsets.Count > 0);

    private static string? Text(XDocument document, string name) => document.Descendants().FirstOrDefault(element => element.Name.LocalName == name)?.Value.Trim();
}
