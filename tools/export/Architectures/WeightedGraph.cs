using System.Runtime.InteropServices;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// A graph under construction whose constants are the weights of a checkpoint. Each weight is stored once, in single precision and
/// under its own name; the matrix of a linear layer is stored transposed, [in, out], as MatMul and the adapters want it.
/// </summary>
internal sealed class WeightedGraph(GraphBuilder op, StateDict weights)
{
    /// <summary>Appends operators.</summary>
    public GraphBuilder Op { get; } = op;

    /// <summary>Where weights are taken from.</summary>
    public StateDict Weights { get; } = weights;

    /// <summary>A weight as it is stored in the checkpoint.</summary>
    /// <exception cref="FileFormatException">It is absent or has other extents; −1 allows any.</exception>
    public Value Weight(string name, params ReadOnlySpan<long> shape) =>
        Op.Graph.FindInitializer(name) ?? Op.Initializer(name, Single(shape.IsEmpty ? Weights.Take(name) : Weights.Take(name, shape)));

    /// <summary>x·Wᵀ + b over the last axis, with <c>PATH.weight</c> [out, in] and, unless <paramref name="bias"/> is false, <c>PATH.bias</c>.</summary>
    /// <exception cref="FileFormatException">A weight is absent or does not fit x.</exception>
    public Value Linear(Value x, string path, bool bias = true)
    {
        var name = $"{path}.weight";
        var weight = Op.Graph.FindInitializer(name) ?? Op.Initializer(name, Single(Weights.Take(name, -1, x.KnownShape[-1].Value ?? -1)).Transposed());
        return Op.Linear(x, weight, bias ? Weight($"{path}.bias", weight.Data!.Shape[1]) : null);
    }

    /// <summary>Layer normalisation over the last axis with <c>PATH.weight</c> and <c>PATH.bias</c>.</summary>
    /// <exception cref="FileFormatException">A weight is absent or does not fit x.</exception>
    public Value Normalize(Value x, string path, float epsilon)
    {
        var width = x.KnownShape[-1].Value ?? -1;
        return Op.LayerNormalization(x, Weight($"{path}.weight", width), Weight($"{path}.bias", width), epsilon);
    }

    /// <summary>The number of rows of the matrix or vector <paramref name="name"/>; sizes come from shapes, never from names.</summary>
    public long Extent(string name, int axis = 0)
    {
        var shape = Weights.Take(name).Shape;
        return axis < shape.Length ? shape[axis] : throw new FileFormatException(
            $"{Weights.Source}: '{name}' has {shape.Length} axes ([{string.Join(", ", shape)}]); expected at least {axis + 1}.");
    }

    /// <summary>A tensor in single precision; the conversion of others happens while they are written.</summary>
    public static TensorData Single(TensorData tensor) => tensor.Type == ElementType.Float
        ? tensor
        : TensorData.Deferred(ElementType.Float, tensor.Shape.AsSpan(), bytes => tensor.ToSingles().CopyTo(MemoryMarshal.Cast<byte, float>(bytes.Span)));
}
