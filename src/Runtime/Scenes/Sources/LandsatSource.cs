using System.Globalization;
using System.Text.Json;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A Landsat Collection 2 product: its folder or <c>*_MTL.json</c>.</summary>
internal sealed class LandsatSource : ISourceKind
{
    private const string Suffix = "_MTL.json", FileName = "FILE_NAME_", Band = "BAND_";

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        var metadata = IsMetadata(path) ? path
            : Directory.Exists(path) ? Directory.EnumerateFiles(path, "*" + Suffix).Order(StringComparer.Ordinal).FirstOrDefault() : null;
        if (metadata is null)
        {
            return null;
        }

        metadata = RemoteAccess.ToGdal(metadata);
        try
        {
            using var document = JsonDocument.Parse(VirtualFiles.ReadText(metadata));
            return Read(path, metadata, document.RootElement.GetProperty("LANDSAT_METADATA_FILE"));
        }
        catch (Exception failure) when (failure is JsonException or KeyNotFoundException or InvalidOperationException)
        {
            throw new RasterException($"{metadata} is no metadata of a Landsat product: {failure.Message}", failure);
        }
    }

    /// <summary>True for the name of a product's metadata file.</summary>
    public static bool IsMetadata(string path) => path.EndsWith(Suffix, StringComparison.OrdinalIgnoreCase);

    public bool IsProduct(string folder) => Directory.EnumerateFiles(folder, "*" + Suffix).Any();

    private static SceneSource Read(string path, string metadata, JsonElement product)
    {
        var contents = product.GetProperty("PRODUCT_CONTENTS");
        var image = product.GetProperty("IMAGE_ATTRIBUTES");
        var spacecraft = image.GetProperty("SPACECRAFT_ID").GetString() ?? "";
        var folder = metadata[..(metadata.LastIndexOf('/') + 1)];
        var bands = new List<SourceBand>();
        foreach (var entry in contents.EnumerateObject().Where(entry => entry.Name.StartsWith(FileName, StringComparison.Ordinal)))
        {
            var (key, file) = (entry.Name[FileName.Length..], entry.Value.GetString() ?? "");
            if (!file.EndsWith(".TIF", StringComparison.OrdinalIgnoreCase) || file.Contains('/', StringComparison.Ordinal) || !VirtualFiles.Exists(folder + file))
            {
                continue;
            }

            if (key.StartsWith(Band, StringComparison.Ordinal))
            {
                bands.Add(Spectral(product, spacecraft, key[Band.Length..], folder + file));
            }
            else if (key.StartsWith("QUALITY_", StringComparison.Ordinal))
            {
                bands.Add(new SourceBand(file.Contains("QA_PIXEL", StringComparison.Ordinal) ? "QA_PIXEL" : file.Contains("QA_RADSAT", StringComparison.Ordinal) ? "QA_RADSAT" : key, folder + file, 1) { IsCategorical = true });
            }
        }

        if (bands.Count == 0)
        {
            throw new RasterException($"None of the files that {metadata} lists is beside it. Is the product complete?");
        }

        var date = image.TryGetProperty("DATE_ACQUIRED", out var day) && SceneDates.TryParse(day.GetString() ?? "", out var parsed) ? parsed : (DateTimeOffset?)null;
        return new SceneSource(path, bands) { Date = date, Notes = [$"{spacecraft.Replace('_', ' ')}: scale and offset of each band come from {Path.GetFileName(metadata)}."] };
    }

    private static SourceBand Spectral(JsonElement product, string spacecraft, string number, string path)
    {
        var name = LandsatBands.Of(spacecraft, number) ?? "B" + number;
        var (kind, quantity) = number.StartsWith("ST_", StringComparison.Ordinal) ? ("LEVEL2_SURFACE_TEMPERATURE_PARAMETERS", "TEMPERATURE") : ("LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "REFLECTANCE");
        var (scale, offset) = (Number(product, kind, $"{quantity}_MULT_BAND_{number}"), Number(product, kind, $"{quantity}_ADD_BAND_{number}"));
        (scale, offset) = scale is null ? (Number(product, "LEVEL1_RADIOMETRIC_RESCALING", $"REFLECTANCE_MULT_BAND_{number}"), Number(product, "LEVEL1_RADIOMETRIC_RESCALING", $"REFLECTANCE_ADD_BAND_{number}")) : (scale, offset);
        return new SourceBand(name, path, 1) { IsReflectance = scale is not null && quantity == "REFLECTANCE", NoData = 0, Scale = scale, Offset = scale is null ? null : offset ?? 0 };
    }

    // The file's numbers are strings.
    private static double? Number(JsonElement product, string group, string name) =>
        product.TryGetProperty(group, out var members) && members.TryGetProperty(name, out var value)
        && double.TryParse(value.ValueKind == JsonValueKind.String ? value.GetString() : value.GetRawText(), NumberStyles.Float, CultureInfo.InvariantCulture, out var number) ? number : null;
}
