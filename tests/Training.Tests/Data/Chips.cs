using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

/// <summary>Chips whose pixel values tell where they come from.</summary>
internal static class Chips
{
    /// <summary>Image value = 1000·chip + 100·band + position / 100 …, label = position mod 3.</summary>
    public static ArrayChipSource Numbered(int count, int bands, int height, int width) => new(
        [.. Enumerable.Range(0, count).Select(chip => new ArrayChip(
            $"chip-{chip}", new PixelSize(width, height),
            [.. Enumerable.Range(0, bands * height * width).Select(i => 1000f * chip + 100f * (i / (height * width)) + (i % (height * width)))],
            [.. Enumerable.Range(0, height * width).Select(i => (float)(i % 3))]))]);

    public static SampleOptions Options(int tile, int bands, Augmentation? augmentation = null) => new()
    {
        Tile = tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), bands)], Classes = new ClassLabels { Classes = 3 }, Augmentation = augmentation ?? Augmentation.None,
    };

    public static async Task<List<(int[] Chips, float[] Images, int[] Classes)>> ReadAll(BatchLoader loader, int epoch, int firstBatch = 0)
    {
        var all = new List<(int[], float[], int[])>();
        await foreach (var batch in loader.ReadAsync(epoch, firstBatch))
        {
            using (batch)
            {
                all.Add((batch.Chips, batch.Images.ToArray(), batch.Classes.ToArray()));
            }
        }

        return all;
    }
}
