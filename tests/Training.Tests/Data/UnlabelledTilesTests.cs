using EoOnnx.Raster;
using EoOnnx.Training.Data;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Data;

public class UnlabelledTilesTests
{
    private const int Tile = Runs.Tile;

    [Fact]
    public void Tiles_in_which_nothing_is_labelled_are_left_out()
    {
        var all = Data(Augmentation.None);
        var kept = all.WithoutUnlabelledTiles();
        Assert.Equal((8, 8), (all.Training.Samples, all.Validation.Samples));
        Assert.Equal((4, 4, 8), (kept.Training.Samples, kept.Validation.Samples, kept.Skipped));
        Assert.Equal(all.CountClasses(), kept.CountClasses());
    }

    [Fact]
    public void Where_crops_are_random_only_chips_without_any_label_are_left_out()
    {
        var kept = Data(Augmentation.Standard).WithoutUnlabelledTiles();
        Assert.Equal((8, 4), (kept.Training.Samples, kept.Validation.Samples));
    }

    [Fact]
    public void Data_in_which_every_tile_is_labelled_stays_as_it_is()
    {
        var data = Runs.Data();
        Assert.Same(data, data.WithoutUnlabelledTiles());
        Assert.Equal(0, data.Skipped);
    }

    [Fact]
    public async Task A_run_without_them_counts_every_labelled_pixel_and_half_the_steps()
    {
        var data = Data(Augmentation.None);
        var report = (await Runs.Trainer().FitAsync(data.WithoutUnlabelledTiles(), new FitOptions { Epochs = 1 })).Report;
        Assert.Equal((8, 4L), (report.SkippedTiles, report.Steps));
        Assert.Equal(4 * Tile * Tile, report.Best!.Confusion!.Sum(row => row.Sum()));
        Assert.True(double.IsFinite(report.Best.Loss));
    }

    [Fact]
    public void Before_the_first_step_each_label_is_read_once_and_no_image()
    {
        var (training, validation) = (new CountingSource(), new CountingSource());
        var data = new TrainingData(
            training, validation,
            new SampleOptions { Tile = Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), 3)], Classes = new ClassLabels { Classes = 2 } }, new BatchLoaderOptions { BatchSize = 1 });
        var survey = data.Survey(seen: false, TestContext.Current.CancellationToken);
        Assert.Equal([4L * Tile * Tile, 0], survey.Training.Counts);
        Assert.All(new[] { training, validation }, source => Assert.Equal((0, 4), (source.Images, source.Labels)));
    }

    [Fact]
    public void Pixels_that_the_image_lacks_do_not_count_for_the_weights_of_classes()
    {
        // Rows of class 1 and of class 0 in turns; the image lacks the upper half in one of its bands, and the second chip altogether.
        const int Rows = Tile / 2;
        var labels = Enumerable.Range(0, Tile * Tile).Select(i => i / Tile % 2 == 0 ? 1f : 0f).ToArray();
        float[] Image(int missing) => [.. Enumerable.Range(0, 3 * Tile * Tile).Select(i => i / (Tile * Tile) == 1 && i % (Tile * Tile) < missing * Tile ? float.NaN : 1f)];
        var source = new ArrayChipSource([new ArrayChip("half", new PixelSize(Tile, Tile), Image(Rows), labels), new ArrayChip("none", new PixelSize(Tile, Tile), Image(Tile), labels)]);
        var data = new TrainingData(
            source, source, new SampleOptions { Tile = Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), 3)], Classes = new ClassLabels { Classes = 2 } }, new BatchLoaderOptions { BatchSize = 1 });
        var cancellation = TestContext.Current.CancellationToken;
        Assert.Equal([Rows / 2 * (long)Tile, Rows / 2 * Tile], data.CountClasses(cancellation));
        Assert.Equal([(long)Tile * Tile, Tile * Tile], data.Survey(seen: false, cancellation).Training.Counts);
        var seen = data.Survey(seen: true, cancellation);
        Assert.Equal(data.CountClasses(cancellation), seen.Training.Counts);
        Assert.Equal(2, seen.Data.Skipped);
    }

    /// <summary>Four chips of one tile, all of class 0, that count how often they are read.</summary>
    private sealed class CountingSource : ChipSource
    {
        public int Images { get; private set; }

        public int Labels { get; private set; }

        public override IReadOnlyList<ChipInfo> Chips { get; } = [.. Enumerable.Range(0, 4).Select(chip => new ChipInfo($"chip {chip}", new PixelSize(Tile, Tile)))];

        public override int Bands => 3;

        public override void Read(int chip, PixelWindow window, Span<float> image, Span<float> labels)
        {
            Images++;
            image.Clear();
            ReadLabels(chip, window, labels);
        }

        public override void ReadLabels(int chip, PixelWindow window, Span<float> labels)
        {
            Labels++;
            labels.Clear();
        }
    }

    /// <summary>Chips of two tiles, one above the other; only the upper one is labelled.</summary>
    private static TrainingData Data(Augmentation augmentation) => new(
        Source(), Source(),
        new SampleOptions { Tile = Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), 3)], Classes = new ClassLabels { Classes = 2 }, Augmentation = augmentation },
        new BatchLoaderOptions { BatchSize = 1, Seed = 1 });

    private static ArrayChipSource Source() => new([.. Enumerable.Range(0, 4).Select(chip => new ArrayChip(
        $"chip {chip}", new PixelSize(Tile, 2 * Tile),
        [.. Enumerable.Range(0, 3 * 2 * Tile * Tile).Select(i => MathF.Sin(i + chip))],
        [.. Enumerable.Range(0, 2 * Tile * Tile).Select(i => i < Tile * Tile ? i % 2 : float.NaN)]))]);
}
