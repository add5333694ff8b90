using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>Class numbers [batch, …] prepared for comparison with logits [batch, class, …].</summary>
/// <param name="Classes">Number of classes.</param>
/// <param name="Numbers">[batch, …], class numbers with 0 where the target is ignored, so that they can index.</param>
/// <param name="Valid">[batch, 1, …], 1 where the target counts, else 0.</param>
/// <param name="OneHot">[batch, class, …], 1 at the target's class; ignored targets sit at class 0, mask them with Valid.</param>
internal sealed record ClassTargets(long Classes, Value Numbers, Value Valid, Value OneHot)
{
    public static TensorShape Shape(TensorShape prediction) => prediction.Rank >= 2
        ? new TensorShape(prediction.Where((_, axis) => axis != 1))
        : throw new TrainingException($"Class numbers were given for a prediction of shape {prediction}; [batch, class, …] is expected.");

    public static ClassTargets Of(GraphBuilder op, Value prediction, Value target, long? ignoreIndex)
    {
        var classes = prediction.KnownShape[1].Value
            ?? throw new TrainingException($"The prediction {prediction} has no fixed number of classes on axis 1.");
        var zero = op.Scalar(0, ElementType.Int64);
        var valid = ignoreIndex is { } ignored
            ? op.Not(op.Equal(target, op.Scalar(ignored, ElementType.Int64)))
            : op.GreaterOrEqual(target, op.Scalar(long.MinValue, ElementType.Int64));
        var numbers = ignoreIndex is null ? target : op.Where(valid, target, zero);

        // ONNX Runtime runs OneHot on one thread, comparisons on all.
        var all = op.Reshape(op.Int64s([.. Enumerable.Range(0, checked((int)classes)).Select(number => (long)number)]), [1, -1, .. Enumerable.Repeat(1L, target.Rank - 1)]);
        var oneHot = op.Cast(op.Equal(op.Unsqueeze(numbers, 1), all), prediction.Type);
        return new ClassTargets(classes, numbers, op.Unsqueeze(op.Cast(valid, prediction.Type), 1), oneHot);
    }

    public static TensorData Vector(IReadOnlyList<double> values, ElementType type) => type == ElementType.Double
        ? TensorData.FromValues<double>([values.Count], values.ToArray())
        : TensorData.FromValues<float>([values.Count], values.Select(value => (float)value).ToArray());
}
