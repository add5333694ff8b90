using System.Globalization;
using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;

namespace EoOnnx.Decoders.Tests.Golden;

/// <summary>
/// Which neck, decoder or head a case holds. Names and shapes of its tensors tell it; where it has none, what became of its inputs does.
/// What neither tells, such as dilations, is in the sentence of run.json. The name of the folder means nothing.
/// </summary>
internal sealed class DecoderPart(DecoderSettings settings, IReadOnlyDictionary<string, TensorData> weights, IReadOnlyList<TensorData> inputs, IReadOnlyList<TensorData> outputs)
{
    /// <summary>The neck, or null when it is another part.</summary>
    public Neck? Neck() => weights.Count == 0 ? NeckWithoutTensors()
        : Has("bottleneck.weight") ? new AddBottleneckLayer()
        : Has("fpn.inner_blocks.0.0.weight") ? new FeaturePyramidNetworkNeck { Channels = Extent("fpn.layer_blocks.0.0.weight") }
        : Has("fpn1.0.weight") && !Has("bottleneck.conv.weight") ? new LearnedInterpolateToPyramidal()
        : null;

    /// <summary>The head, or null when it is another part.</summary>
    public Head? Head()
    {
        if (weights.Count == 0 || weights.Keys.Any(name => !name.StartsWith("head.", StringComparison.Ordinal)))
        {
            return null;
        }

        // A regression's parts form one sequence without gaps and are normalised; the last of the others is always 2.
        var normalised = weights.Keys.Any(name => name.EndsWith(".running_mean", StringComparison.Ordinal));
        if (normalised || !Has("head.2.weight"))
        {
            var upscale = Widths("head.0.{0}.conv.weight").Count;
            return new RegressionHead
            {
                Values = (int)outputs[0].Shape[1], UpscaleLayers = upscale, Channels = Widths(upscale > 0 ? "head.1.{0}.0.weight" : "head.0.{0}.0.weight"),
                FinalActivation = settings.Text("final_act") is { } activation and not "None" ? Activation.Parse(activation) : null,
            };
        }

        var hidden = Widths("head.0.{0}.0.weight");
        return weights["head.2.weight"].Shape.Length == 4
            ? new SegmentationHead { Classes = Extent("head.2.weight"), Channels = hidden }
            : new ScalarHead { Classes = Extent("head.2.weight"), Widths = hidden, PoolFirst = settings.Flag("linear_after_pool") };
    }

    /// <summary>The decoder of a case that is neither neck nor head.</summary>
    public Decoder Decoder() => true switch
    {
        _ when weights.Count == 0 => new IdentityDecoder { Index = settings.Number("out_index") ?? -1 },
        _ when Has("image_pool.1.conv.weight") => new AsppDecoder
        {
            Channels = Extent("bottleneck.conv.weight"), AlignCorners = settings.Flag("align_corners"), Dropout = 0, Indices = Numbers("in_index", [-1]), Dilations = Numbers("dilations", [1, 6, 12, 18]),
            Output = Has("conv_seg.weight") ? AsppOutput.Segmentation : Has("conv_reg.weight") ? AsppOutput.Regression : AsppOutput.Features,
            Classes = Has("conv_seg.weight") ? Extent("conv_seg.weight") : Has("conv_reg.weight") ? Extent("conv_reg.weight") : 1,
        },
        _ when Has("convs.0.0.weight") => new FcnDecoder { Channels = Extent("convs.0.0.bias"), Blocks = Widths("convs.{0}.0.bias").Count, Index = settings.Number("in_index") ?? -1 },
        _ when Has("conv.weight") => new LinearDecoder { Upsampling = Extent("conv.weight", 2), Classes = Extent("conv.bias"), Index = settings.Number("in_index") ?? -1 },
        _ when Has("hidden_layer.weight") => new MlpDecoder
        {
            Index = settings.Number("out_index") ?? -1, Activation = settings.Text("activation") is { } activation ? Activation.Parse(activation) : Activation.Relu,
        },
        _ when Has("decoder.blocks.0.conv1.0.weight") => new UNetDecoder
        {
            Channels = Widths("decoder.blocks.{0}.conv1.0.weight"), Attention = Has("decoder.blocks.0.attention2.attention.sSE.0.weight"),
            Norm = Has("decoder.blocks.0.conv1.1.running_mean") ? ConvolutionNorm.Batch() : !Has("decoder.blocks.0.conv1.1.weight") ? ConvolutionNorm.None
                : settings.Mentions("layernorm") ? ConvolutionNorm.Layer() : ConvolutionNorm.Instance(),
        },
        _ when Has("fpn_bottleneck.conv.weight") => new UperNetDecoder
        {
            Channels = Extent("fpn_bottleneck.conv.weight"), AlignCorners = settings.Flag("align_corners", otherwise: true), ScaleModules = Has("fpn1.0.weight"), PoolScales = Numbers("pool_scales", [1, 2, 3, 6]),
        },
        _ => throw new NotSupportedException($"No part has the tensors {string.Join(", ", weights.Keys.Order(StringComparer.Ordinal).Take(3))} …; the sentence is '{settings}'."),
    };

