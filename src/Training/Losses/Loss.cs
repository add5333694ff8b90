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

    /// <summary>Dice loss of class numbers, as segmentation_models_pytorch: mean over all classes, absent ones count as 0.</summary>
    /// <param name="ignoreIndex">Target value that takes no part; null when there is none.</param>
    public static Loss Dice(long? ignoreIndex = null) => new OverlapLoss { Weight = 0.5, IgnoreIndex = ignoreIndex };

    /// <summary>Jaccard (IoU) loss of class numbers, as segmentation_models_pytorch.</summary>
    /// <param name="ignoreIndex">Target value that takes no part (TerraTorch has no such parameter here); null when there is none.</param>
    public static Loss Jaccard(long? ignoreIndex = null) => new OverlapLoss { Weight = 1, IgnoreIndex = ignoreIndex };

    /// <summary>Focal loss of class numbers with γ = 2, each class against the rest, normalised as segmentation_models_pytorch does.</summary>
    /// <param name="ignoreIndex">Target value that takes no part; null when there is none.</param>
    public static Loss Focal(long? ignoreIndex = null) => new FocalLoss { IgnoreIndex = ignoreIndex };

    /// <summary>Lovász-softmax loss of class numbers over the classes that occur.</summary>
    /// <param name="ignoreIndex">Target value that takes no part; null when there is none.</param>
    public static Loss Lovasz(long? ignoreIndex = null) => new LovaszLoss { IgnoreIndex = ignoreIndex };

    /// <summary>Binary cross-entropy of targets 0 and 1 against logits of the same shape.</summary>
    /// <param name="balanced">Give the zeros together as much weight as the ones together.</param>
    public static Loss BinaryCrossEntropy(bool balanced = false) => new BinaryCrossEntropyLoss { Balanced = balanced };

    /// <summary>Mean squared error. NaN targets take no part.</summary>
    /// <param name="ignored">Another target value that takes no part.</param>
    public static Loss MeanSquaredError(double? ignored = null) => new RegressionLoss { Measure = RegressionMeasure.Squared, Ignored = ignored };

    /// <summary>Mean absolute error. NaN targets take no part.</summary>
    /// <param name="ignored">Another target value that takes no part.</param>
    public static Loss MeanAbsoluteError(double? ignored = null) => new RegressionLoss { Measure = RegressionMeasure.Absolute, Ignored = ignored };

    /// <summary>Huber loss with δ = 1. NaN targets take no part.</summary>
    /// <param name="ignored">Another target value that takes no part.</param>
    public static Loss Huber(double? ignored = null) => new RegressionLoss { Measure = RegressionMeasure.Huber, Ignored = ignored };

    /// <summary>√ of the mean squared error. NaN targets take no part.</summary>
    /// <param name="ignored">Another target value that takes no part.</param>
    /// <param name="asTerraTorch">Take the root twice, as TerraTorch 1.2.11 does under the name <c>rmse</c>; for comparisons only.</param>
    public static Loss RootMeanSquaredError(double? ignored = null, bool asTerraTorch = false) =>
        new RegressionLoss { Measure = asTerraTorch ? RegressionMeasure.FourthRootMeanSquare : RegressionMeasure.RootMeanSquare, Ignored = ignored };

    /// <summary>A loss of standardised values: prediction and target stay in their unit, the loss sees both less the mean over the deviation.</summary>
    /// <param name="loss">A loss of measured values; NaN targets take no part.</param>
    /// <param name="scaling">Mean and deviation of the targets.</param>
    public static Loss Standardized(Loss loss, TargetScaling scaling) => new StandardizedLoss { Inner = loss, Scaling = scaling };

    /// <summary>A weighted sum of losses; the weights are not normalised.</summary>
    /// <exception cref="ArgumentException">There is no loss, or they need targets of different types.</exception>
    public static Loss Combine(params IReadOnlyList<(double Weight, Loss Loss)> parts) =>
        parts.Count > 0 && parts.All(part => part.Loss.TargetType == parts[0].Loss.TargetType) ? new CombinedLoss { Parts = parts }
            : throw new ArgumentException("Losses can be combined when there is at least one and all take class numbers, or all measured values.", nameof(parts));

    /// <summary>Element type of the target input: Int64 for class numbers, Float for measured values.</summary>
    public abstract ElementType TargetType { get; }

    /// <summary>Shape of the target input for a prediction of the given shape, for example [batch, H, W] for [batch, classes, H, W].</summary>
    public abstract TensorShape TargetShape(TensorShape prediction);

    /// <summary>What the loss divides by when it is a weighted mean over the targets of a batch; null when it is anything else.</summary>
    internal virtual TargetWeights? MeanOver => null;

    /// <summary>Appends the loss, a float without axes.</summary>
    internal abstract Value Build(GraphBuilder op, Value prediction, Value target);
}
