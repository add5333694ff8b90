using System.Xml;
using System.Xml.Linq;

namespace EoOnnx.Raster;

/// <summary>Reads XML of unknown origin: no document type, no external entities, a limit on its size.</summary>
public static class ProductXml
{
    private const int MostCharacters = 64 << 20;

    /// <summary>Parses a document.</summary>
    /// <exception cref="RasterException">It is not well formed, has a document type, or is too large.</exception>
    public static XDocument Parse(string text, string name)
    {
        var settings = new XmlReaderSettings { DtdProcessing = DtdProcessing.Prohibit, XmlResolver = null, MaxCharactersInDocument = MostCharacters };
        try
        {
            using var reader = XmlReader.Create(new StringReader(text), settings);
            return XDocument.Load(reader);
        }
        catch (XmlException failure)
        {
            throw new RasterException($"{name} cannot be read as XML (line {failure.LineNumber}): {failure.Message}", failure);
        }
    }
}
