using System.Text.Json;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A STAC item, 1.0 (<c>eo:bands</c>, <c>raster:bands</c>) or 1.1 (<c>bands</c>), as a file or URL: the bands of its image assets.</summary>
internal sealed class StacSource : ISourceKind
{
    private static readonly string[] IgnoredRoles = ["thumbnail", "overview", "visual", "metadata"];
    private static readonly string[] Images = ["tiff", "geotiff", "jp2"];

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        var name = path.Split('?')[0];
        if (!(name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".geojson", StringComparison.OrdinalIgnoreCase)))
        {
            return null;
        }

        var shown = RemoteAccess.Redact(path);
        try
        {
            using var document = JsonDocument.Parse(VirtualFiles.ReadText(RemoteAccess.ToGdal(path)));
            var item = document.RootElement;
            return item.ValueKind == JsonValueKind.Object && item.TryGetProperty("stac_version", out _) && item.TryGetProperty("assets", out var assets) && assets.ValueKind == JsonValueKind.Object
                ? Read(path, shown, item, assets, context)
                : throw new RasterException($"{shown} is JSON but no STAC item (stac_version, assets). A collection is mapped item by item.");
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            throw new RasterException($"{shown} cannot be read as a STAC item: {failure.Message}", failure);
        }
    }

    private static SceneSource Read(string path, string shown, JsonElement item, JsonElement assets, SourceContext context)
    {
        var facts = StacItem.Of(item);
        var bands = new List<SourceBand>();
        foreach (var asset in assets.EnumerateObject().Where(asset => IsImage(asset.Value)))
        {
            // An archive may offer the same bands in two formats; the one that is made for the web counts.
            var described = StacAsset.Bands(asset.Name, asset.Value, Resolve(path, shown, asset), facts, context.Offset).ToList();
            var isCloudOptimised = (StacAsset.Text(asset.Value, "type") ?? "").Contains("tiff", StringComparison.OrdinalIgnoreCase);
            foreach (var band in described)
            {
                var known = bands.FindIndex(other => BandNames.Fold(other.Name) == BandNames.Fold(band.Name));
                if (known < 0)
                {
                    bands.Add(band);
                }
                else if (isCloudOptimised && bands[known].Path.Split('?')[0].EndsWith(".jp2", StringComparison.OrdinalIgnoreCase))
                {
                    bands[known] = band;
                }
            }
        }

        return bands.Count > 0
            ? new SceneSource($"{StacAsset.Text(item, "id") ?? shown} ({shown})", bands) { Date = facts.Date, Notes = facts.Explain(context.Offset) is { } note ? [note] : [] }
            : throw new RasterException($"{shown} has no asset with an image ({string.Join(", ", assets.EnumerateObject().Select(asset => asset.Name))}).");
    }

    private static bool IsImage(JsonElement asset)
    {
        if (asset.TryGetProperty("roles", out var roles) && roles.ValueKind == JsonValueKind.Array && roles.EnumerateArray().Any(role => role.ValueKind == JsonValueKind.String && IgnoredRoles.Contains(role.GetString())))
        {
            return false;
        }

        var (type, href) = (StacAsset.Text(asset, "type"), StacAsset.Text(asset, "href") ?? "");
        var kind = type ?? Path.GetExtension(href.Split('?')[0]);
        return href.Length > 0 && (Images.Any(image => kind.Contains(image, StringComparison.OrdinalIgnoreCase)) || kind.EndsWith(".tif", StringComparison.OrdinalIgnoreCase));
    }

    // What a server says is fetched from servers only: an item from the web cannot name a file of this machine.
    private static string Resolve(string item, string shown, JsonProperty asset)
    {
        var href = StacAsset.Text(asset.Value, "href")!;
        if (RemoteAccess.IsRemote(item))
        {
            if (!Uri.TryCreate(item, UriKind.Absolute, out var origin) || !Uri.TryCreate(origin, href, out var target) || !RemoteAccess.IsRemote(target.OriginalString.Contains("://", StringComparison.Ordinal) ? target.OriginalString : target.AbsoluteUri) || target.IsFile)
            {
                throw new RasterException($"The asset '{asset.Name}' of {shown} lies at '{RemoteAccess.Redact(href)}'; an item from a server may name http, https, s3, gs or az addresses only.");
            }

            return RemoteAccess.ToGdal(target.AbsoluteUri);
        }

        return RemoteAccess.IsRemote(href) ? RemoteAccess.ToGdal(href)
            : Path.GetFullPath(href.StartsWith("file://", StringComparison.Ordinal) ? new Uri(href).LocalPath : href, Path.GetDirectoryName(Path.GetFullPath(item))!);
    }
}
