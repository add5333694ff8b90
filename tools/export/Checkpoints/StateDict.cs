using System.Diagnostics.CodeAnalysis;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints;

/// <summary>
/// The weights of a checkpoint by name. An architecture takes what it needs (<see cref="Take(string)"/>); what nobody took is listed in a
/// warning (<see cref="Unused"/>). Tensors are slices of the mapped file wherever the file allows it.
/// </summary>
public sealed class StateDict
{
    private readonly IReadOnlyDictionary<string, TensorData> _tensors;
    private readonly HashSet<string> _taken;
    private readonly string _prefix;

    /// <summary>Wraps tensors.</summary>
    /// <param name="source">Where they come from, for messages.</param>
    /// <param name="tensors">Tensors by name.</param>
    public StateDict(string source, IReadOnlyDictionary<string, TensorData> tensors) : this(source, tensors, [], "")
    {
    }

    private StateDict(string source, IReadOnlyDictionary<string, TensorData> tensors, HashSet<string> taken, string prefix) =>
        (Source, _tensors, _taken, _prefix) = (source, tensors, taken, prefix);

    /// <summary>Where the weights come from.</summary>
    public string Source { get; }

    /// <summary>The names below the prefix, without it, in ordinal order.</summary>
    public IEnumerable<string> Names => _tensors.Keys.Where(name => name.StartsWith(_prefix, StringComparison.Ordinal))
        .Select(name => name[_prefix.Length..]).Order(StringComparer.Ordinal);

    /// <summary>The names that nobody took, in ordinal order.</summary>
    public IReadOnlyList<string> Unused => [.. Names.Where(name => !_taken.Contains(_prefix + name))];

    /// <summary>The same weights seen below a prefix, for example <c>encoder.</c>; what is taken there counts as taken here.</summary>
    public StateDict Below(string prefix) => new(Source, _tensors, _taken, _prefix + prefix);

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

    /// <summary>How many consecutive numbers n from 0 on have a name that starts with <c>{path}.{n}.</c>: the depth of a stack of blocks.</summary>
    public int CountBlocks(string path)
    {
        var indices = Names.Where(name => name.StartsWith(path + ".", StringComparison.Ordinal))
            .Select(name => name[(path.Length + 1)..].Split('.')[0]).ToHashSet(StringComparer.Ordinal);
        var count = 0;
        while (indices.Contains($"{count}"))
        {
            count++;
        }

        return count;
    }

    private FileFormatException Missing(IReadOnlyList<string> names)
    {
        var all = Names.ToList();
        var ending = all.Where(known => names[0].EndsWith('.' + known, StringComparison.Ordinal) || known.EndsWith('.' + names[0], StringComparison.Ordinal)).Take(3).ToList();
        var hint = ending.Count > 0 ? $" There is {string.Join(", ", ending)}: does a prefix differ?"
            : all.Count > 0 ? $" It has {all.Count} tensors: {string.Join(", ", all.Take(5))}{(all.Count > 5 ? ", …" : "")}." : " It has no tensors.";
        return new FileFormatException($"{Source} lacks the weight '{_prefix}{names[0]}'.{hint} Is this the checkpoint of another model?");
    }
}
