using CsCheck;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Tests.Metrics;

public class ConfusionMatrixTests
{
    [Fact]
    public void A_class_that_is_only_predicted_counts_as_zero_and_an_absent_one_does_not_count()
    {
        var matrix = new ConfusionMatrix(4);
        matrix.Add([0, 0, 2], [0, 0, 0]);
        var metrics = matrix.Metrics();
        Assert.Equal((2.0 / 3 + 0) / 2, metrics.MeanIoU, 12);
        Assert.Equal((2.0 / 3 + 0) / 2, metrics.Recall, 12);
    }

    [Fact]
    public void An_ignored_class_among_the_classes_is_left_out_of_mean_and_micro_IoU()
    {
        var matrix = new ConfusionMatrix(3, ignoreIndex: 0);
        matrix.Add([0, 1, 2, 2], [1, 1, 2, 0]);
        var metrics = matrix.Metrics();
        Assert.Equal(3, matrix.Total);
        Assert.Equal((0.5 + 1) / 2, metrics.MeanIoU, 12);
        Assert.Equal(2.0 / 3, metrics.MicroIoU, 12);
    }

    [Fact]
    public void A_label_that_is_no_class_is_refused_by_value()
    {
        var failure = Assert.Throws<TrainingDataException>(() => new ConfusionMatrix(3, 255).Add([0], [7]));
        Assert.Contains("label 7", failure.Message, StringComparison.Ordinal);
        Assert.Contains("0 to 2", failure.Message, StringComparison.Ordinal);
        Assert.Contains("255", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_matrix_has_zero_metrics() =>
        Assert.All(new ConfusionMatrix(3).Metrics().Named().Values, value => Assert.Equal(0, value));

    [Fact]
    public void Merging_parts_equals_counting_all() =>
        Gen.Select(Gen.Int[0, 3].Array[50], Gen.Int[-1, 3].Array[50]).Sample((predicted, target) =>
        {
            var (whole, left, right) = (new ConfusionMatrix(4, -1), new ConfusionMatrix(4, -1), new ConfusionMatrix(4, -1));
            whole.Add(predicted, target);
            left.Add(predicted.AsSpan(0, 20), target.AsSpan(0, 20));
            right.Add(predicted.AsSpan(20), target.AsSpan(20));
            left.Merge(right);
            Assert.Equal(whole.ToRows(), left.ToRows());
            Assert.Equal(whole.ToRows(), ConfusionMatrix.FromRows(whole.ToRows(), -1).ToRows());
        }, iter: 200);
}
