using System.Collections.Immutable;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// A tensor that flows through a graph: a graph input, an initializer, or the output of a node. A value that is both an input
/// and carries <see cref="Data"/> is an input with a default, which a run or an adapter may override.
/// </summary>
public sealed class Value
{
    internal Value(string name, ElementType type, TensorShape? shape) => (Name, Type, Shape) = (name, type, shape);

    /// <summary>Name, unique in its graph.</summary>
    public string Name { get; internal set; }

    /// <summary>Type of the elements, or <see cref="ElementType.Undefined"/> when not known.</summary>
    public ElementType Type { get; internal set; }

    /// <summary>Shape, or null when not even the number of axes is known.</summary>
    public TensorShape? Shape { get; internal set; }

    /// <summary>The node that computes it; null for graph inputs and initializers.</summary>
    public Node? Producer { get; internal set; }

    /// <summary>The constant content of an initializer, or the default of an overridable input.</summary>
    public TensorData? Data { get; internal set; }

    /// <summary>What is known about the elements of a small integer tensor; carries shapes through Shape, Gather, Concat.</summary>
    internal ImmutableArray<Dim>? Elements { get; set; }

    /// <summary>Number of axes.</summary>
    /// <exception cref="OnnxGraphException">The shape is not known.</exception>
    public int Rank => KnownShape.Rank;

    /// <summary>The shape.</summary>
    /// <exception cref="OnnxGraphException">The shape is not known.</exception>
    public TensorShape KnownShape => Shape ?? throw new OnnxGraphException(
        $"The shape of {Name} is not known{(Producer is null ? "" : $" (made by {Producer})")}; a known one is needed here.");

    /// <summary>For example <c>blocks.0/x: Float[batch, 197, 768]</c>.</summary>
    public override string ToString() => $"{Name}: {Type}{Shape?.ToString() ?? "[?]"}";
}
