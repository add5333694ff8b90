using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace EoOnnx.Training.Data;

/// <summary>Where the chips that are trained on and those that are held out lie.</summary>
/// <param name="Chips">Name, outline, whether it is held out, and its block when the split is by blocks.</param>
public sealed record SplitMap(IReadOnlyList<(string Name, ChipOutline Outline, bool HeldOut, string? Block)> Chips)
{
    /// <summary>The map of a split; null when a chip is not georeferenced.</summary>
    internal static SplitMap? Of(RasterChipSource source, DataSplit split, double? blockMetres)
    {
        var outlines = source.Outlines();
        var held = split.Validation.ToHashSet();
        return outlines.Any(outline => outline is null) ? null : new SplitMap([.. split.Training.Concat(split.Validation).Order().Select(chip => (
            source.Chips[chip].Name, outlines[chip]!, held.Contains(chip), blockMetres is { } metres ? SpatialBlock.Of(outlines[chip]!, metres).ToString() : null))]);
    }

    /// <summary>The chips as GeoJSON (RFC 7946): a polygon each with name, part and block.</summary>
    public string ToGeoJson()
    {
        var features = Chips.Select(chip =>
        {
            var properties = new JsonObject { ["name"] = chip.Name, ["part"] = chip.HeldOut ? "validation" : "training" };
            if (chip.Block is not null)
            {
                properties["block"] = chip.Block;
            }

            return (JsonNode)new JsonObject
            {
                ["type"] = "Feature",
                ["properties"] = properties,
                ["geometry"] = new JsonObject { ["type"] = "Polygon", ["coordinates"] = new JsonArray(Ring(chip.Outline)) },
            };
        });
        return new JsonObject { ["type"] = "FeatureCollection", ["features"] = new JsonArray([.. features]) }.ToJsonString(new JsonSerializerOptions { WriteIndented = false });
    }

    /// <summary>The chips as a picture, north up: trained on blue, held out orange.</summary>
    public byte[] ToSvg()
    {
        const double width = 640, margin = 8, smallest = 3;
        var points = Chips.SelectMany(chip => chip.Outline.Corners).ToList();
        var (west, east, south, north) = (points.Min(point => point.Longitude), points.Max(point => point.Longitude), points.Min(point => point.Latitude), points.Max(point => point.Latitude));
        var stretch = Math.Cos(double.DegreesToRadians((south + north) / 2));
        var scale = (width - (2 * margin)) / Math.Max(Math.Max((east - west) * stretch, north - south), 1e-9);
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{((north - south) * scale) + (2 * margin):F0}\">");
        foreach (var chip in Chips.OrderBy(chip => chip.HeldOut))
        {
            var corners = chip.Outline.Corners.Select(point => string.Create(CultureInfo.InvariantCulture, $"{margin + ((point.Longitude - west) * stretch * scale):F1},{margin + ((north - point.Latitude) * scale):F1}"));
            text.Append(CultureInfo.InvariantCulture, $"<polygon points=\"{string.Join(' ', corners)}\" fill=\"{(chip.HeldOut ? "#d95f02" : "#1f78b4")}\" fill-opacity=\"0.7\" stroke=\"{(chip.HeldOut ? "#d95f02" : "#1f78b4")}\" stroke-width=\"{smallest}\"/>");
        }

        return Encoding.UTF8.GetBytes(text.Append("</svg>").ToString());
    }

    private static JsonArray Ring(ChipOutline outline)
    {
        var corners = outline.Corners.Append(outline.Corners[0]).Select(point => new JsonArray(Math.Round(point.Longitude, 7), Math.Round(point.Latitude, 7))).ToList();

        // Counter-clockwise, as the standard wants outer rings.
        var area = outline.Corners.Zip(outline.Corners.Skip(1).Append(outline.Corners[0]), (a, b) => (a.Longitude * b.Latitude) - (b.Longitude * a.Latitude)).Sum();
        return new JsonArray([.. area < 0 ? Enumerable.Reverse(corners) : corners]);
    }
}
