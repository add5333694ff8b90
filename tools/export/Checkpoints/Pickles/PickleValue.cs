using System.Globalization;
using System.Numerics;
using System.Text.Json.Nodes;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Pickles;

/// <summary>
/// A value of a pickle, as data. It is one of <see cref="PickleNone"/>, <see cref="PickleBoolean"/>, <see cref="PickleInteger"/>,
/// <see cref="PickleNumber"/>, <see cref="PickleText"/>, <see cref="PickleBytes"/>, <see cref="PickleSequence"/>, <see cref="PickleMapping"/>,
/// <see cref="PickleTensor"/>, <see cref="PickleRecord"/> (any class, function or object: only its name and what it was given) or
/// <see cref="PickleCycle"/>. The tree has no loops and is at most 500 deep, so that it may be walked by recursion.
/// </summary>
/// <remarks>
/// Reading is forgiving, so that a walk needs no casts: <c>value["model_args"]?["backbone"]?.Text</c> is null when any step is absent or of
/// another kind. <see cref="Find"/> takes a whole path.
/// </remarks>
public abstract class PickleValue
{
    /// <summary>The text; of an enum member or another object made from a single text, that text; else null.</summary>
    public virtual string? Text => null;

    /// <summary>The whole number, when it fits into 64 bits; else null.</summary>
    public virtual long? Integer => null;

    /// <summary>The number, whole or not; else null.</summary>
    public virtual double? Number => null;

    /// <summary>The truth value; else null.</summary>
    public virtual bool? Boolean => null;

    /// <summary>The tensor; else null. NumPy arrays are tensors too.</summary>
    public virtual TensorData? Tensor => null;

    /// <summary>True for Python's <c>None</c>.</summary>
    public virtual bool IsNone => false;

    /// <summary>The elements of a list, tuple or set, or of an object that is one; else empty.</summary>
    public virtual IReadOnlyList<PickleValue> Items => [];

    /// <summary>Keys and values of a dictionary, or the attributes of an object, in file order; else empty.</summary>
    public virtual IReadOnlyList<KeyValuePair<PickleValue, PickleValue>> Entries => [];

    /// <summary>The value under a text key, or null when there is none or this is no dictionary.</summary>
    public virtual PickleValue? this[string name] => null;

    /// <summary>The value at the end of a path of text keys, or null when a step is absent.</summary>
    public PickleValue? Find(params ReadOnlySpan<string> path)
    {
        PickleValue? value = this;
        foreach (var step in path)
        {
            value = value?[step];
        }

        return value;
    }

    /// <summary>What kind of value it is, for messages: <c>a list of 3</c>.</summary>
    public abstract string Kind { get; }

    /// <summary>
    /// The value as JSON, for people. Objects carry their class under <c>$class</c>; tensors are their type and shape. After
    /// <paramref name="most"/> values the rest is shown as <c>…</c>.
    /// </summary>
    public JsonNode? ToJson(int most = 10_000)
    {
        var left = most;
        return ToJson(ref left);
    }

    /// <summary>The value as short JSON.</summary>
    public override string ToString() => ToJson(100)?.ToJsonString() ?? "null";

    /// <summary>Children that are values themselves; leaves have none.</summary>
    internal virtual int ChildCount => 0;

    /// <summary>Where a reader that walks the values is with this one.</summary>
    internal PickleVisit Visit { get; set; }

    /// <summary>Longest way down to a leaf.</summary>
    internal int Height { get; set; }

    /// <summary>What the value means, where that is another value: a tensor for the call that rebuilds it.</summary>
    internal PickleValue? Meaning { get; set; }

    internal virtual PickleValue Child(int index) => throw new ArgumentOutOfRangeException(nameof(index));

    internal virtual void Replace(int index, PickleValue value) => throw new ArgumentOutOfRangeException(nameof(index));

    private protected abstract JsonNode? WriteJson(ref int left);

    private protected JsonNode? ToJson(ref int left) => left-- > 0 ? WriteJson(ref left) : JsonValue.Create("…");

    private protected static JsonArray ToJson(IReadOnlyList<PickleValue> items, ref int left)
    {
        var array = new JsonArray();
        foreach (var item in items)
        {
            array.Add(item.ToJson(ref left));
            if (left <= 0)
            {
                break;
            }
        }

        return array;
    }

