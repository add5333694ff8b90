using System.Text.Json.Nodes;
using EoOnnx.Export.Checkpoints.Pickles;

namespace EoOnnx.Export.TerraTorch;

/// <summary>Configuration values of a checkpoint as JSON. An enum member is its text: <c>HLSBands.BLUE</c> is <c>"BLUE"</c>.</summary>
internal static class InertJson
{
    /// <summary>The dictionary as JSON, or null when the value is none; what is neither data nor an enum member is null.</summary>
    public static JsonObject? Of(PickleValue? value) =>
        Node(value) is JsonObject json ? JsonNode.Parse(json.ToJsonString()) as JsonObject : null;   // parsed again, so that a whole number can be read as any number

    private static JsonNode? Node(PickleValue? value) => value switch
    {
        null or { IsNone: true } => null,
        { Boolean: { } flag } => JsonValue.Create(flag),
        { Text: { } text } => JsonValue.Create(text),
        { Integer: { } integer } => JsonValue.Create(integer),
        { Number: { } number } when double.IsFinite(number) => JsonValue.Create(number),
        PickleSequence sequence => new JsonArray([.. sequence.Items.Select(Node)]),
        PickleMapping mapping => Object(mapping),
        PickleRecord { Items.Count: > 0 } list => new JsonArray([.. list.Items.Select(Node)]),
        PickleRecord { Entries.Count: > 0 } record => Object(record),
        _ => null,
    };

    private static JsonObject Object(PickleValue value)
    {
        var json = new JsonObject();
        foreach (var (key, item) in value.Entries)
        {
            if (key.Text is { } name)
            {
                json[name] = Node(item);
            }
        }

        return json;
    }
}