    /// <summary>Height and width of the image behind the inputs of a neck: what the sentence says, else that of patches of one pixel.</summary>
    public (int Height, int Width) Image => settings.Numbers("image_size") is [var height, var width] ? (height, width)
        : outputs[0].Shape is { Length: 4 } map ? ((int)map[2], (int)map[3]) : (1, 1);

    public bool Has(string name) => weights.ContainsKey(name);

    public int Extent(string name, int axis = 0) => checked((int)weights[name].Shape[axis]);

    /// <summary>First extents of a row of tensors, for example those of <c>head.0.{0}.0.weight</c>.</summary>
    public IReadOnlyList<int> Widths(string pattern) =>
        [.. Enumerable.Range(0, 100).Select(i => string.Format(CultureInfo.InvariantCulture, pattern, i)).TakeWhile(Has).Select(name => Extent(name))];

    private Neck? NeckWithoutTensors()
    {
        var (given, made) = (inputs[0].Shape, outputs[0].Shape);
        return (given.Length, made.Length) switch
        {
            (_, 2) => new AggregateTokens
            {
                DropClassToken = settings.Flag("drop_cls"), Indices = Numbers("indices", Numbers("index", [-1])),
                Pooling = settings.Mentions("max") ? TokenPooling.Max : settings.Mentions("min") ? TokenPooling.Min : settings.Mentions("cls") ? TokenPooling.ClassToken : TokenPooling.Mean,
            },
            (3, 4) => Tokens((int)(made[1] / given[2]), (int)(made[2] * made[3])),
            _ when settings.Numbers("new_order") is { Count: > 0 } order => new PermuteDims { Order = order },
            _ when settings.Numbers("indices") is { Count: > 0 } indices => new SelectIndices { Indices = indices },
            (4, 4) when inputs.Count == outputs.Count && made[3] > given[3] => new InterpolateToPyramidal
            {
                Factor = settings.Number("scale_factor") ?? (int)(outputs[^1].Shape[3] / inputs[^1].Shape[3]), Bilinear = settings.Mentions("bilinear"),
            },
            (4, 4) when inputs.Count == outputs.Count && inputs.Count > 1 => new MaxpoolToPyramidal { Kernel = settings.Number("kernel_size") ?? (int)(inputs[1].Shape[3] / outputs[1].Shape[3]) },
            _ => null,
        };

        ReshapeTokensToImage Tokens(int frames, int positions) =>
            new() { Frames = frames, RemoveClassToken = given[1] > (long)frames * positions, Height = settings.Number("h") };
    }

    private IReadOnlyList<int> Numbers(string name, IReadOnlyList<int> otherwise) => settings.Numbers(name) is { Count: > 0 } numbers ? numbers : otherwise;
}