    private protected static void AddJson(JsonObject target, IReadOnlyList<KeyValuePair<PickleValue, PickleValue>> entries, ref int left)
    {
        foreach (var (key, value) in entries)
        {
            target[key is PickleText { Value: var name } ? name : key.ToString()] = value.ToJson(ref left);
            if (left <= 0)
            {
                break;
            }
        }
    }
}

/// <summary>How far a walk over values is with one of them.</summary>
internal enum PickleVisit : byte
{
    /// <summary>Not seen.</summary>
    New,

    /// <summary>Seen; its children are being walked.</summary>
    Open,

    /// <summary>Finished.</summary>
    Done,
}

/// <summary>Python's <c>None</c>.</summary>
public sealed class PickleNone : PickleValue
{
    private PickleNone()
    {
    }

    /// <summary>The only one.</summary>
    public static PickleNone Instance { get; } = new();

    /// <inheritdoc />
    public override bool IsNone => true;

    /// <inheritdoc />
    public override string Kind => "None";

    private protected override JsonNode? WriteJson(ref int left) => null;
}

/// <summary>True or false.</summary>
public sealed class PickleBoolean : PickleValue
{
    private PickleBoolean(bool value) => Value = value;

    /// <summary>True.</summary>
    public static PickleBoolean True { get; } = new(true);

    /// <summary>False.</summary>
    public static PickleBoolean False { get; } = new(false);

    /// <summary>The value.</summary>
    public bool Value { get; }

    /// <inheritdoc />
    public override bool? Boolean => Value;

    /// <inheritdoc />
    public override string Kind => Value ? "True" : "False";

    private protected override JsonNode? WriteJson(ref int left) => JsonValue.Create(Value);
}

/// <summary>A whole number of any size.</summary>
public sealed class PickleInteger(BigInteger value) : PickleValue
{
    /// <summary>The value.</summary>
    public BigInteger Value => value;

    /// <inheritdoc />
    public override long? Integer => value >= long.MinValue && value <= long.MaxValue ? (long)value : null;

    /// <inheritdoc />
    public override double? Number => (double)value;

    /// <inheritdoc />
    public override string Kind => "a whole number";

    private protected override JsonNode? WriteJson(ref int left) =>
        Integer is { } integer ? JsonValue.Create(integer) : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));
}

/// <summary>A floating-point number.</summary>
public sealed class PickleNumber(double value) : PickleValue
{
    /// <inheritdoc />
    public override double? Number => value;

    /// <inheritdoc />
    public override string Kind => "a number";

    // JSON has no infinity and no NaN.
    private protected override JsonNode? WriteJson(ref int left) =>
        double.IsFinite(value) ? JsonValue.Create(value) : JsonValue.Create(value.ToString(CultureInfo.InvariantCulture));
}

/// <summary>Text.</summary>
public sealed class PickleText(string value) : PickleValue
{
    /// <summary>The value.</summary>
    public string Value => value;

    /// <inheritdoc />
    public override string? Text => value;

    /// <inheritdoc />
    public override string Kind => "a text";

    private protected override JsonNode? WriteJson(ref int left) => JsonValue.Create(value);
}

/// <summary>Bytes, not copied from the file where it allows that.</summary>
public sealed class PickleBytes(ReadOnlyMemory<byte> value) : PickleValue
{
    /// <summary>The value.</summary>
    public ReadOnlyMemory<byte> Value => value;

    /// <inheritdoc />
    public override string Kind => $"{value.Length} bytes";

    private protected override JsonNode? WriteJson(ref int left) => JsonValue.Create($"<{Kind}>");
}

/// <summary>A tensor or a NumPy array.</summary>
public sealed class PickleTensor(TensorData value) : PickleValue
{
    /// <summary>The value.</summary>
    public TensorData Value => value;

    /// <inheritdoc />
    public override TensorData? Tensor => value;

    /// <inheritdoc />
    public override string Kind => $"a {value.Type} tensor of shape [{string.Join(", ", value.Shape)}]";

    private protected override JsonNode? WriteJson(ref int left) => JsonValue.Create($"<{Kind}>");
}

/// <summary>Stands where a value contained itself: the loop is cut here.</summary>
public sealed class PickleCycle : PickleValue
{
    private PickleCycle()
    {
    }

    /// <summary>The only one.</summary>
    public static PickleCycle Instance { get; } = new();

    /// <inheritdoc />
    public override string Kind => "a value that contains itself";

    private protected override JsonNode? WriteJson(ref int left) => JsonValue.Create("<itself>");
}
