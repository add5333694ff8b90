using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>Pooling over windows.</summary>
internal static class PoolingRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["MaxPool"] = [MaxPool],
        ["AveragePool"] = [AveragePool],
    };

    /// <summary>Adds each gradient at the position that the forward node reports for its maximum (counted over the whole tensor).</summary>
    private static Value MaxPool(VjpContext c)
    {
        if (c.Attribute("storage_order", 0) != 0)
        {
            throw c.Unsupported("storage_order 1 is not supported");
        }

        var op = c.Op;
        var positions = op.Reshape(op.OptionalOutput(c.Node, 1), -1);
        var size = op.Reshape(op.ReduceProd(c.ShapeOf(c.Target), keepDims: false), 1);
        var flat = op.ScatterElements(op.Filled(size, 0, c.Target.Type), positions, op.Reshape(c.Grad, -1), 0, "add");
        return c.Reshape(flat, c.Target);
    }

    /// <summary>Along each axis, a window of k elements gives each of them 1/k of its gradient: one constant matrix an axis.</summary>
    private static Value AveragePool(VjpContext c)
    {
        var x = c.Target;
        var kernel = c.Node.Ints("kernel_shape")!;
        var spatial = kernel.Length;
        var strides = c.Node.Ints("strides") ?? [.. Enumerable.Repeat(1L, spatial)];
        var pads = c.Node.Ints("pads") ?? new long[2 * spatial];
        if (c.Node.Text("auto_pad", "NOTSET") != "NOTSET" || c.Attribute("ceil_mode", 0) != 0 || (c.Node.Ints("dilations") ?? []).Any(dilation => dilation != 1))
        {
            throw c.Unsupported("auto_pad, ceil_mode and dilations are not supported");
        }

        var padded = c.Attribute("count_include_pad", 0) != 0;
        var gradient = c.Grad;
        for (var i = 0; i < spatial; i++)
        {
            var length = x.KnownShape[i + 2].Value ?? throw c.Unsupported($"its input {x} has no fixed extent on axis {i + 2}");
            var windows = c.Grad.KnownShape[i + 2].Value!.Value;
            var matrix = new double[windows, length];
            for (var window = 0L; window < windows; window++)
            {
                var start = (window * strides[i]) - pads[i];
                var (from, to) = (Math.Max(0, start), Math.Min(length, start + kernel[i]));
                for (var position = from; position < to; position++)
                {
                    matrix[window, position] = 1.0 / (padded ? kernel[i] : to - from);
                }
            }

            gradient = MatrixProducts.Along(c.Op, gradient, i + 2, matrix);
        }

        return gradient;
    }
}
