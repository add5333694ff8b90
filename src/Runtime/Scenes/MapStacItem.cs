using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// A map as a STAC item (version 1.1.0 with the extensions projection, raster, classification, processing and file). Names of files
/// are relative to the item; of addresses, only what stands before a question mark is kept, so that no signature gets into it.
/// </summary>
internal static class MapStacItem
{
    private const string Polygons = "application/geopackage+sqlite3";

    /// <summary>Writes the item, atomically.</summary>
    /// <param name="path">The item.</param>
    /// <param name="job">The job that made the map.</param>
    /// <param name="map">The map, complete, perhaps under another name than it will have.</param>
    /// <param name="report">What was done.</param>
    /// <param name="cancellation">Ends the work.</param>
    public static void Write(string path, SceneJob job, string map, SceneReport report, CancellationToken cancellation)
    {
        var item = Of(path, job, map, report, cancellation);
        AtomicFile.Write(path, stream =>
        {
            using var writer = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = true });
            item.WriteTo(writer);
        });
    }

    private static JsonObject Of(string path, SceneJob job, string map, SceneReport report, CancellationToken cancellation)
    {
        var footprint = MapFootprint.Of(job, map, cancellation);
        var item = new JsonObject
        {
            ["type"] = "Feature",
            ["stac_version"] = "1.1.0",
            ["stac_extensions"] = new JsonArray(
                "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
                "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
                "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
                "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
                "https://stac-extensions.github.io/file/v2.1.0/schema.json"),
            ["id"] = Path.GetFileNameWithoutExtension(job.Path),
            ["geometry"] = footprint?.Geometry,
        };
        if (footprint is not null)
        {
            item["bbox"] = footprint.Bounds;
        }

        item["properties"] = Properties(job, report);
        item["links"] = Links(path, job);
        item["assets"] = Assets(path, job, map);
        return item;
    }

    private static JsonObject Properties(SceneJob job, SceneReport report)
    {
        var properties = new JsonObject
        {
            ["title"] = $"{report.Content} map of {job.Scene.Name}",
            ["processing:lineage"] = $"{job.Scene.Name} through {job.Model.Manifest.Name}{(report.Adapter is { } adapter ? $" with the adapter {Path.GetFileName(adapter)}" : "")}",
            ["processing:software"] = new JsonObject { ["EoOnnx"] = Provenance.Version },
            ["proj:code"] = SpatialReference.Code(job.Profile.Projection),
            ["proj:shape"] = new JsonArray(job.Profile.Size.Height, job.Profile.Size.Width),
        };
        if (properties["proj:code"] is null && job.Profile.Projection.Length > 0)
        {
            properties["proj:wkt2"] = job.Profile.Projection;
        }

        if (job.Profile.Transform is { } grid)
        {
            properties["proj:transform"] = new JsonArray(grid.PixelWidth, grid.RowRotation, grid.OriginX, grid.ColumnRotation, grid.PixelHeight, grid.OriginY, 0, 0, 1);
        }

        if (SceneTime.Find(job.Scene) is { } time)
        {
            properties["datetime"] = Written(time);
        }
        else
        {
            // STAC wants at least a range: the scene was taken before its file was written.
            properties["datetime"] = null;
            properties["start_datetime"] = Written(DateTimeOffset.UnixEpoch);
            properties["end_datetime"] = Written(File.Exists(job.Scene.Path) ? File.GetLastWriteTimeUtc(job.Scene.Path) : DateTimeOffset.UtcNow);
        }

        return properties;
    }

    private static string Written(DateTimeOffset time) => time.ToUniversalTime().ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private static JsonArray Links(string path, SceneJob job)
    {
        var source = job.Scene.Path.Split('?')[0];
        const string remote = "/vsicurl/";
        source = source.StartsWith(remote, StringComparison.Ordinal) ? source[remote.Length..] : source;
        var href = source.StartsWith("http", StringComparison.OrdinalIgnoreCase) ? source : File.Exists(source) ? Relative(path, source) : null;
        return href is null ? [] : new JsonArray(new JsonObject { ["rel"] = "derived_from", ["href"] = href, ["title"] = job.Scene.Name });
    }

    private static JsonObject Assets(string path, SceneJob job, string map)
    {
        using var file = File.OpenRead(job.IsVector ? job.Path : map);
        var main = new JsonObject
        {
            ["href"] = Relative(path, job.Path),
            ["type"] = job.IsVector ? Polygons : "image/tiff; application=geotiff; profile=cloud-optimized",
            ["roles"] = new JsonArray("data"),
            ["file:size"] = file.Length,
            ["file:checksum"] = "1220" + Convert.ToHexStringLower(SHA256.HashData(file)), // multihash: SHA-256, 32 bytes
        };
        if (!job.IsVector)
        {
            main["bands"] = new JsonArray([.. Enumerable.Range(0, job.Profile.BandCount - job.HiddenBands).Select(index => Band(job, index))]);
        }

        var assets = new JsonObject
        {
            ["map"] = main,
            ["report"] = new JsonObject { ["href"] = Relative(path, ScenePipeline.ReportPath(job.Path)), ["type"] = "application/json", ["roles"] = new JsonArray("metadata") },
            ["report-page"] = new JsonObject { ["href"] = Relative(path, ScenePipeline.PagePath(job.Path)), ["type"] = "text/html", ["roles"] = new JsonArray("overview") },
        };
        if (job.Companions.Vector is { } vector)
        {
            assets["polygons"] = new JsonObject { ["href"] = Relative(path, vector), ["type"] = Polygons, ["roles"] = new JsonArray("data") };
        }

        if (job.Companions.QuickLook is { } picture)
        {
            assets["quicklook"] = new JsonObject { ["href"] = Relative(path, picture), ["type"] = "image/png", ["roles"] = new JsonArray("overview") };
        }

        return assets;
    }

    private static JsonObject Band(SceneJob job, int index)
    {
        var profile = job.Profile;
        var band = new JsonObject { ["name"] = profile.BandNames.ElementAtOrDefault(index) ?? $"band {index + 1}", ["data_type"] = profile.Type.ToString().ToLowerInvariant() switch { "byte" => "uint8", var name => name } };
        if (profile.NoData is { } missing)
        {
            band["nodata"] = double.IsNaN(missing) ? "nan" : missing;
        }

        if (profile.BandScaling.ElementAtOrDefault(index) is var (scale, offset))
        {
            (band["raster:scale"], band["raster:offset"]) = (scale, offset);
        }

        if (job.Content == MapContent.Class && index == 0)
        {
            band["classification:classes"] = new JsonArray([.. job.Legend!.Classes.Select(item => Class(job.Legend, item))]);
        }

        return band;
    }

    // STAC allows letters, digits, - and _ in the name of a class; the name as it is stands in the title.
    private static JsonObject Class(ClassLegend legend, ManifestClass item)
    {
        var (red, green, blue) = legend.Colors[item.Id];
        var name = string.Concat(item.Name.Select(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' ? letter : '_'));
        return new JsonObject
        {
            ["value"] = item.Id, ["name"] = name.Length > 0 ? name : $"class_{item.Id}", ["title"] = item.Name, ["description"] = item.Name, ["color_hint"] = $"{red:X2}{green:X2}{blue:X2}",
        };
    }

    private static string Relative(string item, string file)
    {
        var relative = Path.GetRelativePath(Path.GetDirectoryName(Path.GetFullPath(item))!, Path.GetFullPath(file)).Replace('\\', '/');
        return (relative.StartsWith("..", StringComparison.Ordinal) ? "" : "./") + string.Join('/', relative.Split('/').Select(Uri.EscapeDataString));
    }
}
