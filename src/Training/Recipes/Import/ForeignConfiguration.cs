using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace EoOnnx.Training.Recipes.Import;

/// <summary>A YAML configuration whose read keys are remembered, so that those that nothing reads can be named. Tags are not heeded; nothing is executed.</summary>
internal sealed class ForeignConfiguration
{
    private const int LargestText = 1 << 20, Deepest = 32, MostEvents = 200_000;

    private readonly string _path;
    private readonly YamlMappingNode _root;
    private readonly HashSet<YamlNode> _read = new(ReferenceEqualityComparer.Instance);
    private readonly List<ImportGap> _gaps = [];

    /// <exception cref="RecipeException">Not YAML, too large, nested too deeply, or no settings.</exception>
    public ForeignConfiguration(string text, string path)
    {
        _path = path;
        if (text.Length > LargestText)
        {
            throw new RecipeException($"{path} has {text.Length} characters; a configuration has at most {LargestText}. Is it another file?");
        }

        var stream = new YamlStream();
        try
        {
            Bound(text);
            stream.Load(new StringReader(text));
        }
        catch (YamlException failure)
        {
            throw new RecipeException($"{path}:{failure.Start.Line}:{failure.Start.Column}: not YAML: {failure.InnerException?.Message ?? failure.Message}", failure);
        }

        _root = stream.Documents is [{ RootNode: YamlMappingNode root }] ? root : throw new RecipeException($"{path}:1:1: expected one YAML document with the settings model, data, trainer and optimizer.");
    }

    public IReadOnlyList<ImportGap> Gaps => _gaps;

    public RecipeException Error(string key, string message) => new(string.Create(CultureInfo.InvariantCulture, $"{_path}:{LineOf(key)}: {key}: {message}"));

    public void Gap(string key, string why, string nearest) => _gaps.Add(new ImportGap(key, LineOf(key), why, nearest));

    public bool Has(string key) => Find(key) is not null;

    /// <summary>A setting as text; null when it is absent or null.</summary>
    public string? Text(string key) => Read(key) switch
    {
        null => null,
        YamlScalarNode { Style: ScalarStyle.Plain, Value: null or "" or "null" or "~" or "None" } => null,
        YamlScalarNode scalar => scalar.Value,
        _ => throw Error(key, "expected one value."),
    };

    public double? Number(string key) => Text(key) is not { } text ? null
        : double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : throw Error(key, $"'{text}' is no number.");

    public int? Integer(string key) => Number(key) is not { } number ? null : number == (int)number ? (int)number : throw Error(key, $"{number} is no whole number.");

    public bool? Flag(string key) => Text(key) is not { } text ? null : bool.TryParse(text, out var flag) ? flag : throw Error(key, $"'{text}' is neither true nor false.");

    /// <summary>A list of texts, or one text; empty when absent.</summary>
    public IReadOnlyList<string> Texts(string key) => Read(key) switch
    {
        null => [],
        YamlSequenceNode list => [.. list.Children.Select(item => item is YamlScalarNode scalar ? scalar.Value ?? "" : throw Error(key, "expected a list of plain values."))],
        YamlScalarNode { Value: null or "" or "null" or "~" } => [],
        YamlScalarNode scalar => [scalar.Value!],
        _ => throw Error(key, "expected a list."),
    };

    public IReadOnlyList<double> Numbers(string key) => [.. Texts(key).Select(text =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number : throw Error(key, $"'{text}' is no number."))];

    /// <summary>Names of the settings below a key, or null when it is no group.</summary>
    public IReadOnlyList<string>? Names(string key) => (key.Length == 0 ? _root : Find(key)) is YamlMappingNode group ? [.. group.Children.Keys.Select(NameOf)] : null;

    /// <summary>Number of entries of a list; 0 when absent.</summary>
    public int Count(string key)
    {
        if (Find(key) is not YamlSequenceNode list)
        {
            return 0;
        }

        _read.Add(list);
        return list.Children.Count;
    }

    /// <summary>A setting as JSON.</summary>
    public JsonNode? Json(string key)
    {
        var node = Read(key);
        return node is null ? null : RecipeJson.Of(new YamlMappingNode(new YamlScalarNode("value"), node))["value"]?.DeepClone();
    }

    /// <summary>Settings that change no result here.</summary>
    public void Ignore(params string[] keys)
    {
        foreach (var key in keys)
        {
            Read(key);
        }
    }

    /// <summary>Names every setting that nothing has read.</summary>
    public void ReportUnread()
    {
        var seen = new HashSet<YamlNode>(ReferenceEqualityComparer.Instance);
        Visit(_root, "");

        void Visit(YamlNode node, string path)
        {
            if (_read.Contains(node) || !seen.Add(node))
            {
                return;
            }

            if (node is YamlMappingNode { Children.Count: > 0 } group)
            {
                foreach (var (name, value) in group.Children)
                {
                    Visit(value, path.Length == 0 ? NameOf(name) : $"{path}.{NameOf(name)}");
                }
            }
            else if (node is YamlSequenceNode { Children: [YamlMappingNode, ..] } list)
            {
                foreach (var (index, item) in list.Children.Index())
                {
                    Visit(item, string.Create(CultureInfo.InvariantCulture, $"{path}.{index}"));
                }
            }
            else
            {
                _gaps.Add(new ImportGap(path, node.Start.Line, "has no counterpart in a recipe", "left out"));
            }
        }
    }

    private long LineOf(string key) => Find(key)?.Start.Line ?? 1;

    private YamlNode? Read(string key)
    {
        var node = Find(key);
        Mark(node);
        return node;

        // Below a key that was read nothing is named; an anchor may hold its own alias.
        void Mark(YamlNode? part)
        {
            if (part is not null && _read.Add(part))
            {
                foreach (var child in part is YamlMappingNode group ? group.Children.Values : part is YamlSequenceNode list ? list.Children : Enumerable.Empty<YamlNode>())
                {
                    Mark(child);
                }
            }
        }
    }

    private YamlNode? Find(string key)
    {
        YamlNode? node = _root;
        foreach (var name in key.Split('.'))
        {
            node = node switch
            {
                YamlMappingNode group => group.Children.FirstOrDefault(child => NameOf(child.Key) == name).Value,
                YamlSequenceNode list when int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out var index) && index < list.Children.Count => list.Children[index],
                _ => null,
            };
        }

        return node;
    }

    private static string NameOf(YamlNode node) => (node as YamlScalarNode)?.Value ?? "";

    /// <summary>Depth and number of nodes, counted without recursion before anything is built.</summary>
    private static void Bound(string text)
    {
        var (parser, depth, events) = (new Parser(new StringReader(text)), 0, 0);
        while (parser.MoveNext())
        {
            depth += parser.Current!.NestingIncrease;
            if (depth > Deepest || ++events > MostEvents)
            {
                throw new YamlException(parser.Current.Start, parser.Current.End, $"settings are nested over {Deepest} deep, or there are more than {MostEvents}.");
            }
        }
    }
}
