using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>Makes a pyramid of four maps of one size: 4, 2, 1 and ½ times the size, the first two by learned layers <c>fpn1</c> and <c>fpn2</c>.</summary>
internal static class PyramidScaling
{
    /// <exception cref="DecoderException">There are not exactly four maps.</exception>
    public static IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, string what)
    {
        if (features.Count != 4)
        {
            throw new DecoderException($"{what} takes exactly 4 feature maps; {features.Count} arrive. Choose 4 with the neck SelectIndices.");
        }

        var op = layers.Op;
        var (first, second) = (layers.Channels(features[0]), layers.Channels(features[1]));
        Value large, middle;
        using (layers.Below("fpn1"))
        {
            large = layers.TransposedConvolution("0", features[0], first / 2, 2);
            large = op.Gelu(layers.BatchNormalization("1", large));
            large = layers.TransposedConvolution("3", large, first / 4, 2);
        }

        using (layers.Below("fpn2"))
        {
            middle = layers.TransposedConvolution("0", features[1], second / 2, 2);
        }

        return [large, middle, features[2], op.MaxPool(features[3], [2, 2], [2, 2], [0, 0, 0, 0])];
    }
}
