namespace EoOnnx.Runtime.Tests.Scenes;

public class ScoreActivationTests
{
    [Theory, InlineData(0.5f), InlineData(1f), InlineData(4f)]
    public void Scores_are_divided_by_the_temperature_and_the_largest_stays_the_largest(float temperature)
    {
        const int classes = 3, pixels = 5;
        float[] scores = [.. Enumerable.Range(0, classes * pixels).Select(i => 3 * MathF.Sin(i))];
        float[] actual = [.. scores];
        new ScoreActivation(ScoreActivation.Kind.Softmax, classes, pixels, temperature).Apply(actual);
        for (var pixel = 0; pixel < pixels; pixel++)
        {
            double Of(float[] values, int c) => values[(c * pixels) + pixel];
            var sum = Enumerable.Range(0, classes).Sum(c => Math.Exp(Of(scores, c) / temperature));
            Assert.All(Enumerable.Range(0, classes), c => Assert.Equal(Math.Exp(Of(scores, c) / temperature) / sum, Of(actual, c), 1e-6));
            Assert.Equal(Enumerable.Range(0, classes).MaxBy(c => Of(scores, c)), Enumerable.Range(0, classes).MaxBy(c => Of(actual, c)));
        }
    }
}
