using System.Globalization;
using System.Xml;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>
/// How QGIS shows a map, <c>MAP.qml</c>, which it takes by itself when it opens the map. Classes have their colours and names; without a style QGIS lists
/// all 256 entries that the colour table of a TIFF has. Values go from black to white over what the map holds, probabilities of the last class over 0 to 1.
/// </summary>
internal static class QgisStyle
{
    /// <summary>Writes the style, atomically.</summary>
    /// <param name="path">The file; QGIS looks for the name of the map with <c>.qml</c> in place of its ending.</param>
    /// <param name="job">The job that made the map.</param>
    /// <param name="values">What the bands of a map of values hold.</param>
    public static void Write(string path, SceneJob job, IReadOnlyList<ValueReport> values) => AtomicFile.Write(path, stream =>
    {
        using var xml = XmlWriter.Create(stream, new XmlWriterSettings { Indent = true });
        xml.WriteStartDocument();
        xml.WriteDocType("qgis", "http://mrcc.com/qgis.dtd", "SYSTEM", null);
        Start(xml, "qgis", ("version", "3.22"), ("styleCategories", "Symbology"));
        xml.WriteStartElement("pipe");
        if (job.Content == MapContent.Class)
        {
            Palette(xml, job.Legend!);
        }
        else
        {
            var (band, low, high) = job.Content == MapContent.Probability ? (job.Profile.BandCount, 0, 1) : (1, values[0].Low ?? 0, values[0].High ?? 1);
            Ramp(xml, band, low, high);
        }

        xml.WriteEndDocument();
    });

    private static void Palette(XmlWriter xml, ClassLegend legend)
    {
        Start(xml, "rasterrenderer", ("type", "paletted"), ("band", "1"), ("opacity", "1"), ("alphaBand", "-1"), ("nodataColor", ""));
        xml.WriteStartElement("colorPalette");
        foreach (var item in legend.Classes.OrderBy(item => item.Id))
        {
            var (red, green, blue) = legend.Colors[item.Id];
            Start(xml, "paletteEntry", ("value", Text($"{item.Id}")), ("label", Printable(item.Name)), ("color", Text($"#{red:x2}{green:x2}{blue:x2}")), ("alpha", "255"));
            xml.WriteEndElement();
        }
    }

    private static void Ramp(XmlWriter xml, int band, double low, double high)
    {
        Start(xml, "rasterrenderer", ("type", "singlebandgray"), ("grayBand", Text($"{band}")), ("gradient", "BlackToWhite"), ("opacity", "1"), ("alphaBand", "-1"), ("nodataColor", ""));
        xml.WriteStartElement("contrastEnhancement");
        xml.WriteElementString("minValue", Text($"{low:R}"));
        xml.WriteElementString("maxValue", Text($"{high:R}"));
        xml.WriteElementString("algorithm", "StretchToMinimumMaximum");
    }

    private static void Start(XmlWriter xml, string element, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        xml.WriteStartElement(element);
        foreach (var (name, value) in attributes)
        {
            xml.WriteAttributeString(name, value);
        }
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

    // Names come from model files; XML cannot hold every character.
    private static string Printable(string text) => string.Concat(text.Select(letter => XmlConvert.IsXmlChar(letter) ? letter : ' '));
}
