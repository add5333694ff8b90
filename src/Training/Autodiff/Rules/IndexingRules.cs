using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Gathering and scattering by index.</summary>
internal static class IndexingRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["Gather"] = [Gather, null],
        ["GatherElements"] = [c => c.Op.ScatterElements(c.ZerosLike(c.Target), c.Input(1), c.Grad, c.Axis(c.Target, 0), "add"), null],
        ["GatherND"] =
        [
            c => c.Attribute("batch_dims", 0) == 0
                ? c.Op.ScatterND(c.ZerosLike(c.Target), c.Input(1), c.Grad, "add")
                : throw c.Unsupported("batch_dims other than 0 is not supported"),
            null,
        ],
        ["ScatterElements"] =
        [
            c => Replaces(c) ? c.Op.ScatterElements(c.Grad, c.Input(1), c.ZerosLike(c.Input(2)), c.Axis(c.Input(0), 0)) : c.Grad,
            null,
            c => c.Op.GatherElements(c.Grad, c.Input(1), c.Axis(c.Input(0), 0)),
        ],
        ["ScatterND"] =
        [
            c => Replaces(c) ? c.Op.ScatterND(c.Grad, c.Input(1), c.ZerosLike(c.Input(2))) : c.Grad,
            null,
            c => c.Op.Node("GatherND", [c.Grad, c.Input(1)]),
        ],
    };

    private static bool Replaces(VjpContext c) => c.Node.Text("reduction", "none") switch
    {
        "none" => true,
        "add" => false,
        var other => throw c.Unsupported($"reduction {other} is not supported; none and add are"),
    };

    private static Value Gather(VjpContext c)
    {
        var x = c.Input(0);
        var indices = c.Input(1);
        var axis = c.Axis(x, 0);
        if (indices is { Data: { Type: ElementType.Int64 } data, Producer: null } && indices.Rank <= 1 && x.KnownShape[axis].Value is { } length)
        {
            var positions = data.AsSpan<long>().ToArray().Select(position => position < 0 ? position + length : position).ToArray();
            var slices = indices.Rank == 0 ? c.Op.Unsqueeze(c.Grad, axis) : c.Grad;
            if (positions.Zip(positions.Skip(1)).All(pair => pair.Second == pair.First + 1))
            {
                var pads = new long[2 * x.Rank];
                (pads[axis], pads[axis + x.Rank]) = (positions[0], length - 1 - positions[^1]);
                return c.Op.Pad(slices, pads);
            }

            return AxisMaps.ScatterAlong(c.Op, slices, axis, positions, length);
        }

        // Bring the indexed axes to the front, add slices at their rows, and bring the axis back.
        var tuples = c.Op.Unsqueeze(indices, -1);
        if (axis == 0)
        {
            return c.Op.ScatterND(c.ZerosLike(x), tuples, c.Grad, "add");
        }

        var front = Enumerable.Range(axis, indices.Rank).Concat(Enumerable.Range(0, axis)).Concat(Enumerable.Range(axis + indices.Rank, x.Rank - axis - 1));
        var updates = c.Op.Transpose(c.Grad, [.. front.Select(i => (long)i)]);
        var order = new[] { axis }.Concat(Enumerable.Range(0, axis)).Concat(Enumerable.Range(axis + 1, x.Rank - axis - 1)).Select(i => (long)i).ToArray();
        var zeros = c.Op.Filled(c.Op.Gather(c.ShapeOf(x), c.Op.Int64s(order)), 0, x.Type);
        var back = Enumerable.Range(0, x.Rank).Select(i => (long)Array.IndexOf(order, i)).ToArray();
        return c.Op.Transpose(c.Op.ScatterND(zeros, tuples, updates, "add"), back);
    }
}
