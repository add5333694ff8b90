using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Data;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Trainer;

public class ValidationReviewTests
{
    private const int Tile = 4, Chips = 20, Shown = 3;

    [Fact]
    public async Task Inputs_of_the_best_and_worst_samples_are_read_once_at_the_end_however_often_the_order_changed()
    {
        var source = new CountingSource();
        var samples = new ChipSamples(source, Enumerable.Range(0, Chips), new SampleOptions { Tile = Tile, Scaling = [new ChannelScaling(0, 1)], Values = new ValueLabels() });
        var review = new ValidationReview(samples, ModelTask.Regression);
        await foreach (var batch in new BatchLoader(samples, new BatchLoaderOptions { BatchSize = 2 }, training: false).ReadAsync(0, 0, TestContext.Current.CancellationToken))
        {
            using (batch)
            {
                // Each sample is better than all before it: the prediction is 0, the truth falls towards it.
                review.Add(batch, new float[batch.Count * Tile * Tile]);
            }
        }

        var before = source.Images;
        Assert.Equal(Chips, before);
        Assert.Empty(review.Best);
        review.Finish();
        Assert.Equal(before + (2 * Shown), source.Images);
        Assert.Equal(["chip 19", "chip 18", "chip 17"], review.Best.Select(sample => sample.Name));
        Assert.Equal(["chip 0", "chip 1", "chip 2"], review.Worst.Select(sample => sample.Name));
        Assert.All(review.Best.Concat(review.Worst), sample => Assert.All(sample.Image, value => Assert.Equal(float.Parse(sample.Name[5..], System.Globalization.CultureInfo.InvariantCulture), value)));
    }

    /// <summary>Chips whose image holds their number and whose values fall with it.</summary>
    private sealed class CountingSource : ChipSource
    {
        private int _images;

        public int Images => _images;

        public override IReadOnlyList<ChipInfo> Chips { get; } = [.. Enumerable.Range(0, ValidationReviewTests.Chips).Select(chip => new ChipInfo($"chip {chip}", new PixelSize(Tile, Tile)))];

        public override int Bands => 1;

        public override void Read(int chip, PixelWindow window, Span<float> image, Span<float> labels)
        {
            Interlocked.Increment(ref _images);
            image.Fill(chip);
            ReadLabels(chip, window, labels);
        }

        public override void ReadLabels(int chip, PixelWindow window, Span<float> labels) => labels.Fill(100 - chip);
    }
}
