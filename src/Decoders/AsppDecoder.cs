using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>What the pyramid's features become.</summary>
public enum AsppOutput
{
    /// <summary>Features for a head.</summary>
    Features,

    /// <summary>Class scores, by a 1×1 convolution <c>conv_seg</c>.</summary>
    Segmentation,

    /// <summary>Values, by a 1×1 convolution <c>conv_reg</c>.</summary>
    Regression,
}

/// <summary>Atrous spatial pyramid pooling (DeepLabV3, Chen et al. 2017): the mean of the map and convolutions of several dilations, joined.</summary>
public sealed record AsppDecoder : Decoder
{
    /// <summary>Channels of every branch and of the result.</summary>
    public required int Channels
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Channels), value, "A map needs at least one channel; 256 is usual.");
    }

    /// <summary>Distances between the pixels that the 3×3 convolutions read; 1 is a 1×1 convolution.</summary>
    public IReadOnlyList<int> Dilations
    {
        get;
        init => field = value.Count > 0 && value.All(dilation => dilation is >= 1 and <= 1024) ? value
            : throw new ArgumentOutOfRangeException(nameof(Dilations), string.Join(", ", value), "Dilations are 1 to 1024 pixels; 1, 6, 12, 18 is usual.");
    } = [1, 6, 12, 18];

    /// <summary>Whether the corners of maps are aligned when they are resized inside the decoder.</summary>
    public bool AlignCorners { get; init; }

    /// <summary>Which features; several are resized to the first of them and joined.</summary>
    public IReadOnlyList<int> Indices
    {
        get;
        init => field = value.Count > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Indices), "At least one feature must be chosen.");
    } = [-1];

    /// <summary>What the features become.</summary>
    public AsppOutput Output { get; init; }

    /// <summary>Probability with which a channel is zeroed before the prediction, in training.</summary>
    public double Dropout
    {
        get;
        init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(Dropout), value, "Dropout is a probability from 0 to below 1.");
    } = 0.3;

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => [new ReshapeTokensToImage()];

    internal override bool IncludesHead => Output != AsppOutput.Features;

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features)
    {
        var op = layers.Op;
        var chosen = Indices.Select(index => features.At(index, nameof(AsppDecoder))).ToList();
        var x = chosen.Count == 1 ? chosen[0] : op.Concat(1, [.. chosen.Select(map => Resize(map, chosen[0]))]);
        var branches = new List<Value> { Resize(layers.ConvolutionModule("image_pool.1", op.GlobalAveragePool(x), Channels, 1), x) };
        for (var i = 0; i < Dilations.Count; i++)
        {
            var (kernel, padding) = Dilations[i] == 1 ? (1, 0) : (3, Dilations[i]);
            branches.Add(layers.ConvolutionModule($"aspp_modules.model_sequence.{i}", x, Channels, kernel, padding, Dilations[i]));
        }

        x = layers.ConvolutionModule("bottleneck", op.Concat(1, [.. branches]), Channels, 3, 1);
        if (Output == AsppOutput.Features)
        {
            return x;
        }

        if (Classes == 0)
        {
            throw new DecoderException($"{nameof(AsppDecoder)} makes the prediction itself: give the number of its channels (Classes).");
        }

        return layers.Convolution(Output == AsppOutput.Segmentation ? "conv_seg" : "conv_reg", layers.Dropout(x, Dropout, wholeChannels: true), Classes, 1);

        Value Resize(Value map, Value like) => layers.ResizeLike(map, like, "linear", AlignCorners);
    }
}
