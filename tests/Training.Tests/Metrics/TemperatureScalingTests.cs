using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Tests.Metrics;

public class TemperatureScalingTests
{
    [Theory, InlineData(0.5), InlineData(1), InlineData(3)]
    public void The_temperature_of_labels_drawn_from_tempered_probabilities_is_found_again(double temperature)
    {
        var (logits, truths) = Drawn(temperature);
        var fit = TemperatureScaling.Fit(logits, truths)!;
        Assert.Equal(temperature, fit.Temperature, temperature * 0.05);
        Assert.True(fit.After.LogLoss <= fit.Before.LogLoss);
        Assert.InRange(fit.After.ExpectedError, 0, 0.02);
        Assert.Equal(fit.Before.Bins.Sum(bin => bin.Accuracy * bin.Count), fit.After.Bins.Sum(bin => bin.Accuracy * bin.Count), 1e-6);   // the same classes win
        Assert.Equal(fit.Temperature, TemperatureScaling.Fit(logits, truths)!.Temperature);
        if (temperature != 1)
        {
            Assert.True(fit.After.ExpectedError < fit.Before.ExpectedError);
        }
    }

    [Fact]
    public void The_expected_error_is_the_gap_between_confidence_and_accuracy_weighted_by_counts()
    {
        var counter = new ReliabilityCounter();
        float Logit(double p) => (float)Math.Log(p / (1 - p));
        foreach (var (p, truth) in new[] { (0.9, 0), (0.9, 0), (0.9, 0), (0.9, 1), (0.6, 0), (0.6, 1) })
        {
            counter.Add([Logit(p), 0], truth, 1);
        }

        var result = counter.Result();
        Assert.Equal(((4 * Math.Abs(0.75 - 0.9)) + (2 * Math.Abs(0.5 - 0.6))) / 6, result.ExpectedError, 1e-6);
        Assert.Equal(-((3 * Math.Log(0.9)) + Math.Log(0.1) + Math.Log(0.6) + Math.Log(0.4)) / 6, result.LogLoss, 1e-6);
        Assert.Equal(6, result.Bins.Sum(bin => bin.Count));
    }

    [Fact]
    public void Without_labels_there_is_no_temperature() => Assert.Null(TemperatureScaling.Fit([], []));

    /// <summary>Labels drawn from softmax(logits / temperature).</summary>
    private static (float[] Logits, int[] Truths) Drawn(double temperature)
    {
        const int labels = 20_000, classes = 3;
        var random = new Random(5);
        var (logits, truths) = (new float[labels * classes], new int[labels]);
        for (var i = 0; i < labels; i++)
        {
            var weights = new double[classes];
            for (var c = 0; c < classes; c++)
            {
                logits[(i * classes) + c] = (float)((random.NextDouble() - 0.5) * 8);
                weights[c] = Math.Exp(logits[(i * classes) + c] / temperature);
            }

            var draw = random.NextDouble() * weights.Sum();
            while (draw > weights[truths[i]] && truths[i] < classes - 1)
            {
                draw -= weights[truths[i]++];
            }
        }

        return (logits, truths);
    }
}
