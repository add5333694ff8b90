using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Tests;

/// <summary>Whole decoders behind the tokens of a transformer.</summary>
public class DecoderTests
{
    public static TheoryData<string> Kinds => [.. Decoders().Keys];

    [Theory, MemberData(nameof(Kinds))]
    public void A_decoder_with_its_standard_necks_predicts_every_pixel(string kind)
    {
        var (op, layers, features, image) = Encoder(LayerUse.Training);
        var prediction = Decoders()[kind].Build(layers, features, image);
        Assert.Equal(new TensorShape("batch", 3, 32, 32), prediction.Shape);
        Assert.Equal(layers.Parameters.Count, layers.Parameters.Distinct().Count());
        op.Output(prediction, "y");
        var values = Ort.Run(new OnnxModel(op.Graph), [.. op.Graph.Inputs.Where(input => input.Data is null).Select(input =>
            (input.Name, RandomTensors.Uniform(1, input.Name, [.. input.KnownShape.Select(dim => dim.Value ?? 2)], 1)))])["y"].ToSingles();
        Assert.All(values, value => Assert.True(float.IsFinite(value)));
    }

    [Theory, MemberData(nameof(Kinds))]
    public void Only_decoders_that_pool_the_whole_map_need_two_samples_a_batch(string kind)
    {
        var (_, layers, features, image) = Encoder(LayerUse.Training);
        Decoders()[kind].Build(layers, features, image);
        Assert.Equal(kind is "UperNet" or "ASPP" ? 2 : 1, layers.SmallestBatch);
    }

    [Theory]
    [InlineData("identity"), InlineData("instancenorm"), InlineData("layernorm"), InlineData("batchnorm")]
    public void A_UNet_takes_each_norm_and_has_a_bias_only_without_one(string kind)
    {
        var op = new GraphBuilder("test");
        var layers = new LayerBuilder(op, TensorSources.Random(0), LayerUse.Replaceable);
        ConvolutionNorm norm = kind switch
        {
            "identity" => ConvolutionNorm.None, "instancenorm" => ConvolutionNorm.Instance(), "layernorm" => ConvolutionNorm.Layer(), _ => ConvolutionNorm.Batch(1e-3),
        };
        var features = new[] { 8, 8 }.Select((size, i) => op.Input($"f{i}", ElementType.Float, [1, 4, size, size])).ToList();
        op.Output(new UNetDecoder { Channels = [8, 8], Norm = norm, Necks = [], Classes = 1 }.Build(layers, features, features[0]), "y");
        Assert.Equal(norm.IsNone, layers.Parameters.Contains("decoder.decoder.blocks.0.conv1.0.bias"));
        Assert.Equal(!norm.IsNone, layers.Parameters.Contains("decoder.decoder.blocks.1.conv2.1.weight"));
        var results = Ort.Run(new OnnxModel(op.Graph), [.. features.Select(feature => (feature.Name, RandomTensors.Uniform(1, feature.Name, [1, 4, 8, 8], 1)))]);
        Assert.All(results["y"].ToSingles(), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void A_decoder_without_classes_and_head_says_what_to_give()
    {
        var (_, layers, features, image) = Encoder(LayerUse.Fixed);
        Assert.Contains("number of classes", Assert.Throws<DecoderException>(() => new UNetDecoder().Build(layers, features, image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_and_features_that_differ_in_number_are_named()
    {
        var (_, layers, features, image) = Encoder(LayerUse.Fixed);
        var decoder = new UNetDecoder { Channels = [8, 4], Necks = [new ReshapeTokensToImage()], Classes = 2 };
        Assert.Contains("4 features arrive", Assert.Throws<DecoderException>(() => decoder.Build(layers, features, image)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_weight_of_another_shape_is_refused_with_both_shapes()
    {
        var (op, _, features, image) = Encoder(LayerUse.Fixed);
        var layers = new LayerBuilder(op, (_, _, _) => RandomTensors.Constant([3], 1), LayerUse.Fixed);
        var refusal = Assert.Throws<DecoderException>(() => new IdentityDecoder { Classes = 5 }.Build(layers, features, image));
        Assert.Contains("head.head.2.weight has the shape [3]; expected [5, 12, 1, 1]", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Bad_options_are_refused_when_they_are_set()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new UNetDecoder { Channels = [16, 0] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new FcnDecoder { Blocks = 0 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new SegmentationHead { Classes = 2, Dropout = 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new AsppDecoder { Channels = 8, Dilations = [] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new SelectIndices { Indices = [] });
        Assert.Throws<ArgumentOutOfRangeException>(() => new UperNetDecoder { PoolScales = [0] });
        Assert.Throws<DecoderException>(() => Activation.Parse("torch.nn.Bilinear"));
    }

    private static Dictionary<string, Decoder> Decoders() => new(StringComparer.Ordinal)
    {
        ["ASPP"] = new AsppDecoder { Channels = 8, Output = AsppOutput.Segmentation, Classes = 3 },
        ["FCN"] = new FcnDecoder { Channels = 8, Blocks = 2, Classes = 3 },
        ["Identity"] = new IdentityDecoder { Head = new SegmentationHead { Classes = 3, Channels = [8], Dropout = 0.5 } },
        ["Linear"] = new LinearDecoder { Upsampling = 8, Classes = 3 },
        ["MLP"] = new MlpDecoder { Activation = Activation.Parse("torch.nn.GELU"), Classes = 3 },
        ["UNet"] = new UNetDecoder { Channels = [16, 16, 16, 16], Attention = true, Classes = 3 },
        ["UperNet"] = new UperNetDecoder { Channels = 8, Head = new RegressionHead { Values = 3, Dropout = 0.2, UpscaleLayers = 1 } },
    };

    private static (GraphBuilder Op, LayerBuilder Layers, IReadOnlyList<Value> Features, Value Image) Encoder(LayerUse use)
    {
        var op = new GraphBuilder("test");
        var image = op.Input("image", ElementType.Float, ["batch", 3, 32, 32]);
        var features = Enumerable.Range(0, 4).Select(i => op.Input($"block_{i}", ElementType.Float, ["batch", 17, 12])).ToList();
        return (op, new LayerBuilder(op, TensorSources.Random(1), use), features, image);
    }
}
