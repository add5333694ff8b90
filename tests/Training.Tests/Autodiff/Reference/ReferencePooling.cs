using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>One number for a window, or for a whole channel.</summary>
internal static class ReferencePooling
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new()
    {
        ["AveragePool"] = AveragePool,
        ["GlobalAveragePool"] = (_, inputs) => OfChannels(inputs[0]!, Enumerable.Average),
        ["GlobalMaxPool"] = (_, inputs) => OfChannels(inputs[0]!, Enumerable.Max),
    };

    /// <summary>The sum of what a window covers, over the window's size (count_include_pad) or over what is inside.</summary>
    private static ReferenceTensor AveragePool(Node node, ReferenceTensor?[] inputs)
    {
        var (x, kernel) = (inputs[0]!, node.Ints("kernel_shape")!);
        var strides = node.Ints("strides") ?? [.. kernel.Select(_ => 1L)];
        var pads = node.Ints("pads") ?? new long[2 * kernel.Length];
        long[] sizes = [.. kernel.Select((extent, axis) => ((x.Shape[axis + 2] + pads[axis] + pads[axis + kernel.Length] - extent) / strides[axis]) + 1)];
        return ReferenceTensor.Of([x.Shape[0], x.Shape[1], .. sizes], index =>
        {
            double[] covered = [.. ReferenceTensor.Indices(kernel)
                .Select(k => k.Select((position, axis) => (index[axis + 2] * strides[axis]) + position - pads[axis]).ToArray())
                .Where(at => at.Zip(x.Shape.Skip(2)).All(pair => pair.First >= 0 && pair.First < pair.Second))
                .Select(at => x[[index[0], index[1], .. at]])];
            return covered.Sum() / (node.Int("count_include_pad", 0) != 0 ? kernel.Aggregate(1L, (product, extent) => product * extent) : covered.Length);
        });
    }

    private static ReferenceTensor OfChannels(ReferenceTensor x, Func<IEnumerable<double>, double> one) =>
        new([x.Shape[0], x.Shape[1], .. x.Shape.Skip(2).Select(_ => 1L)], [.. x.Values.Chunk(checked((int)x.Shape.Skip(2).Aggregate(1L, (product, extent) => product * extent))).Select(one)]);
}
