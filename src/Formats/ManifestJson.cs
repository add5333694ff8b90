using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace EoOnnx.Formats;

/// <summary>The manifest as JSON, by generated code: no reflection, so that it works in programs that are trimmed or compiled ahead of time.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, Converters = [typeof(ModelTaskConverter)])]
[JsonSerializable(typeof(ModelManifest))]
internal sealed partial class ManifestJson : JsonSerializerContext
{
    private static readonly Lazy<JsonObject> Absent = new(Defaults);

    /// <summary>Reads a manifest; members that are absent have their defaults.</summary>
    /// <exception cref="JsonException">Not an object, a required member is missing, a member has another type or stands there twice.</exception>
    public static ModelManifest Read(string json)
    {
        if (JsonNode.Parse(json, documentOptions: new JsonDocumentOptions { AllowDuplicateProperties = false }) is not JsonObject manifest)
        {
            throw new JsonException("expected a JSON object");
        }

        // Generated code would set absent members to zero instead of their defaults.
        foreach (var (name, value) in Absent.Value)
        {
            if (!manifest.ContainsKey(name))
            {
                manifest.Add(name, value?.DeepClone());
            }
        }

        return manifest.Deserialize(Default.ModelManifest) ?? throw new JsonException("expected a JSON object");
    }

    // What a manifest says that leaves out everything it may.
    private static JsonObject Defaults()
    {
        var defaults = JsonSerializer.SerializeToNode(new ModelManifest { Name = "", Family = "", Task = Formats.ModelTask.Features }, Default.ModelManifest)!.AsObject();
        defaults.Remove("name");
        defaults.Remove("family");
        defaults.Remove("task");
        return defaults;
    }
}

/// <summary>Tasks by their names in camel case.</summary>
internal sealed class ModelTaskConverter() : JsonStringEnumConverter<ModelTask>(JsonNamingPolicy.CamelCase);
