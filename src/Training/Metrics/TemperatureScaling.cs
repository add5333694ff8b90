namespace EoOnnx.Training.Metrics;

/// <summary>The temperature of a classifier and what it does to its confidences.</summary>
/// <param name="Temperature">What logits are divided by before the softmax; above 0. The class with the largest logit stays the same.</param>
/// <param name="Labels">Held-out labels that it was fitted on.</param>
/// <param name="Before">Reliability of the confidences as they were trained.</param>
/// <param name="After">Reliability with the temperature.</param>
public sealed record TemperatureScaling(double Temperature, int Labels, Reliability Before, Reliability After)
{
    private const double Coldest = 0.05, Hottest = 20;

    /// <summary>Fits the temperature (Guo et al. 2017): the minimum of the mean of −log p, which is convex in 1/T, by golden sections. Deterministic.</summary>
    /// <param name="logits">[label, class].</param>
    /// <param name="truths">True class of each label.</param>
    /// <returns>The fit; null when there are no labels.</returns>
    public static TemperatureScaling? Fit(ReadOnlySpan<float> logits, ReadOnlySpan<int> truths)
    {
        if (truths.IsEmpty)
        {
            return null;
        }

        var classes = logits.Length / truths.Length;
        var ratio = (Math.Sqrt(5) - 1) / 2;
        var (low, high) = (1 / Hottest, 1 / Coldest);
        var (a, b) = (high - (ratio * (high - low)), low + (ratio * (high - low)));
        var (lossA, lossB) = (Loss(logits, truths, classes, a), Loss(logits, truths, classes, b));
        while (high - low > 1e-4 * low)
        {
            if (lossA <= lossB)
            {
                (high, b, lossB) = (b, a, lossA);
                a = high - (ratio * (high - low));
                lossA = Loss(logits, truths, classes, a);
            }
            else
            {
                (low, a, lossA) = (a, b, lossB);
                b = low + (ratio * (high - low));
                lossB = Loss(logits, truths, classes, b);
            }
        }

        var temperature = 2 / (low + high);
        return new TemperatureScaling(temperature, truths.Length, ReliabilityAt(logits, truths, classes, 1), ReliabilityAt(logits, truths, classes, temperature));
    }

    private static Reliability ReliabilityAt(ReadOnlySpan<float> logits, ReadOnlySpan<int> truths, int classes, double temperature)
    {
        var counter = new ReliabilityCounter();
        for (var i = 0; i < truths.Length; i++)
        {
            counter.Add(logits.Slice(i * classes, classes), truths[i], temperature);
        }

        return counter.Result();
    }

    private static double Loss(ReadOnlySpan<float> logits, ReadOnlySpan<int> truths, int classes, double inverse)
    {
        var loss = 0.0;
        for (var i = 0; i < truths.Length; i++)
        {
            var row = logits.Slice(i * classes, classes);
            var (largest, sum) = (float.NegativeInfinity, 0.0);
            foreach (var logit in row)
            {
                largest = Math.Max(largest, logit);
            }

            foreach (var logit in row)
            {
                sum += Math.Exp((logit - largest) * inverse);
            }

            loss += Math.Log(sum) + ((largest - row[truths[i]]) * inverse);
        }

        return loss;
    }
}
