using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>
/// Resampling is linear and separable: along each axis the result is a constant matrix of interpolation weights times the input,
/// so the gradient is the transposed matrix times the gradient.
/// </summary>
internal static class ResizeRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["Resize"] = [Resize, null, null, null],
    };

    private static Value Resize(VjpContext c)
    {
        var x = c.Target;
        if (c.Attribute("antialias", 0) != 0 || c.Attribute("exclude_outside", 0) != 0 || c.Node.Text("keep_aspect_ratio_policy", "stretch") != "stretch")
        {
            throw c.Unsupported("antialias, exclude_outside and keep_aspect_ratio_policy are not supported");
        }

        var scales = c.Node.OptionalInput(2) is { Data: { Count: > 0 } data } ? data.ToSingles() : null;
        var axes = c.Node.Ints("axes")?.Select(axis => (int)(axis < 0 ? axis + x.Rank : axis)).ToArray() ?? [.. Enumerable.Range(0, x.Rank)];
        var gradient = c.Grad;
        for (var i = 0; i < axes.Length; i++)
        {
            var axis = axes[i];
            if (x.KnownShape[axis] is { IsUnknown: false } same && same == c.Grad.KnownShape[axis] && (scales is null || scales[i] == 1))
            {
                continue;
            }

            if (x.KnownShape[axis].Value is not { } length || c.Grad.KnownShape[axis].Value is not { } result)
            {
                throw c.Unsupported($"axis {axis} has extents {x.KnownShape[axis]} and {c.Grad.KnownShape[axis]}; fixed ones are needed. Export the encoder for one tile size");
            }

            gradient = MatrixProducts.Along(c.Op, gradient, axis, Weights(c, length, result, scales is null ? (double)result / length : scales[i]));
        }

        return gradient;
    }

    /// <summary>[result, length]: row r holds the weights with which result element r reads the input.</summary>
    private static double[,] Weights(VjpContext c, long length, long result, double scale)
    {
        var mode = c.Node.Text("mode", "nearest");
        var matrix = new double[result, length];
        for (var r = 0L; r < result; r++)
        {
            var position = c.Node.Text("coordinate_transformation_mode", "half_pixel") switch
            {
                "half_pixel" => ((r + 0.5) / scale) - 0.5,
                "pytorch_half_pixel" => result > 1 ? ((r + 0.5) / scale) - 0.5 : 0,
                "align_corners" => result > 1 ? r * (double)(length - 1) / (result - 1) : 0,
                "asymmetric" => r / scale,
                var other => throw c.Unsupported($"coordinate mode {other} is not supported"),
            };
            switch (mode)
            {
                case "nearest":
                    matrix[r, Math.Clamp(Nearest(c, position), 0, length - 1)] += 1;
                    break;
                case "linear":
                    var inside = Math.Clamp(position, 0, length - 1);
                    var low = Math.Min((long)Math.Floor(inside), Math.Max(0, length - 2));
                    matrix[r, low] += 1 - (inside - low);
                    matrix[r, Math.Min(low + 1, length - 1)] += inside - low;
                    break;
                case "cubic":
                    var middle = (long)Math.Floor(position);
                    for (var tap = -1; tap <= 2; tap++)
                    {
                        matrix[r, Math.Clamp(middle + tap, 0, length - 1)] += Cubic(Math.Abs(position - middle - tap), c.Attribute("cubic_coeff_a", -0.75f));
                    }

                    break;
                default:
                    throw c.Unsupported($"mode {mode} is not supported");
            }
        }

        return matrix;
    }

    private static long Nearest(VjpContext c, double position) => c.Node.Text("nearest_mode", "round_prefer_floor") switch
    {
        "floor" => (long)Math.Floor(position),
        "ceil" => (long)Math.Ceiling(position),
        "round_prefer_floor" => (long)Math.Ceiling(position - 0.5),
        "round_prefer_ceil" => (long)Math.Floor(position + 0.5),
        var other => throw c.Unsupported($"nearest mode {other} is not supported"),
    };

    /// <summary>Keys' cubic convolution kernel with parameter a.</summary>
    private static double Cubic(double distance, double a) =>
        distance <= 1 ? ((((a + 2) * distance) - (a + 3)) * distance * distance) + 1
        : distance < 2 ? (((((a * distance) - (5 * a)) * distance) + (8 * a)) * distance) - (4 * a)
        : 0;
}
