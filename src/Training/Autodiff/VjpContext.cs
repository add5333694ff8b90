using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Returns dL/dInput from <c>c.Grad</c> = dL/dOutput, as ONNX nodes made with <c>c.Op</c>.</summary>
internal delegate Value VjpRule(VjpContext c);

/// <summary>What a rule sees: the node, the gradients that arrived at its outputs, and a builder to answer with.</summary>
/// <param name="op">Builder of the training graph.</param>
/// <param name="node">The forward node.</param>
/// <param name="gradients">Arrived gradients, one an output; null where none arrived.</param>
/// <param name="index">The input whose gradient is asked for.</param>
internal sealed class VjpContext(GraphBuilder op, Node node, IReadOnlyList<Value?> gradients, int index)
{
    public GraphBuilder Op { get; } = op;

    public Node Node { get; } = node;

    /// <summary>Which input's gradient is asked for.</summary>
    public int Index { get; } = index;

    /// <summary>dL/dOutput of the first output.</summary>
    public Value Grad => gradients[0] ?? throw new TrainingException($"No gradient arrives at the first output of {Node}; only its other outputs reach the loss.");

    public Value Output => Node.Output;

    /// <summary>The input whose gradient is asked for.</summary>
    public Value Target => Node.Input(Index);

    /// <summary>A zero of the element type of the gradient, without axes.</summary>
    public Value Zero => Op.Scalar(0, Target.Type);

    public Value Input(int index) => Node.Input(index);

    /// <summary>dL/dOutput of any output, zero when none arrived.</summary>
    public Value GradientOrZero(int output) => gradients[output] ?? ZerosLike(Node.Outputs[output]!);

    public long Attribute(string name, long otherwise) => Node.Int(name, otherwise);

    public float Attribute(string name, float otherwise) => Node.Float(name, otherwise);

    /// <summary>An axis attribute, made non-negative for <paramref name="value"/>.</summary>
    public int Axis(Value value, long otherwise = -1)
    {
        var axis = Node.Int("axis", otherwise);
        return (int)(axis < 0 ? axis + value.Rank : axis);
    }

    /// <summary>Fixed integers: an attribute in old operator sets, an input in new ones; null when absent.</summary>
    public long[]? Integers(string attribute, int input) =>
        Node.Ints(attribute) ?? (Node.OptionalInput(input) is not { } value ? null
            : value is { Data: { } data, Producer: null } ? data.AsSpan<long>().ToArray()
            : throw Unsupported($"its {attribute} are computed by the graph; fixed ones are needed for a gradient"));

    /// <summary>The extents of a value as a one-dimensional integer tensor; constant when they are fixed. Taken from graph inputs
    /// where a symbol names them, so that the value itself need not stay in memory.</summary>
    public Value ShapeOf(Value value) => DynamicShapes.Of(Op, value);

    /// <summary>The gradient (or any value of as many elements) in the shape of <paramref name="like"/>.</summary>
    public Value Reshape(Value x, Value like)
    {
        if (x.Shape is { } have && have.Equals(like.Shape) && !have.Any(dim => dim.IsUnknown))
        {
            return x;
        }

        return Op.Reshape(x, DynamicShapes.ForReshape(Op, like));
    }

    public Value ZerosLike(Value value) => Op.Filled(ShapeOf(value), 0, value.Type);

    /// <summary>One for each element that a condition holds at, else zero, in the type of the gradient.</summary>
    public Value Mask(Value condition) => Op.Cast(condition, Target.Type);

    /// <summary>The gradient where the condition holds, else zero.</summary>
    public Value GradWhere(Value condition) => Op.Where(condition, Grad, Zero);

    public TrainingException Unsupported(string why) => new($"No gradient for {Node}: {why}.");

    /// <summary>Axes of the node's reduction, non-negative.</summary>
    public long[] ReducedAxes()
    {
        var rank = Input(0).Rank;
        var axes = Integers("axes", 1);
        return axes is null || axes.Length == 0
            ? Attribute("noop_with_empty_axes", 0) != 0 ? [] : [.. Enumerable.Range(0, rank).Select(axis => (long)axis)]
            : [.. axes.Select(axis => axis < 0 ? axis + rank : axis).Order()];
    }

    /// <summary>A value of the reduced shape with the reduced axes put back as extent 1.</summary>
    public Value WithReducedAxes(Value reduced) =>
        Attribute("keepdims", 1) != 0 || ReducedAxes() is [] ? reduced : Op.Unsqueeze(reduced, ReducedAxes());

    /// <summary>The product of some extents of a value, in the type of the gradient.</summary>
    public Value CountOf(Value value, params IEnumerable<long> axes)
    {
        var dims = axes.Select(axis => value.KnownShape[(int)axis]).ToList();
        if (dims.All(dim => dim.Value is not null))
        {
            return Op.Scalar(dims.Aggregate(1.0, (product, dim) => product * dim.Value!.Value), Target.Type);
        }

        var extents = Op.Gather(ShapeOf(value), Op.Int64s([.. axes]));
        return Op.Cast(Op.ReduceProd(extents, keepDims: false), Target.Type);
    }

    /// <summary>a·b over the last two axes, either of them swapped. Floats use com.microsoft FusedMatMul, which reads the same
    /// stored weight in both directions; other types swap first.</summary>
    public Value MatMul(Value a, Value b, bool transposeA = false, bool transposeB = false, float alpha = 1) =>
        MatrixProducts.Multiply(Op, a, b, transposeA, transposeB, alpha);
}
