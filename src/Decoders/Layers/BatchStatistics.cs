using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>Mean and variance of each channel over batch, rows and columns, as nodes that a gradient flows through.</summary>
/// <param name="Op">Builder of the graph.</param>
/// <param name="Mean">[1, channels, 1, 1].</param>
/// <param name="Centered">The map minus its mean.</param>
/// <param name="Variance">[1, channels, 1, 1]: the mean square of the centred map.</param>
/// <param name="Count">Values a channel; no axes.</param>
internal sealed record BatchStatistics(GraphBuilder Op, Value Mean, Value Centered, Value Variance, Value Count)
{
    public static BatchStatistics Of(GraphBuilder op, Value x)
    {
        var mean = op.ReduceMean(x, keepDims: true, 0, 2, 3);
        var centered = op.Sub(x, mean);
        var variance = op.ReduceMean(op.Mul(centered, centered), keepDims: true, 0, 2, 3);
        var count = op.Cast(op.ReduceProd(op.Gather(op.Shape(x), op.Int64s(0, 2, 3)), keepDims: false), ElementType.Float);
        return new BatchStatistics(op, mean, centered, variance, count);
    }

    /// <summary>The variance times n / (n − 1), which the running variance takes. A single value has none: there it is the variance, 0.</summary>
    public Value UnbiasedVariance => Op.Mul(Variance, Op.Div(Count, Op.Max(Op.Add(Count, -1), Op.Scalar(1))));

    /// <summary>(1 − momentum) · running + momentum · of the batch.</summary>
    public Value Running(Value running, Value ofBatch, double momentum) =>
        Op.Add(Op.Mul(running, 1 - momentum), Op.Mul(Op.Reshape(ofBatch, -1), momentum));
}
