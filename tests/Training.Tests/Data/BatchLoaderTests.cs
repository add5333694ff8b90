using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public class BatchLoaderTests
{
    private static TrainingData Data(int workers, int chips = 13, Augmentation? augmentation = null, long seed = 5, int batch = 4, bool dropLast = false) => new(
        Chips.Numbered(chips, 2, 9, 7), Chips.Numbered(2, 2, 9, 7), Chips.Options(6, 2, augmentation ?? Augmentation.Standard with { Noise = 0.1f, ScaleJitter = 0.2f, BandDrop = 0.2f }),
        new BatchLoaderOptions { BatchSize = batch, Workers = workers, Seed = seed, DropLast = dropLast });

    [Fact]
    public async Task Batches_do_not_depend_on_the_number_of_workers()
    {
        var one = await Chips.ReadAll(Data(1).Training, epoch: 3);
        var seven = await Chips.ReadAll(Data(7).Training, epoch: 3);
        Assert.Equal(one.Select(batch => batch.Images), seven.Select(batch => batch.Images));
        Assert.Equal(one.Select(batch => batch.Classes), seven.Select(batch => batch.Classes));
    }

    [Fact]
    public async Task Epochs_and_seeds_differ_and_each_epoch_holds_every_sample_once()
    {
        var data = Data(2, augmentation: Augmentation.None);
        var first = (await Chips.ReadAll(data.Training, 0)).SelectMany(batch => batch.Chips).ToList();
        var second = (await Chips.ReadAll(data.Training, 1)).SelectMany(batch => batch.Chips).ToList();
        var other = (await Chips.ReadAll(Data(2, augmentation: Augmentation.None, seed: 6).Training, 0)).SelectMany(batch => batch.Chips).ToList();
        Assert.NotEqual(first, second);
        Assert.NotEqual(first, other);
        Assert.Equal(Enumerable.Range(0, 13).SelectMany(chip => Enumerable.Repeat(chip, 4)), first.Order());
        Assert.Equal(first.Order(), second.Order());
    }

    [Fact]
    public async Task An_epoch_can_be_continued_in_the_middle()
    {
        var whole = await Chips.ReadAll(Data(2).Training, 2);
        var rest = await Chips.ReadAll(Data(3).Training, 2, firstBatch: 5);
        Assert.Equal(whole.Skip(5).Select(batch => batch.Images), rest.Select(batch => batch.Images));
    }

    [Theory, InlineData(false, 7), InlineData(true, 6)]
    public async Task The_last_batch_is_dropped_only_when_asked(bool dropLast, int batches)
    {
        var loader = Data(2, chips: 13, batch: 8, dropLast: dropLast).Training;
        Assert.Equal(batches, loader.Batches);
        Assert.Equal(batches, (await Chips.ReadAll(loader, 0)).Count);
    }

    [Fact]
    public async Task Augmentation_moves_image_and_labels_alike()
    {
        var data = Data(2, augmentation: Augmentation.Standard);
        foreach (var (_, images, classes) in await Chips.ReadAll(data.Training, 0))
        {
            for (var i = 0; i < classes.Length; i++)
            {
                var position = images[i / 36 * 72 + i % 36] % 1000;
                Assert.Equal((int)position % 3, classes[i]);
            }
        }
    }

    [Fact]
    public async Task Every_labelled_pixel_of_a_validation_chip_counts_once()
    {
        var counts = new int[2 * 63];
        foreach (var (chips, images, classes) in await Chips.ReadAll(Data(2).Validation, 0))
        {
            for (var i = 0; i < classes.Length; i++)
            {
                if (classes[i] != 255)
                {
                    counts[63 * chips[i / 36] + (int)images[i / 36 * 72 + i % 36] % 1000]++;
                }
            }
        }

        Assert.All(counts, count => Assert.Equal(1, count));
    }

    [Fact]
    public async Task Small_chips_are_padded_with_the_mean_and_ignored_labels()
    {
        var options = Chips.Options(8, 1) with { Scaling = [new ChannelScaling(3, 2)] };
        var data = new TrainingData(Chips.Numbered(1, 1, 2, 3), Chips.Numbered(1, 1, 2, 3), options, new BatchLoaderOptions());
        var (_, image, classes) = Assert.Single(await Chips.ReadAll(data.Validation, 0));
        Assert.Equal([-1.5f, -1, -0.5f, 0, 0], image[..5]);
        Assert.Equal([0, 0.5f, 1, 0, 0], image[8..13]);
        Assert.Equal([0, 1, 2, 255, 255], classes[..5]);
        Assert.Equal(6, classes.Count(label => label != 255));
    }

    [Fact]
    public async Task A_pixel_that_misses_a_band_becomes_the_mean_everywhere_and_is_not_labelled()
    {
        var source = new ArrayChipSource([new ArrayChip("a", new PixelSize(2, 1), [5, 6, float.NaN, 7], [1, 2])]);
        var data = new TrainingData(source, source, Chips.Options(2, 2), new BatchLoaderOptions());
        var (_, image, classes) = Assert.Single(await Chips.ReadAll(data.Validation, 0));
        Assert.Equal([0, 6, 0, 0, 0, 7, 0, 0], image);
        Assert.Equal([255, 2, 255, 255], classes);
    }

    [Fact]
    public async Task A_label_that_is_no_class_stops_the_epoch_and_names_the_chip()
    {
        var source = new ArrayChipSource([new ArrayChip("bad-one", new PixelSize(1, 1), [1], [7])]);
        var data = new TrainingData(source, source, Chips.Options(1, 1), new BatchLoaderOptions());
        var failure = await Assert.ThrowsAsync<TrainingDataException>(() => Chips.ReadAll(data.Training, 0));
        Assert.Contains("'bad-one' hold the value 7", failure.Message, StringComparison.Ordinal);
        Assert.Contains("0 to 2", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_epoch_can_be_left_early_and_cancelled()
    {
        var loader = Data(3).Training;
        await foreach (var batch in loader.ReadAsync(0))
        {
            batch.Dispose();
            break;
        }

        using var cancelled = new CancellationTokenSource();
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (var batch in loader.ReadAsync(0, cancellation: cancelled.Token))
            {
                batch.Dispose();
            }
        });
        Assert.Equal(loader.Batches, (await Chips.ReadAll(loader, 0)).Count);
    }
}
