using CsCheck;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Tests.Metrics;

public class BoundaryIoUTests
{
    [Fact]
    public void Bands_equal_dilation_minus_erosion_for_any_image_and_number_of_classes() =>
        Gen.Select(Gen.Int[1, 9], Gen.Int[1, 9], Gen.Int[2, 130], Gen.Int[0, int.MaxValue]).Sample((height, width, classes, seed) =>
        {
            var random = new Random(seed);
            int[] Image() => [.. Enumerable.Range(0, height * width).Select(_ => random.Next(20) == 0 ? 255 : random.Next(2) == 0 ? 0 : random.Next(classes))];
            var (predicted, target) = (Image().Select(c => c == 255 ? 0 : c).ToArray(), Image());
            var metric = new BoundaryIoU(classes, 255);
            metric.Add(predicted, target, height, width);
            Assert.Equal(Reference(predicted, target, height, width, classes), metric.Mean, 12);
        }, iter: 200);

    private static double Reference(int[] predicted, int[] target, int height, int width, int classes)
    {
        var values = new List<double>();
        for (var c = 1; c < classes; c++)
        {
            var (intersection, union) = (0, 0);
            for (var i = 0; i < target.Length; i++)
            {
                var (p, t) = (InBand(predicted, i, c), InBand(target, i, c));
                (intersection, union) = target[i] == 255 ? (intersection, union) : (intersection + (p && t ? 1 : 0), union + (p || t ? 1 : 0));
            }

            if (union > 0)
            {
                values.Add(intersection / (union + 1e-9));
            }
        }

        return values.DefaultIfEmpty(0).Average();

        bool InBand(int[] labels, int pixel, int c)
        {
            var neighbours = from y in Enumerable.Range(pixel / width - 2, 5)
                             from x in Enumerable.Range(pixel % width - 2, 5)
                             where y >= 0 && y < height && x >= 0 && x < width
                             select labels[y * width + x] == c;
            return neighbours.Contains(true) && neighbours.Contains(false);
        }
    }
}
