using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>Normalisation by statistics of the input.</summary>
internal static class ReferenceNormalizations
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new() { ["InstanceNormalization"] = Instance };

    /// <summary>y = scale · (x − mean) / √(variance + ε) + bias, with the statistics of each channel of each image.</summary>
    private static ReferenceTensor Instance(Node node, ReferenceTensor?[] inputs)
    {
        var (x, scale, bias) = (inputs[0]!, inputs[1]!, inputs[2]!);
        var pixels = checked((int)x.Shape.Skip(2).Aggregate(1L, (product, extent) => product * extent));
        return new(x.Shape, [.. x.Values.Chunk(pixels).SelectMany((values, i) =>
        {
            var (channel, mean) = (i % x.Shape[1], values.Average());
            var deviation = Math.Sqrt(values.Average(value => (value - mean) * (value - mean)) + node.Float("epsilon", 1e-5f));
            return values.Select(value => (scale[channel] * (value - mean) / deviation) + bias[channel]);
        })]);
    }
}
