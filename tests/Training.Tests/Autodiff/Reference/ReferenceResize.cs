using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>Resampling, one axis after the other: nearest, linear and cubic are separable.</summary>
internal static class ReferenceResize
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new() { ["Resize"] = Resize };

    private static ReferenceTensor Resize(Node node, ReferenceTensor?[] inputs)
    {
        var x = inputs[0]!;
        var axes = node.Ints("axes") ?? [.. Enumerable.Range(0, x.Shape.Length).Select(axis => (long)axis)];
        for (var i = 0; i < axes.Length; i++)
        {
            var length = x.Shape[axes[i]];
            var (size, scale) = inputs.ElementAtOrDefault(3) is { } sizes
                ? ((long)sizes.Values[i], sizes.Values[i] / length)
                : ((long)Math.Floor(length * inputs[2]!.Values[i]), inputs[2]!.Values[i]);
            x = Along(node, x, (int)axes[i], size, scale);
        }

        return x;
    }

    private static ReferenceTensor Along(Node node, ReferenceTensor x, int axis, long size, double scale)
    {
        var length = x.Shape[axis];
        var y = new ReferenceTensor([.. x.Shape.Select((extent, i) => i == axis ? size : extent)]);
        var inner = x.Shape.Skip(axis + 1).Aggregate(1L, (product, extent) => product * extent);
        for (var position = 0L; position < size; position++)
        {
            foreach (var (from, weight) in Taps(node, Place(node.Text("coordinate_transformation_mode", "half_pixel"), position, length, size, scale)))
            {
                var taken = Math.Clamp(from, 0, length - 1);
                for (var outer = 0L; outer < y.Values.Length / (size * inner); outer++)
                {
                    for (var i = 0L; i < inner; i++)
                    {
                        y.Values[(((outer * size) + position) * inner) + i] += weight * x.Values[(((outer * length) + taken) * inner) + i];
                    }
                }
            }
        }

        return y;
    }

    /// <summary>Where a position of the output lies in the input (ONNX Resize, coordinate_transformation_mode).</summary>
    private static double Place(string mode, long position, long length, long size, double scale) => mode switch
    {
        "half_pixel" => ((position + 0.5) / scale) - 0.5,
        "asymmetric" => position / scale,
        "align_corners" => size == 1 ? 0 : (double)position * (length - 1) / (size - 1),
        _ => throw new NotSupportedException(mode),
    };

    private static IEnumerable<(long Position, double Weight)> Taps(Node node, double place)
    {
        var below = (long)Math.Floor(place);
        var rest = place - below;
        return (node.Text("mode", "nearest"), node.Text("nearest_mode", "round_prefer_floor")) switch
        {
            ("nearest", "floor") => [(below, 1)],
            ("nearest", "round_prefer_floor") => [((long)Math.Ceiling(place - 0.5), 1)],
            ("linear", _) => [(below, 1 - rest), (below + 1, rest)],
            ("cubic", _) => Enumerable.Range(-1, 4).Select(i => (below + i, Cubic(Math.Abs(rest - i), node.Float("cubic_coeff_a", -0.75f)))),
            var (mode, nearest) => throw new NotSupportedException($"{mode} {nearest}"),
        };
    }

    /// <summary>Keys' cubic kernel: (a + 2)d³ − (a + 3)d² + 1 up to 1, a(d³ − 5d² + 8d − 4) up to 2.</summary>
    private static double Cubic(double d, double a) => d <= 1
        ? ((a + 2) * d * d * d) - ((a + 3) * d * d) + 1
        : a * ((d * d * d) - (5 * d * d) + (8 * d) - 4);
}
