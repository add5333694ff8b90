using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public class StatisticsTests
{
    [Fact]
    public void Band_statistics_equal_the_two_pass_formula_over_all_windows()
    {
        var random = new Random(4);
        var chips = new[] { (700, 530), (3, 1000) }.Select((size, i) => new ArrayChip($"{i}", new PixelSize(size.Item1, size.Item2),
            [.. Enumerable.Range(0, size.Item1 * size.Item2).Select(_ => random.Next(10) == 0 ? float.NaN : 1e4f + random.NextSingle())], new float[size.Item1 * size.Item2])).ToArray();
        var values = chips.SelectMany(chip => chip.Image).Where(float.IsFinite).Select(value => (double)value).ToList();
        var statistics = Assert.Single(BandStatistics.Of(new ArrayChipSource(chips)));
        Assert.Equal(values.Count, statistics.Count);
        Assert.Equal(chips.Sum(chip => chip.Image.Length) - values.Count, statistics.Missing);
        var mean = values.Average();
        Assert.Equal(mean, statistics.Mean, 9);
        Assert.Equal(Math.Sqrt(values.Average(value => Math.Pow(value - mean, 2))), statistics.StandardDeviation, 9);
        Assert.Equal((values.Min(), values.Max()), (statistics.Minimum, statistics.Maximum));
    }

    [Fact]
    public void Balanced_weights_give_every_present_class_the_same_total()
    {
        var weights = ClassWeights.Balanced([90, 0, 10]);
        Assert.Equal([100f / 180, 0, 5], weights);
        Assert.Equal(100, ClassWeights.SquareRoot([90, 0, 10]).Zip([90, 0, 10], (w, n) => w * n).Sum(), 3);
    }

    [Fact]
    public void Class_counts_leave_out_ignored_labels_and_count_every_pixel_once()
    {
        var data = new TrainingData(Chips.Numbered(3, 1, 9, 7), Chips.Numbered(1, 1, 9, 7), Chips.Options(4, 1), new BatchLoaderOptions());
        Assert.Equal([63, 63, 63], data.CountClasses());
    }
}
