using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

/// <summary>Samples for models whose images are not square.</summary>
public class OblongSamplesTests
{
    private const int Rows = 4, Columns = 6;

    [Theory, InlineData(4, 6), InlineData(9, 13), InlineData(3, 5), InlineData(12, 4)]
    public async Task Every_pixel_of_a_chip_counts_once_with_its_own_label(int height, int width)
    {
        var source = Chips.Numbered(2, 2, height, width);
        var samples = new ChipSamples(source, [0, 1], Chips.Options(Rows, 2) with { TileWidth = Columns });
        Assert.Equal([2, Rows, Columns], samples.Inputs[0].Shape);
        Assert.Equal([Rows, Columns], samples.Target.Shape);
        var seen = new int[2 * height * width];
        foreach (var (chips, images, classes) in await Chips.ReadAll(new BatchLoader(samples, new BatchLoaderOptions { BatchSize = 1 }, training: false), 0))
        {
            for (var i = 0; i < classes.Length; i++)
            {
                if (classes[i] >= 0 && classes[i] < 3)
                {
                    var position = (int)images[i] - (1000 * chips[0]);
                    Assert.Equal(position % 3, classes[i]);
                    Assert.Equal(images[i] + 100, images[(Rows * Columns) + i]);
                    seen[(chips[0] * height * width) + position]++;
                }
            }
        }

        Assert.All(seen, count => Assert.Equal(1, count));
    }

    [Fact]
    public async Task Augmented_samples_keep_their_rows_and_labels_move_with_the_pixels()
    {
        var samples = new ChipSamples(Chips.Numbered(1, 1, Rows, Columns), [0], Chips.Options(Rows, 1, Augmentation.Standard) with { TileWidth = Columns });
        var found = new HashSet<string>();
        for (var epoch = 0; epoch < 60; epoch++)
        {
            var (_, images, classes) = Assert.Single(await Chips.ReadAll(new BatchLoader(samples, new BatchLoaderOptions { BatchSize = 1, Seed = 4 }, training: true), epoch));
            Assert.All(images.Zip(classes), pair => Assert.Equal((int)pair.First % 3, pair.Second));
            // The pixels of a row come from one row.
            Assert.All(images.Chunk(Columns), row => Assert.Single(row.Select(value => (int)value / Columns).Distinct()));
            found.Add(string.Join(',', images));
        }

        Assert.Equal(4, found.Count);
    }
}
