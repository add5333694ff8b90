using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Losses;

/// <summary>The logarithm of the softmax over axis 1 of [batch, class, …].</summary>
internal static class LogProbabilities
{
    /// <summary>log softmax(z) = z − m − log Σ exp(z − m), m = max z. Written out where more axes follow: for a softmax over an inner axis ONNX Runtime moves all logits
    /// there and back.</summary>
    public static Value Of(GraphBuilder op, Value logits)
    {
        if (logits.Rank == 2)
        {
            return op.LogSoftmax(logits, 1);
        }

        var shifted = op.Sub(logits, StopGradient.Of(op, op.ReduceMax(logits, keepDims: true, 1)));
        return op.Sub(shifted, op.Log(op.ReduceSum(op.Exp(shifted), keepDims: true, 1)));
    }
}
