using System.Text.Json.Nodes;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Pickles;

/// <summary>What a sequence was in Python.</summary>
public enum PickleSequenceKind
{
    /// <summary>A list.</summary>
    List,

    /// <summary>A tuple, or <c>torch.Size</c>.</summary>
    Tuple,

    /// <summary>A set or frozen set, in file order.</summary>
    Set,
}

/// <summary>A list, tuple or set.</summary>
public sealed class PickleSequence : PickleValue
{
    private readonly List<PickleValue> _items;

    internal PickleSequence(PickleSequenceKind form, List<PickleValue> items) => (Form, _items) = (form, items);

    /// <summary>What it was in Python.</summary>
    public PickleSequenceKind Form { get; }

    /// <inheritdoc />
    public override IReadOnlyList<PickleValue> Items => _items;

    /// <inheritdoc />
    public override string Kind => Form switch
    {
        PickleSequenceKind.List => $"a list of {_items.Count}",
        PickleSequenceKind.Tuple => $"a tuple of {_items.Count}",
        _ => $"a set of {_items.Count}",
    };

    internal override int ChildCount => _items.Count;

    internal void Add(PickleValue item) => _items.Add(item);

    internal override PickleValue Child(int index) => _items[index];

    internal override void Replace(int index, PickleValue value) => _items[index] = value;

    private protected override JsonNode? WriteJson(ref int left) => ToJson(_items, ref left);
}

/// <summary>A dictionary, in file order. Text keys are unique.</summary>
public sealed class PickleMapping : PickleValue
{
    private List<KeyValuePair<PickleValue, PickleValue>> _entries = [];
    private Dictionary<string, int>? _positions;

    /// <inheritdoc />
    public override IReadOnlyList<KeyValuePair<PickleValue, PickleValue>> Entries => _entries;

    /// <inheritdoc />
    public override string Kind => $"a dictionary of {_entries.Count}";

    /// <inheritdoc />
    public override PickleValue? this[string name] =>
        (_positions ??= Index()).TryGetValue(name, out var position) ? _entries[position].Value : null;

    internal override int ChildCount => 2 * _entries.Count;

    internal void Add(PickleValue key, PickleValue value) => _entries.Add(KeyValuePair.Create(key, value));

    /// <summary>Takes the entries of a dictionary that was given to a dictionary-like class.</summary>
    internal void Share(PickleMapping other) => _entries = other._entries;

    internal override PickleValue Child(int index) => index % 2 == 0 ? _entries[index / 2].Key : _entries[index / 2].Value;

    internal override void Replace(int index, PickleValue value) => _entries[index / 2] = index % 2 == 0
        ? KeyValuePair.Create(value, _entries[index / 2].Value)
        : KeyValuePair.Create(_entries[index / 2].Key, value);

    /// <summary>Refuses a text key that occurs twice: Python would let the last one win, which hides a damaged or forged file.</summary>
    internal Dictionary<string, int> Index()
    {
        var positions = new Dictionary<string, int>(_entries.Count, StringComparer.Ordinal);
        foreach (var (position, entry) in _entries.Index())
        {
            if (entry.Key is PickleText { Value: var name } && !positions.TryAdd(name, position))
            {
                throw new FileFormatException($"a dictionary has the key '{name}' twice.");
            }
        }

        return _positions = positions;
    }

    private protected override JsonNode? WriteJson(ref int left)
    {
        var json = new JsonObject();
        AddJson(json, _entries, ref left);
        return json;
    }
}

/// <summary>
/// A class, a function, or an object made by one: only its name and what it was given. It was never imported, and nothing was called.
/// </summary>
public sealed class PickleRecord : PickleValue
{
    private readonly List<PickleValue> _parts;   // arguments, then keywords and state when there are any

    internal PickleRecord(string module, string name, IReadOnlyList<PickleValue>? arguments = null)
    {
        (Module, Name, IsReference) = (module, name, arguments is null);
        _parts = [.. arguments ?? []];
        ArgumentCount = _parts.Count;
    }

