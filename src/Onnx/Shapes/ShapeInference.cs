using System.Collections.Immutable;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>Infers the type and shape of a node's outputs from one input-output description of it.</summary>
internal delegate void ShapeRule(ShapeContext context);

/// <summary>
/// Types and shapes of node outputs, one rule an operator, with symbolic extents. An operator without a rule keeps unknown
/// outputs; one whose inputs are of unknown shape too.
/// </summary>
internal static class ShapeInference
{
    private static readonly Dictionary<(string Domain, string OpType), ShapeRule> Rules = new[]
    {
        ElementwiseShapes.Table, LayoutShapes.Table, IndexingShapes.Table, ReductionShapes.Table, LayerShapes.Table, WindowShapes.Table,
    }.SelectMany(table => table).ToDictionary(rule => rule.Key.Contains('.', StringComparison.Ordinal)
        ? (rule.Key[..rule.Key.LastIndexOf('.')], rule.Key[(rule.Key.LastIndexOf('.') + 1)..])
        : ("", rule.Key), rule => rule.Value);

    /// <summary>The operators that have a rule, with their domain in front where it is not standard ONNX.</summary>
    public static IEnumerable<string> Operators => Rules.Keys.Select(key => key.Domain.Length == 0 ? key.OpType : $"{key.Domain}.{key.OpType}");

    /// <summary>Sets type, shape and known elements of every output of <paramref name="node"/>.</summary>
    /// <exception cref="OnnxGraphException">The inputs contradict the operator; the message names node, input, expected and found.</exception>
    public static void Infer(Node node)
    {
        if (!Rules.TryGetValue((node.Domain, node.OpType), out var rule))
        {
            return;
        }

        try
        {
            rule(new ShapeContext(node));
        }
        catch (Exception malformed) when (malformed is IndexOutOfRangeException or ArgumentException or ArithmeticException or InvalidOperationException or FileFormatException)
        {
            // A rule reads inputs in the form its operator defines; anything else comes from a damaged file.
            throw new OnnxGraphException($"{new ShapeContext(node).Error("its inputs or attributes do not have the form that the operator takes").Message} {malformed.Message}", malformed);
        }
    }
}

/// <summary>What a shape rule sees of a node.</summary>
internal readonly struct ShapeContext(Node node)
{
    /// <summary>More axes than any operator takes; a chain of Gather could double their number in every node.</summary>
    public const int MaximumRank = 64;

    /// <summary>More elements than shapes, axes and pads have; a chain of Concat could double their number in every node.</summary>
    private const int MaximumElements = 1024;

    public Node Node { get; } = node;

    public Value In(int index) => Node.Input(index);

    /// <summary>The shape of an input, or null when it is absent or not known.</summary>
    public TensorShape? Shape(int index) => Node.OptionalInput(index)?.Shape;

    public void Set(ElementType type, TensorShape? shape, int output = 0)
    {
        if (output < Node.Outputs.Count && Node.Outputs[output] is { } value)
        {
            if (shape is { Rank: > MaximumRank })
            {
                throw Error($"its result would have {shape.Rank} axes; at most {MaximumRank} are possible");
            }

            if (shape?.FirstOrDefault(dim => dim.Value < 0).Value is { } negative)
            {
                throw Error($"its result would have the extent {negative}");
            }

            value.Type = type;
            value.Shape = shape;
        }
    }

    /// <summary>States what is known about the elements of the first output, whose shape has been set. Only scalars and lists
    /// short enough to be a shape keep them.</summary>
    public void SetElements(IEnumerable<Dim>? elements)
    {
        ImmutableArray<Dim>? known = elements is null || Node.Output.Shape is not { Rank: <= 1 } ? null : [.. elements.Take(MaximumElements + 1)];
        Node.Output.Elements = known is { Length: <= MaximumElements } ? known : null;
    }

    /// <summary>The known elements of a constant, when it is a scalar or a list short enough to be a shape.</summary>
    public static ImmutableArray<Dim>? ElementsOf(TensorData data) =>
        data.Shape.Length > 1 || data.Count > MaximumElements ? null : data.Type switch
        {
            ElementType.Int64 => [.. data.AsSpan<long>().ToArray().Select(Dim.FromInt64)],
            ElementType.Int32 => [.. data.AsSpan<int>().ToArray().Select(number => Dim.FromInt64(number))],
            _ => null,
        };

    /// <summary>The fixed integers an input holds, or null.</summary>
    public long[]? Integers(int index)
    {
        return Node.OptionalInput(index)?.Elements is { } elements && elements.All(element => element.Value is not null)
            ? [.. elements.Select(element => element.Value!.Value)]
            : null;
    }

    /// <summary>An axis attribute made non-negative and checked against a rank.</summary>
    public int Axis(long axis, int rank)
    {
        var normal = axis < 0 ? axis + rank : axis;
        return normal >= 0 && normal < rank
            ? (int)normal
            : throw Error($"axis {axis} of an input of {rank} axes");
    }

    public OnnxGraphException Error(string found) =>
        new($"{Node} cannot be built: {found}. Inputs: {string.Join("; ", Node.Inputs.Select(input => input?.ToString() ?? "-"))}.");

    /// <summary>Checks that two floating or integer inputs have the same element type.</summary>
    public void SameType(int a, int b)
    {
        var (left, right) = (In(a).Type, In(b).Type);
        if (left != right && left != ElementType.Undefined && right != ElementType.Undefined)
        {
            throw Error($"input {a} is {left} and input {b} is {right}; both must have the same type");
        }
    }

    /// <summary>NumPy broadcasting of two shapes; null when either is not known.</summary>
    public TensorShape? Broadcast(TensorShape? a, TensorShape? b)
    {
        if (a is null || b is null)
        {
            return null;
        }

        var rank = Math.Max(a.Rank, b.Rank);
        var result = new Dim[rank];
        for (var axis = 0; axis < rank; axis++)
        {
            Dim left = axis - (rank - a.Rank) >= 0 ? a[axis - (rank - a.Rank)] : 1;
            Dim right = axis - (rank - b.Rank) >= 0 ? b[axis - (rank - b.Rank)] : 1;
            result[axis] = left.Value == 1 ? right
                : right.Value == 1 || left == right ? left
                : left.Contradicts(right) ? throw Error($"shapes {a} and {b} do not broadcast: {left} against {right}")
                : left.Value is not null ? left
                : right.Value is not null ? right
                : Dim.Unknown;
        }

        return new TensorShape(result);
    }
}
