using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Normalisations over axes. With the centred input c = σ·x̂ and h = g ⊙ scale: dx = (h − mean(h) − c·mean(h ⊙ c)/σ²) / σ.</summary>
internal static class NormalizationRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["LayerNormalization"] =
        [
            c => Input(c, c.Op.Mul(c.Grad, c.Input(1)), LayerStatistics(c), LayerAxes(c)),
            c => c.Op.Mul(c.Grad, Normalized(c, LayerStatistics(c))),
            c => c.Grad,
        ],
        ["GroupNormalization"] = [Grouped, GroupedScale, c => OfGroups(c, PerChannel(c, c.Grad))],
        ["InstanceNormalization"] =
        [
            c => Input(c, c.Op.Mul(c.Grad, Channels(c, c.Input(1))), Statistics(c, c.Input(0), SpatialAxes(c)), SpatialAxes(c)),
            c => PerChannel(c, c.Op.Mul(c.Grad, Normalized(c, Statistics(c, c.Input(0), SpatialAxes(c))))),
            c => PerChannel(c, c.Grad),
        ],

        // Frozen statistics: an affine map of each channel.
        ["BatchNormalization"] =
        [
            c => c.Op.Mul(c.Grad, Channels(c, c.Op.Mul(c.Input(1), InverseDeviation(c, c.Input(4))))),
            c => c.Op.Mul(PerChannel(c, c.Op.Mul(c.Grad, c.Op.Sub(c.Input(0), Channels(c, c.Input(3))))), InverseDeviation(c, c.Input(4))),
            c => PerChannel(c, c.Grad),
            null,
            null,
        ],
        ["LpNormalization"] = [LpNormalization],
    };

    private static long[] LayerAxes(VjpContext c)
    {
        var x = c.Input(0);
        return [.. Enumerable.Range(c.Axis(x), x.Rank - c.Axis(x)).Select(axis => (long)axis)];
    }

    private static long[] SpatialAxes(VjpContext c) => [.. Enumerable.Range(2, c.Input(0).Rank - 2).Select(axis => (long)axis)];

    /// <summary>Mean and inverse deviation, as the forward node makes them; anew in double, where they would be cut to float.</summary>
    private static (Value Mean, Value Inverse) LayerStatistics(VjpContext c) => c.Input(0).Type == ElementType.Float
        ? (c.Op.OptionalOutput(c.Node, 1), c.Op.OptionalOutput(c.Node, 2))
        : Statistics(c, c.Input(0), LayerAxes(c));

    private static (Value Mean, Value Inverse) Statistics(VjpContext c, Value x, long[] axes)
    {
        var mean = c.Op.ReduceMean(x, keepDims: true, axes);
        var centred = c.Op.Sub(x, mean);
        return (mean, InverseDeviation(c, c.Op.ReduceMean(c.Op.Mul(centred, centred), keepDims: true, axes)));
    }

    private static Value InverseDeviation(VjpContext c, Value variance) =>
        c.Op.Reciprocal(c.Op.Sqrt(c.Op.Add(variance, c.Attribute("epsilon", 1e-5f))));

    private static Value Normalized(VjpContext c, (Value Mean, Value Inverse) statistics) =>
        c.Op.Mul(c.Op.Sub(c.Input(0), statistics.Mean), statistics.Inverse);

    private static Value Input(VjpContext c, Value scaled, (Value Mean, Value Inverse) statistics, long[] axes) =>
        Input(c.Op, scaled, c.Op.Sub(c.Input(0), statistics.Mean), statistics.Inverse, axes);

    private static Value Input(GraphBuilder op, Value scaled, Value centred, Value inverse, long[] axes)
    {
        var mean = op.ReduceMean(scaled, keepDims: true, axes);
        var projection = op.ReduceMean(op.Mul(scaled, centred), keepDims: true, axes);
        return op.Mul(op.Sub(op.Sub(scaled, mean), op.Mul(centred, op.Mul(projection, op.Mul(inverse, inverse)))), inverse);
    }

    /// <summary>A vector over channels, shaped to broadcast over [batch, channel, …].</summary>
    private static Value Channels(VjpContext c, Value vector) =>
        c.Op.Reshape(vector, [-1, .. Enumerable.Repeat(1L, c.Input(0).Rank - 2)]);

    private static Value PerChannel(VjpContext c, Value x) => c.Op.ReduceSum(x, keepDims: false, [0, .. SpatialAxes(c)]);

    private static Value Grouped(VjpContext c)
    {
        var (groups, centred, inverse) = Groups(c);
        var scale = c.Input(1);
        if (PerGroup(c))
        {
            scale = c.Op.Reshape(c.Op.Expand(c.Op.Unsqueeze(scale, 1), c.Op.Int64s(groups, ChannelsOf(c) / groups)), -1);
        }

        var scaled = c.Op.Reshape(c.Op.Mul(c.Grad, Channels(c, scale)), 0, groups, -1);
        return c.Reshape(Input(c.Op, scaled, centred, inverse, [2]), c.Input(0));
    }

    private static Value GroupedScale(VjpContext c)
    {
        var (_, centred, inverse) = Groups(c);
        return OfGroups(c, PerChannel(c, c.Op.Mul(c.Grad, c.Reshape(c.Op.Mul(centred, inverse), c.Input(0)))));
    }

    /// <summary>A vector over channels, summed over each group when scale and bias are one a group.</summary>
    private static Value OfGroups(VjpContext c, Value channels) => PerGroup(c)
        ? c.Op.ReduceSum(c.Op.Reshape(channels, c.Attribute("num_groups", 1), -1), keepDims: false, 1)
        : channels;

    private static (long Groups, Value Centred, Value Inverse) Groups(VjpContext c)
    {
        var groups = c.Attribute("num_groups", 1);
        var x = c.Op.Reshape(c.Input(0), 0, groups, -1);
        var (mean, inverse) = Statistics(c, x, [2]);
        return (groups, c.Op.Sub(x, mean), inverse);
    }

    /// <summary>Operator sets 18 to 20 scale groups, set 21 scales channels; the length of the scale tells.</summary>
    private static bool PerGroup(VjpContext c) => c.Input(1).KnownShape[0].Value != ChannelsOf(c);

    private static long ChannelsOf(VjpContext c) => c.Input(0).KnownShape[1].Value ?? throw c.Unsupported($"its input {c.Input(0)} has no fixed number of channels");

    /// <summary>y = x/‖x‖₂: dx = (g − y·Σ(g⊙y))/‖x‖; y = x/‖x‖₁: dx = (g − sign(x)·Σ(g⊙y))/‖x‖.</summary>
    private static Value LpNormalization(VjpContext c)
    {
        var (op, x) = (c.Op, c.Target);
        var axis = c.Attribute("axis", -1);
        var projection = op.ReduceSum(op.Mul(c.Grad, c.Output), keepDims: true, axis);
        var second = c.Attribute("p", 2) == 2;
        var norm = op.Node(second ? "ReduceL2" : "ReduceL1", [x, op.Int64s(axis)], ("keepdims", 1L));
        return op.Div(op.Sub(c.Grad, op.Mul(second ? c.Output : op.Sign(x), projection)), norm);
    }
}