    /// <summary>The Python module, for example <c>terratorch.datasets.utils</c>.</summary>
    public string Module { get; }

    /// <summary>The name in the module, for example <c>HLSBands</c>.</summary>
    public string Name { get; }

    /// <summary>Module and name.</summary>
    public string FullName => $"{Module}.{Name}";

    /// <summary>True when the pickle only names the class or function; false when it makes an object of it.</summary>
    public bool IsReference { get; }

    /// <summary>What the class or function was given.</summary>
    public IReadOnlyList<PickleValue> Arguments => _parts.GetRange(0, ArgumentCount);

    /// <summary>The object's state: usually a dictionary of its attributes; null when it has none.</summary>
    public PickleValue? State => StateIndex is { } index ? _parts[index] : null;

    /// <inheritdoc />
    public override string? Text => Single?.Text;

    /// <inheritdoc />
    public override long? Integer => Single?.Integer;

    /// <inheritdoc />
    public override double? Number => Single?.Number;

    /// <inheritdoc />
    public override IReadOnlyList<PickleValue> Items => ListIndex is { } index ? _parts[index].Items : [];

    /// <inheritdoc />
    public override IReadOnlyList<KeyValuePair<PickleValue, PickleValue>> Entries =>
        DictionaryIndex is { } index ? _parts[index].Entries
        : State is { Entries.Count: > 0 } state ? state.Entries
        : KeywordIndex is { } keywords ? _parts[keywords].Entries : [];

    /// <inheritdoc />
    public override PickleValue? this[string name] =>
        (DictionaryIndex is { } index ? _parts[index][name] : null) ?? State?[name] ?? (KeywordIndex is { } keywords ? _parts[keywords][name] : null);

    /// <inheritdoc />
    public override string Kind => IsReference ? $"the class or function {FullName}" : $"an object of {FullName}";

    internal override int ChildCount => _parts.Count;

    private int ArgumentCount { get; set; }

    private int? KeywordIndex { get; set; }

    private int? StateIndex { get; set; }

    private int? ListIndex { get; set; }

    private int? DictionaryIndex { get; set; }

    private PickleValue? Single => ArgumentCount == 1 && _parts.Count == 1 && !IsReference && _parts[0] is not PickleRecord ? _parts[0] : null;

    internal void SetKeywords(PickleValue keywords) => KeywordIndex = Set(KeywordIndex, keywords);

    internal void SetState(PickleValue state) => StateIndex = Set(StateIndex, state);

    internal void AddItem(PickleValue item)
    {
        ListIndex ??= Set(null, new PickleSequence(PickleSequenceKind.List, []));
        ((PickleSequence)_parts[ListIndex.Value]).Add(item);
    }

    internal PickleMapping Dictionary
    {
        get
        {
            DictionaryIndex ??= Set(null, new PickleMapping());
            return (PickleMapping)_parts[DictionaryIndex.Value];
        }
    }

    internal bool HasDictionary => DictionaryIndex is not null;

    internal override PickleValue Child(int index) => _parts[index];

    internal override void Replace(int index, PickleValue value) => _parts[index] = value;

    private int Set(int? index, PickleValue value)
    {
        if (index is { } known)
        {
            _parts[known] = value;
            return known;
        }

        _parts.Add(value);
        return _parts.Count - 1;
    }

    private protected override JsonNode? WriteJson(ref int left)
    {
        var json = new JsonObject { ["$class"] = FullName };
        if (ArgumentCount > 0)
        {
            json["$arguments"] = ToJson(_parts.GetRange(0, ArgumentCount), ref left);
        }

        if (Items.Count > 0)
        {
            json["$items"] = ToJson(Items, ref left);
        }

        AddJson(json, Entries, ref left);
        if (State is { Entries.Count: 0 } state && left > 0)
        {
            json["$state"] = ToJson([state], ref left)[0]?.DeepClone();
        }

        return json;
    }
}
