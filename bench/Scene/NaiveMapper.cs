using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Runtime;

namespace EoOnnx.Bench.Scene;

/// <summary>
/// What a first implementation does: read the whole scene, standardise it whole, run tile after tile, add weighted probabilities into
/// an array of the scene, divide, take the largest, write. Same tiles, overlap, batch and threads.
/// </summary>
internal static class NaiveMapper
{
    public static void Run(EoModel model, string scene, string output, int overlap, int batch)
    {
        using var dataset = RasterDataset.Open(scene);
        var (width, height, bands, tile) = (dataset.Size.Width, dataset.Size.Height, SyntheticScene.Bands, BenchModels.Tile);
        var area = tile * tile;
        var image = new float[(long)bands * width * height];
        using (var reader = dataset.OpenReader())
        {
            for (var band = 0; band < bands; band++)
            {
                reader.Read(new PixelWindow(0, 0, width, height), [band + 1], image.AsSpan(checked((int)((long)band * width * height)), width * height));
            }
        }

        for (var i = 0; i < image.Length; i++)
        {
            var (mean, deviation) = SyntheticScene.Statistics[i / (width * height)];
            image[i] = (float)((image[i] - mean) / deviation);
        }

        var plan = TilePlan.Create(dataset.Size, new TilePlanOptions { Tile = tile, Overlap = overlap });
        var (sums, total) = (new float[2L * width * height], new float[width * height]);
        foreach (var group in plan.Tiles().Chunk(batch))
        {
            var images = new float[group.Length * bands * area];
            for (var t = 0; t < group.Length; t++)
            {
                for (var band = 0; band < bands; band++)
                {
                    for (var row = 0; row < tile; row++)
                    {
                        Array.Copy(image, ((long)band * width * height) + ((long)(group[t].Read.Y + row) * width) + group[t].Read.X, images, (((t * bands) + band) * area) + (row * tile), tile);
                    }
                }
            }

            var scores = model.Run(images, [group.Length, bands, tile, tile], ["logits"])[0].ToSingles();
            for (var t = 0; t < group.Length; t++)
            {
                for (var i = 0; i < area; i++)
                {
                    var (x, y) = (i % tile, i / tile);
                    var weight = MathF.Sin(MathF.PI * (x + 0.5f) / tile) * MathF.Sin(MathF.PI * (y + 0.5f) / tile);
                    var (a, b) = (scores[(t * 2 * area) + i], scores[(((t * 2) + 1) * area) + i]);
                    var p = 1 / (1 + MathF.Exp(a - b));
                    var position = ((group[t].Read.Y + y) * width) + group[t].Read.X + x;
                    sums[position] += weight * (1 - p);
                    sums[((long)width * height) + position] += weight * p;
                    total[position] += weight;
                }
            }
        }

        var classes = new byte[width * height];
        for (var i = 0; i < classes.Length; i++)
        {
            classes[i] = sums[((long)width * height) + i] / total[i] > sums[i] / total[i] ? (byte)1 : (byte)0;
        }

        GeoTiffWriter.Write<byte>(output, new RasterProfile { Size = dataset.Size, Type = RasterType.Byte, Transform = dataset.Transform, Projection = dataset.Projection }, classes);
    }
}
