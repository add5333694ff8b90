using System.Diagnostics.CodeAnalysis;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints;

/// <summary>
/// The weights of a checkpoint by name. An architecture takes what it needs (<see cref="Take(string)"/>); what nobody took is listed in a
/// warning (<see cref="Unused"/>, <see cref="DescribeUnused"/>). Tensors are slices of the mapped file wherever the file allows it.
/// </summary>
/// <remarks>Names are sorted once and shared by every view; a view (<see cref="Below"/>) is a range of them, so that a checkpoint of a million
/// names is handled in the time of its names.</remarks>
public sealed class StateDict
{
    private const int MostListed = 5;

    // What wrappers put in front of every name: data parallelism, torch.compile, timm feature extraction, MoCo, Lightning tasks.
    private static readonly string[] WrapperPrefixes = ["module.", "_orig_mod.", "_timm_module.", "base_encoder.", "backbone.", "model."];

    private readonly IReadOnlyDictionary<string, TensorData> _tensors;
    private readonly HashSet<string> _taken;
    private readonly Lazy<string[]> _sorted;
    private readonly string _prefix;
    private readonly Lazy<Range> _range;

    /// <summary>Wraps tensors.</summary>
    /// <param name="source">Where they come from, for messages.</param>
    /// <param name="tensors">Tensors by name.</param>
    public StateDict(string source, IReadOnlyDictionary<string, TensorData> tensors)
        : this(source, tensors, new HashSet<string>(StringComparer.Ordinal), new Lazy<string[]>(() => [.. tensors.Keys.Order(StringComparer.Ordinal)]), "")
    {
    }

    private StateDict(string source, IReadOnlyDictionary<string, TensorData> tensors, HashSet<string> taken, Lazy<string[]> sorted, string prefix)
    {
        (Source, _tensors, _taken, _sorted, _prefix) = (source, tensors, taken, sorted, prefix);
        _range = new Lazy<Range>(() => RangeOf(_sorted.Value, prefix));
    }

    /// <summary>Where the weights come from.</summary>
    public string Source { get; }

    /// <summary>What every name starts with in the file; the names seen here are without it.</summary>
    public string Prefix => _prefix;

    /// <summary>How many tensors there are below the prefix.</summary>
    public int Count => FullNames.Length;

    /// <summary>The names below the prefix, without it, in ordinal order.</summary>
    public IEnumerable<string> Names
    {
        get
        {
            var (start, length) = _range.Value.GetOffsetAndLength(_sorted.Value.Length);
            for (var i = start; i < start + length; i++)
            {
                yield return _sorted.Value[i][_prefix.Length..];
            }
        }
    }

    /// <summary>The names that nobody took, in ordinal order.</summary>
    public IReadOnlyList<string> Unused => [.. Names.Where(name => !_taken.Contains(_prefix + name))];

    private ReadOnlySpan<string> FullNames => _sorted.Value.AsSpan(_range.Value);

    /// <summary>The same weights seen below a prefix, for example <c>encoder.</c>; what is taken there counts as taken here.</summary>
    public StateDict Below(string prefix) => prefix.Length == 0 ? this : new(Source, _tensors, _taken, _sorted, _prefix + prefix);

    /// <summary>
    /// The same weights without what wrappers put in front of every name (<c>module.</c>, <c>_orig_mod.</c>, <c>_timm_module.</c>,
    /// <c>base_encoder.</c>, <c>backbone.</c>, <c>model.</c>), as often as all names share one.
    /// </summary>
    public StateDict WithoutCommonPrefix()
    {
        var view = this;
        while (Array.Find(WrapperPrefixes, prefix => view.Count > 0 && view.Below(prefix).Count == view.Count) is { } common)
        {
            view = view.Below(common);
        }

        return view;
    }

    /// <summary>True when there is a tensor of that name.</summary>
    public bool Contains(string name) => _tensors.ContainsKey(_prefix + name);

    /// <summary>The tensor of that name.</summary>
    /// <exception cref="FileFormatException">There is none; the message has the closest names.</exception>
    public TensorData Take(string name) => TryTake(name, out var tensor) ? tensor : throw Missing([name]);

