using System.Text.Json;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A STAC item, 1.0 (<c>eo:bands</c>, <c>raster:bands</c>) or 1.1 (<c>bands</c>), as a file or URL: the bands of its image assets.</summary>
internal sealed class StacSource : ISourceKind
{
    private static readonly string[] IgnoredRoles = ["thumbnail", "overview", "visual", "metadata"];
    private const int MostBytesOfList = 256 << 20;
    private static readonly string[] Images = ["tiff", "geotiff", "jp2"];

    /// <summary>Stands between a document that holds several items and the id of one.</summary>
    public const char ItemMark = '#';

    /// <summary>Takes <c>items.json#ID</c> and <c>https://…#ID</c> apart; anything else has no id.</summary>
    public static (string Document, string? Item) Split(string path)
    {
        var mark = path.LastIndexOf(ItemMark);
        var document = mark < 0 ? path : path[..mark];
        return mark > 0 && mark < path.Length - 1 && (HasEnding(document) || document.StartsWith("http", StringComparison.OrdinalIgnoreCase)) ? (document, path[(mark + 1)..]) : (path, null);
    }

    public SceneSource? TryOpen(string path, SourceContext context)
    {
        var (place, id) = Split(path);
        // An API's items have no ending: https://…/collections/NAME/items/ID.
        if (id is null && !HasEnding(place) && !(RemoteAccess.IsRemote(place) && place.Contains("/items/", StringComparison.Ordinal) && Path.GetExtension(place.Split('?')[0]).ToLowerInvariant() is not (".tif" or ".tiff" or ".jp2" or ".vrt")))
        {
            return null;
        }

        var shown = RemoteAccess.Redact(path);
        try
        {
            using var document = JsonDocument.Parse(VirtualFiles.ReadText(RemoteAccess.ToGdal(place), id is null ? 16 << 20 : MostBytesOfList));
            var item = id is null ? document.RootElement : Find(document.RootElement, id, shown);
            return item.ValueKind == JsonValueKind.Object && item.TryGetProperty("assets", out var assets) && assets.ValueKind == JsonValueKind.Object && (id is not null || item.TryGetProperty("stac_version", out _))
                ? Read(place, shown, item, assets, context)
                : throw new RasterException($"{shown} is JSON but no STAC item (stac_version, assets). One of a list is named with {ItemMark} and its id behind the file; all of them are mapped by: eoonnx batch.");
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or FormatException)
        {
            throw new RasterException($"{shown} cannot be read as a STAC item: {failure.Message}", failure);
        }
    }

    private static bool HasEnding(string path)
    {
        var name = path.Split('?')[0];
        return name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".geojson", StringComparison.OrdinalIgnoreCase);
    }

    private static JsonElement Find(JsonElement list, string id, string shown) =>
        list.ValueKind == JsonValueKind.Object && list.TryGetProperty("features", out var items) && items.ValueKind == JsonValueKind.Array
        && items.EnumerateArray().FirstOrDefault(item => StacAsset.Text(item, "id") == id) is { ValueKind: JsonValueKind.Object } found ? found
            : throw new RasterException($"{shown}: the file holds no item of that id.");

    private static SceneSource Read(string path, string shown, JsonElement item, JsonElement assets, SourceContext context)
    {
        var facts = StacItem.Of(item);
        var bands = new List<SourceBand>();
        var images = assets.EnumerateObject().Where(asset => IsImage(asset.Value)).ToList();
        foreach (var asset in images)
        {
            // An archive may offer the same bands in two formats; the one that is made for the web counts.
            var file = Resolve(path, shown, asset);
            var described = StacAsset.Bands(asset.Name, asset.Value, file, facts, context.Offset).ToList();
            var isCloudOptimised = (StacAsset.Text(asset.Value, "type") ?? "").Contains("tiff", StringComparison.OrdinalIgnoreCase);
            if (images.Count == 1 && described.Count == 1)
            {
                described = OfFile(file, described[0], context);
            }

            foreach (var band in described)
            {
                var known = bands.FindIndex(other => BandNames.Fold(other.Name) == BandNames.Fold(band.Name));
                if (known < 0 || images.Count == 1)
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

    // An item of one image need not list its bands: the file does.
    private static List<SourceBand> OfFile(string file, SourceBand described, SourceContext context)
    {
        using var raster = RasterDataset.Open(file, context.Access);
        return raster.Bands.Count == 1 ? [described] : [.. RasterSource.Bands(file, raster, context.Offset).Select(band => band.IsCategorical ? band
            : band with { NoData = described.NoData, Scale = band.Scale ?? described.Scale, Offset = band.Offset ?? described.Offset })];
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
