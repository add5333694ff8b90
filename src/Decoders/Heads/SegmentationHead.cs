using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Heads;

/// <summary>A score for each class and pixel: for each of <see cref="Channels"/> a 3×3 convolution with ReLU, then dropout and a 1×1 convolution.</summary>
public sealed record SegmentationHead : Head
{
    /// <summary>Number of classes.</summary>
    public required int Classes { get; init => field = Positive(value, nameof(Classes)); }

    /// <summary>Channels of the layers before the last.</summary>
    public IReadOnlyList<int> Channels { get; init => field = Layers(value, nameof(Channels)); } = [];

    /// <summary>Probability with which an element is zeroed in training.</summary>
    public double Dropout { get; init => field = Probability(value, nameof(Dropout)); }

    /// <inheritdoc/>
    public override int Outputs => Classes;

    /// <inheritdoc/>
    public override bool IsMap => true;

    internal override Value Apply(LayerBuilder layers, Value x)
    {
        for (var i = 0; i < Channels.Count; i++)
        {
            x = layers.Op.Relu(layers.Convolution($"head.0.{i}.0", x, Channels[i], 3, 1));
        }

        return layers.Convolution("head.2", layers.Dropout(x, Dropout), Classes, 1);
    }
}
