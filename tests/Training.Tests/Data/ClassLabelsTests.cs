using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public class ClassLabelsTests
{
    private static int[] Convert(ClassLabels rules, params float[] stored)
    {
        var classes = new int[stored.Length];
        rules.Convert(stored, classes, "chip");
        return classes;
    }

    [Fact]
    public void Missing_and_ignored_values_become_the_ignore_index() =>
        Assert.Equal([0, 1, 255, 255, 255], Convert(new ClassLabels { Classes = 2 }, 0, 1, -1, 255, float.NaN));

    [Fact]
    public void A_map_wins_over_the_ignored_values() =>
        Assert.Equal([0, 1, -1], Convert(new ClassLabels { Classes = 2, IgnoreIndex = -1, Map = new Dictionary<int, int> { [10] = 0, [255] = 1, [7] = -1 } }, 10, 255, 7));

    [Fact]
    public void Reduced_labels_lose_their_zero() =>
        Assert.Equal([255, 0, 1, 255], Convert(new ClassLabels { Classes = 2, ReduceZeroLabel = true }, 0, 1, 2, 255));

    [Theory, InlineData(2), InlineData(0.5f), InlineData(-7)]
    public void Other_values_are_refused(float value) => Assert.Contains(
        FormattableString.Invariant($"the value {value}"), Assert.Throws<TrainingDataException>(() => Convert(new ClassLabels { Classes = 2 }, value)).Message, StringComparison.Ordinal);
}
