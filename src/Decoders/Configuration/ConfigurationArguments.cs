using System.Text.Json;
using System.Text.Json.Nodes;

namespace EoOnnx.Decoders.Configuration;

/// <summary>Named arguments of a part, read with their types; a name that nobody read is refused at the end.</summary>
/// <param name="owner">The part, for messages: <c>UNetDecoder</c>.</param>
/// <param name="values">The arguments by name.</param>
internal sealed class ConfigurationArguments(string owner, IReadOnlyDictionary<string, JsonNode?> values)
{
    private readonly SortedSet<string> _known = new(StringComparer.Ordinal);

    public string Owner => owner;

    /// <summary>The arguments that begin with a prefix, without it: <c>decoder_channels</c> is the argument <c>channels</c> of the decoder.</summary>
    public static ConfigurationArguments Below(string owner, JsonObject all, string prefix) => new(owner, all
        .Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary(item => item.Key[prefix.Length..], item => item.Value, StringComparer.Ordinal));

    /// <summary>True when the argument is given and not null.</summary>
    public bool Has(string name) => Find(name) is not null;

    public int Integer(string name, int otherwise) => Find(name) is { } node ? Integer(name, node) : otherwise;

    public int? Integer(string name) => Find(name) is { } node ? Integer(name, node) : null;

    public double Number(string name, double otherwise) => Find(name) is not { } node ? otherwise
        : node is JsonValue && node.GetValueKind() == JsonValueKind.Number ? node.GetValue<double>() : throw Bad(name, node, "a number");

    public bool Flag(string name, bool otherwise) => Find(name)?.GetValueKind() switch
    {
        null => otherwise,
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Bad(name, Find(name)!, "true or false"),
    };

    public string? Text(string name) => Find(name) is not { } node ? null
        : node.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : throw Bad(name, node, "a name");

    /// <summary>A list of whole numbers; a single one is a list of one.</summary>
    public IReadOnlyList<int>? Integers(string name) => Find(name) switch
    {
        null => null,
        JsonArray { Count: <= 1000 } list => [.. list.Select(item => item is null ? throw Bad(name, list, "whole numbers") : Integer(name, item))],
        JsonArray list => throw Bad(name, list.Count, "at most 1000 whole numbers"),
        var single => [Integer(name, single)],
    };

    public JsonNode? Node(string name) => Find(name);

    /// <summary>An argument that the reference takes and that changes nothing here.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names)
        {
            _known.Add(name);
        }
    }

    /// <exception cref="DecoderException">An argument was given that nobody read.</exception>
    public void Finish()
    {
        if (values.Keys.Order(StringComparer.Ordinal).FirstOrDefault(name => !_known.Contains(name)) is { } unknown)
        {
            throw new DecoderException($"{owner} has no argument '{unknown}'{(_known.Count == 0 ? "; it has none." : $"; it has {string.Join(", ", _known)}.")}");
        }
    }

    public DecoderException Bad(string name, object found, string expected) => new($"{owner}: {name} is {found}; expected {expected}.");

    private int Integer(string name, JsonNode node) =>
        node is JsonValue value && node.GetValueKind() == JsonValueKind.Number && value.TryGetValue<double>(out var number) && number == Math.Floor(number) && Math.Abs(number) <= int.MaxValue
            ? (int)number
            : throw Bad(name, node.ToJsonString(), "a whole number");

    private JsonNode? Find(string name)
    {
        _known.Add(name);
        return values.GetValueOrDefault(name);
    }
}
