using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Losses;

/// <summary>A training objective: builds a scalar from a prediction and a target as ONNX nodes, which the gradient compiler
/// differentiates.</summary>
public abstract record Loss
{
    /// <summary>A loss of this room; other assemblies use the factory methods.</summary>
    private protected Loss()
    {
    }

    /// <summary>Cross-entropy of class numbers against logits: the mean of −log softmax(z)[y] over valid pixels, weighted by class.</summary>
    /// <param name="ignoreIndex">Target value that takes no part; null when there is none. May lie outside the class numbers.</param>
    /// <param name="classWeights">One weight a class, null for equal weights. The denominator is the sum of the weights of the valid
    /// targets (as PyTorch).</param>
    public static Loss CrossEntropy(long? ignoreIndex = null, IReadOnlyList<double>? classWeights = null) =>
        new CrossEntropyLoss { IgnoreIndex = ignoreIndex, ClassWeights = classWeights };

    /// <summary>Element type of the target input: Int64 for class numbers, Float for measured values.</summary>
    public abstract ElementType TargetType { get; }

    /// <summary>Shape of the target input for a prediction of the given shape, for example [batch, H, W] for [batch, classes, H, W].</summary>
    public abstract TensorShape TargetShape(TensorShape prediction);

    /// <summary>Appends the loss, a float without axes.</summary>
    internal abstract Value Build(GraphBuilder op, Value prediction, Value target);
}
