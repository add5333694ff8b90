using System.Text;
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
        var seen = new HashSet<(Uri, string?)>();
        var open = new Queue<(Uri Place, JsonObject? Body)>([(SceneList.IsUrl(location) ? new Uri(location) : new Uri(Path.GetFullPath(location)), null)]);
        while (open.TryDequeue(out var page))
        {
            var (place, body) = page;
            if (!seen.Add((place, body?.ToJsonString())))
            {
                continue;
            }

            if (seen.Count > MostDocuments)
            {
                throw new BatchException($"{location} leads to more than {MostDocuments} STAC documents; search for fewer items.");
            }

            var document = await LoadAsync(client, place, body, cancellation).ConfigureAwait(false);
            switch (Text(document, "type"))
            {
                case "Feature":
                    scenes.Add(Scene(document, place, ownDocument: true));
                    break;
                case "FeatureCollection":
                    scenes.AddRange((document["features"] as JsonArray ?? []).OfType<JsonObject>().Select(item => Scene(item, place, ownDocument: false, asked: body is not null)));
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
                    var target = Resolve(place, Text(link, "href") ?? throw Damaged(place, $"a link '{relation}' has no href"));
                    open.Enqueue((target, Text(link, "method")?.ToUpperInvariant() switch
                    {
                        null or "GET" => null,
                        "POST" when !target.IsFile => Question(link, body),
                        var method => throw new BatchException($"{place.GetLeftPart(UriPartial.Path)} continues on a page that must be asked for by {method} at {target.GetLeftPart(UriPartial.Path)}. Save all items in one file, and give that."),
                    }));
                }
            }
        }

        return scenes;
    }

    // What the next page is asked with: what the link says, on request over what this page was asked with.
    private static JsonObject Question(JsonObject link, JsonObject? before)
    {
        var question = link["merge"] is JsonValue merge && merge.TryGetValue<bool>(out var merges) && merges && before is not null ? (JsonObject)before.DeepClone() : [];
        foreach (var (name, value) in link["body"] as JsonObject ?? [])
        {
            question[name] = value?.DeepClone();
        }

        return question;
    }

    private static SceneEntry Scene(JsonObject item, Uri place, bool ownDocument, bool asked = false)
    {
        var id = Text(item, "id") ?? throw Damaged(place, "an item has no id");
        // Whoever opens the scene puts its bands together from the item; one of a file's list is found in it by its id.
        var self = ownDocument ? place : place.IsFile ? null : Links(item, "self").Select(link => Text(link, "href")).OfType<string>().Select(text => Resolve(place, text)).FirstOrDefault();
        if (self is null && asked)
        {
            throw Damaged(place, $"the item '{id}' of a page that was asked for by POST has no link 'self' by which it could be opened");
        }

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

    private static async Task<JsonObject> LoadAsync(HttpClient client, Uri place, JsonObject? body, CancellationToken cancellation)
    {
        try
        {
            if (place.IsFile && new FileInfo(place.LocalPath).Length > MostBytes)
            {
                throw Damaged(place, $"it is larger than {MostBytes >> 20} MiB");
            }

            var bytes = place.IsFile ? await File.ReadAllBytesAsync(place.LocalPath, cancellation).ConfigureAwait(false)
                : await Retries.ExecuteAsync(async token => await FetchAsync(client, place, body, token).ConfigureAwait(false), cancellation).ConfigureAwait(false);
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

    private static async Task<byte[]> FetchAsync(HttpClient client, Uri place, JsonObject? body, CancellationToken cancellation)
    {
        if (body is null)
        {
            return await client.GetByteArrayAsync(place, cancellation).ConfigureAwait(false);
        }

        using var content = new StringContent(body.ToJsonString(), Encoding.UTF8, "application/json");
        using var answer = await client.PostAsync(place, content, cancellation).ConfigureAwait(false);
        return await answer.EnsureSuccessStatusCode().Content.ReadAsByteArrayAsync(cancellation).ConfigureAwait(false);
    }

    private static BatchException Damaged(Uri place, string why) => new($"{place.GetLeftPart(UriPartial.Path)} is no STAC document that lists scenes: {why}.");

    private static string? Text(JsonObject from, string name) => from[name] is JsonValue value && value.TryGetValue<string>(out var text) ? text : null;

    private static bool EndsWith(string text, string[] endings) => endings.Any(ending => text.EndsWith(ending, StringComparison.OrdinalIgnoreCase));
}