    /// <summary>The tensor of that name, when it has the expected extents; −1 allows any.</summary>
    /// <exception cref="FileFormatException">There is none, or it has another shape; the message has both.</exception>
    public TensorData Take(string name, params ReadOnlySpan<long> shape)
    {
        var tensor = Take(name);
        var fits = tensor.Shape.Length == shape.Length;
        for (var axis = 0; fits && axis < shape.Length; axis++)
        {
            fits = shape[axis] < 0 || shape[axis] == tensor.Shape[axis];
        }

        return fits ? tensor : throw new FileFormatException(
            $"{Source}: '{_prefix}{name}' has the shape [{string.Join(", ", tensor.Shape)}]; expected [{string.Join(", ", shape.ToArray().Select(extent => extent < 0 ? "any" : $"{extent}"))}].");
    }

    /// <summary>The tensor of that name, or false.</summary>
    public bool TryTake(string name, [NotNullWhen(true)] out TensorData? tensor)
    {
        if (!_tensors.TryGetValue(_prefix + name, out tensor))
        {
            return false;
        }

        _taken.Add(_prefix + name);
        return true;
    }

    /// <summary>The tensor of that name without taking it, or null: to find out what a file is.</summary>
    public TensorData? Peek(string name) => _tensors.GetValueOrDefault(_prefix + name);

    /// <summary>Refuses the weights unless all names are there, so that a file of another model is told at once.</summary>
    /// <exception cref="FileFormatException">Some are absent; the message has the first five and the count, and the prefix under which they are found
    /// or the closest name.</exception>
    public void RequireAll(IEnumerable<string> names)
    {
        var missing = names.Where(name => !Contains(name)).ToList();
        if (missing.Count > 0)
        {
            throw Missing(missing);
        }
    }

    /// <summary>A sentence about the weights that nobody took: how many, and the first five; null when all were taken.</summary>
    public string? DescribeUnused() => Unused is { Count: > 0 } unused
        ? $"{Source} has {unused.Count} weights that the model does not use: {List(unused)}."
        : null;

    /// <summary>How many consecutive numbers n from 0 on have a name that starts with <c>{path}.{n}.</c>: the depth of a stack of blocks.</summary>
    public int CountBlocks(string path)
    {
        var count = 0;
        while (RangeOf(_sorted.Value, $"{_prefix}{path}.{count}.") is var range && range.End.Value > range.Start.Value)
        {
            count++;
        }

        return count;
    }

    // Names with a common prefix are neighbours in ordinal order.
    private static Range RangeOf(string[] sorted, string prefix)
    {
        return prefix.Length == 0 ? ..sorted.Length : First(comparison => comparison >= 0)..First(comparison => comparison > 0);

        int First(Func<int, bool> isReached)
        {
            var (low, high) = (0, sorted.Length);
            while (low < high)
            {
                var middle = low + ((high - low) / 2);
                if (isReached(string.CompareOrdinal(sorted[middle], 0, prefix, 0, prefix.Length)))
                {
                    high = middle;
                }
                else
                {
                    low = middle + 1;
                }
            }

            return low;
        }
    }

    private FileFormatException Missing(List<string> missing)
    {
        var what = missing.Count == 1 ? $"the weight '{_prefix}{missing[0]}'" : $"{missing.Count} weights: {List(missing)}";
        var hint = ClosestNames.Explain(missing, [.. Names]) is { } explanation ? $" {explanation}"
            : Count > 0 ? $" It has {Count} tensors{(_prefix.Length > 0 ? $" below '{_prefix}'" : "")}: {List([.. Names.Take(MostListed + 1)])}."
            : _tensors.Count > 0 ? $" It has {_tensors.Count} tensors, none of them below '{_prefix}': {List([.. _sorted.Value.Take(MostListed + 1)])}."
            : " It has no tensors.";
        return new FileFormatException($"{Source} lacks {what}.{hint} Is this the checkpoint of another model?");
    }

    private static string List(IReadOnlyList<string> names) => string.Join(", ", names.Take(MostListed)) + (names.Count > MostListed ? ", …" : "");
}
