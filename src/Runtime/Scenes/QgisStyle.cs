using System.Globalization;
using System.Xml;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>
/// The classes of a map as a style of QGIS, <c>MAP.qml</c>, which it takes by itself when it opens the map: colours and names of the classes that are
/// there. Without it QGIS lists all 256 entries that the colour table of a TIFF has.
/// </summary>
internal static class QgisStyle
{
    /// <summary>Writes the style, atomically.</summary>
    /// <param name="path">The file; QGIS looks for the name of the map with <c>.qml</c> in place of its ending.</param>
    /// <param name="legend">The classes.</param>
    public static void Write(string path, ClassLegend legend) => AtomicFile.Write(path, stream =>
    {
        using var xml = XmlWriter.Create(stream, new XmlWriterSettings { Indent = true, CheckCharacters = true });
        xml.WriteStartDocument();
        xml.WriteDocType("qgis", "http://mrcc.com/qgis.dtd", "SYSTEM", null);
        xml.WriteStartElement("qgis");
        xml.WriteAttributeString("version", "3.22");
        xml.WriteAttributeString("styleCategories", "Symbology");
        xml.WriteStartElement("pipe");
        Start(xml, "rasterrenderer", ("type", "paletted"), ("band", "1"), ("opacity", "1"), ("alphaBand", "-1"), ("nodataColor", ""));
        xml.WriteStartElement("colorPalette");
        foreach (var item in legend.Classes.OrderBy(item => item.Id))
        {
            var (red, green, blue) = legend.Colors[item.Id];
            Start(xml, "paletteEntry", ("value", item.Id.ToString(CultureInfo.InvariantCulture)), ("label", Printable(item.Name)),
                ("color", string.Create(CultureInfo.InvariantCulture, $"#{red:x2}{green:x2}{blue:x2}")), ("alpha", "255"));
            xml.WriteEndElement();
        }

        xml.WriteEndDocument();
    });

    private static void Start(XmlWriter xml, string element, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        xml.WriteStartElement(element);
        foreach (var (name, value) in attributes)
        {
            xml.WriteAttributeString(name, value);
        }
    }

    // Names come from model files; XML cannot hold every character.
    private static string Printable(string text) => string.Concat(text.Select(letter => XmlConvert.IsXmlChar(letter) ? letter : ' '));
}
