using System.Text.Json;
using System.Text.Json.Nodes;
using Polly;
using Polly.Retry;

namespace EoOnnx.Runtime;

/// <summary>
/// Scenes of STAC documents: an item, an item collection (all pages of an API's answer), or a collection with links to items. A document
/// from the network can name only things on the network.
/// </summary>
internal static class StacListing
{
    private const int MostDocuments = 100_000, MostBytes = 256 << 20;
    private static readonly string[] Endings = [".json", ".geojson"], SceneEndings = [".tif", ".tiff", ".jp2", ".vrt", ".img", ".nc", ".zip", ".xml", ".safe", ".zarr", "_mtl.json"];
    private static readonly ResiliencePipeline Retries = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
    {
        ShouldHandle = new PredicateBuilder().Handle<HttpRequestException>(failure => failure.StatusCode is null or >= System.Net.HttpStatusCode.InternalServerError or System.Net.HttpStatusCode.TooManyRequests),
        MaxRetryAttempts = 3, BackoffType = DelayBackoffType.Exponential, Delay = TimeSpan.FromMilliseconds(500),
    }).Build();

    /// <summary>True when an input names a STAC document: by its ending, or a URL of anything that is no scene itself.</summary>
    public static bool IsDocument(string input)
    {
        var name = input.Split('?')[0];
        return (EndsWith(name, Endings) && !LandsatSource.IsMetadata(name)) || (SceneList.IsUrl(input) && input.StartsWith("http", StringComparison.OrdinalIgnoreCase) && !input.Contains(StacSource.ItemMark, StringComparison.Ordinal) && !EndsWith(name.TrimEnd('/'), SceneEndings));
    }

    /// <summary>The scenes of a document.</summary>
    public static async Task<IReadOnlyList<SceneEntry>> ReadAsync(string location, CancellationToken cancellation)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromMinutes(1), MaxResponseContentBufferSize = MostBytes };
        var scenes = new List<SceneEntry>();
        var seen = new HashSet<Uri>();
        var open = new Queue<Uri>([SceneList.IsUrl(location) ? new Uri(location) : new Uri(Path.GetFullPath(location))]);
        while (open.TryDequeue(out var place))
        {
            if (!seen.Add(place))
            {
                continue;
            }

            if (seen.Count > MostDocuments)
            {
                throw new BatchException($"{location} leads to more than {MostDocuments} STAC documents; search for fewer items.");
            }

            var document = await LoadAsync(client, place, cancellation).ConfigureAwait(false);
            switch (Text(document, "type"))
            {
                case "Feature":
                    scenes.Add(Scene(document, place, ownDocument: true));
                    break;
                case "FeatureCollection":
                    scenes.AddRange((document["features"] as JsonArray ?? []).OfType<JsonObject>().Select(item => Scene(item, place, ownDocument: false)));
                    Follow(document, "next");
                    break;
                case "Collection" or "Catalog":
                    Follow(document, "item");
                    break;
                default:
                    throw Damaged(place, "its type is none of Feature, FeatureCollection and Collection");
            }

            void Follow(JsonObject from, string relation)
            {
                foreach (var link in Links(from, relation))
                {
                    if (Text(link, "method") is { } method && !method.Equals("GET", StringComparison.OrdinalIgnoreCase))
                    {
                        throw new BatchException($"{place} continues on a page that must be asked for by {method}. Save all items in one file, and give that.");
                    }

                    open.Enqueue(Resolve(place, Text(link, "href") ?? throw Damaged(place, $"a link '{relation}' has no href")));
                }
            }
        }

        return scenes;
    }

    private static SceneEntry Scene(JsonObject item, Uri place, bool ownDocument)
    {
        var id = Text(item, "id") ?? throw Damaged(place, "an item has no id");
        // Whoever opens the scene puts its bands together from the item; one of a file's list is found in it by its id.
        var self = ownDocument ? place : place.IsFile ? null : Links(item, "self").Select(link => Text(link, "href")).OfType<string>().Select(text => Resolve(place, text)).FirstOrDefault();
        return new SceneEntry(id, self is not null ? Located(self) : $"{Located(place)}{StacSource.ItemMark}{id}");
    }

    private static Uri Resolve(Uri place, string href)
    {
        if (!Uri.TryCreate(place, href, out var target))
        {
            throw Damaged(place, $"'{href}' is no address");
        }

        return !place.IsFile && target.IsFile ? throw Damaged(place, $"it names the local file {target.LocalPath}, which a document from the network may not") : target;
    }

    private static string Located(Uri place) => place.IsFile ? place.LocalPath : place.AbsoluteUri;

    private static IEnumerable<JsonObject> Links(JsonObject from, string relation) =>
        (from["links"] as JsonArray ?? []).OfType<JsonObject>().Where(link => Text(link, "rel") == relation);

    private static async Task<JsonObject> LoadAsync(HttpClient client, Uri place, CancellationToken cancellation)
    {
        try
        {
            if (place.IsFile && new FileInfo(place.LocalPath).Length > MostBytes)
            {
                throw Damaged(place, $"it is larger than {MostBytes >> 20} MiB");
            }

            var bytes = place.IsFile ? await File.ReadAllBytesAsync(place.LocalPath, cancellation).ConfigureAwait(false)
                : await Retries.ExecuteAsync(async token => await client.GetByteArrayAsync(place, token).ConfigureAwait(false), cancellation).ConfigureAwait(false);
            return JsonNode.Parse(bytes) as JsonObject ?? throw Damaged(place, "it is no JSON object");
        }
        catch (JsonException failure)
        {
            throw new BatchException($"{place} is no STAC document: {failure.Message}", failure);
        }
        catch (HttpRequestException failure)
        {
            throw new BatchException($"Cannot read {place.GetLeftPart(UriPartial.Path)}: {failure.Message}", failure);
        }
        catch (FileNotFoundException failure)
        {
            throw new BatchException($"There is no STAC document {place.LocalPath}.", failure);
        }
    }

    private static BatchException Damaged(Uri place, string why) => new($"{place.GetLeftPart(UriPartial.Path)} is no STAC document that lists scenes: {why}.");

    private static string? Text(JsonObject from, string name) => from[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool EndsWith(string text, string[] endings) => endings.Any(ending => text.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
