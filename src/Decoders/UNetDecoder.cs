using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>
/// The U-Net decoder (Ronneberger et al. 2015) of segmentation_models_pytorch without a centre block: from the smallest map up, enlarge,
/// join the next larger feature, two 3×3 convolutions with normalisation and ReLU.
/// </summary>
public sealed record UNetDecoder : Decoder
{
    /// <summary>Channels of each block, from the smallest map to the largest: as many as features.</summary>
    public IReadOnlyList<int> Channels
    {
        get;
        init => field = value.Count > 0 && value.All(channels => channels > 0) ? value
            : throw new ArgumentOutOfRangeException(nameof(Channels), string.Join(", ", value), "Give one positive number of channels for each feature; 512, 256, 128, 64 is usual.");
    } = [512, 256, 128, 64];

    /// <summary>What follows each convolution.</summary>
    public ConvolutionNorm Norm { get; init; } = ConvolutionNorm.Batch();

    /// <summary>Weighs channels and pixels before and after each block (scSE, Roy et al. 2018).</summary>
    public bool Attention { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => Pyramid(features);

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features)
    {
        if (Channels.Count != features.Count)
        {
            throw new DecoderException($"{nameof(UNetDecoder)} has {Channels.Count} blocks ({string.Join(", ", Channels)} channels); {features.Count} features arrive. Give one number a feature.");
        }

        using var scope = layers.Below("decoder");
        var x = features[^1];
        for (var i = 0; i < Channels.Count; i++)
        {
            using var block = layers.Below($"blocks.{i}");
            var last = i == Channels.Count - 1;

            // The reference leaves the first of its features out and gets the largest twice, so that the last block does not enlarge.
            var skip = last ? features[0] : features[^(i + 2)];
            x = layers.ResizeLike(x, skip, "nearest");
            if (!last)
            {
                // A checkpoint holds an attention1 of the last block too; it is never run.
                x = Attend(layers, "attention1", layers.Op.Concat(1, x, skip));
            }

            x = Convolve(layers, "conv1", x, Channels[i]);
            x = Attend(layers, "attention2", Convolve(layers, "conv2", x, Channels[i]));
        }

        return x;
    }

    private Value Convolve(LayerBuilder layers, string name, Value x, int outputs)
    {
        using var scope = layers.Below(name);
        var weights = Initialization.Kaiming(layers.Channels(x) * 9, 2);
        return layers.Op.Relu(Norm.Apply(layers, "1", layers.Convolution("0", x, outputs, 3, 1, bias: Norm.IsNone, weights: weights)));
    }

    /// <summary>x · sigmoid(of the channels) + x · sigmoid(of the pixels).</summary>
    private Value Attend(LayerBuilder layers, string name, Value x)
    {
        if (!Attention)
        {
            return x;
        }

        using var scope = layers.Below($"{name}.attention");
        var (op, channels) = (layers.Op, layers.Channels(x));
        var narrow = channels / 16;
        if (narrow == 0)
        {
            throw new DecoderException($"Attention squeezes to 1/16 of the channels; a map of {channels} has too few. Give every block at least 16.");
        }

        var pooled = op.Relu(Pointwise("cSE.1", op.GlobalAveragePool(x), narrow));
        var ofChannels = op.Mul(x, op.Sigmoid(Pointwise("cSE.3", pooled, channels)));
        return op.Add(ofChannels, op.Mul(x, op.Sigmoid(Pointwise("sSE.0", x, 1))));

        Value Pointwise(string path, Value value, long outputs) =>
            layers.Convolution(path, value, outputs, 1, weights: Initialization.Kaiming(layers.Channels(value), 2));
    }
}
