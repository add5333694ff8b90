using System.Text.Json.Nodes;
using EoOnnx.Decoders.Configuration;
using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;

namespace EoOnnx.Decoders.Tests.Configuration;

/// <summary>TerraTorch's names for necks, decoders and heads.</summary>
public class TerraTorchConfigurationTests
{
    [Fact]
    public void A_usual_segmentation_is_read_with_all_its_parts()
    {
        var decoder = Assert.IsType<UNetDecoder>(Read("""
            {"backbone": "prithvi_eo_v2_300", "backbone_bands": ["RED"], "num_classes": 2, "head_dropout": 0.1, "head_channel_list": [16],
             "necks": [{"name": "SelectIndices", "indices": [5, 11, -7, -1]}, {"name": "ReshapeTokensToImage", "effective_time_dim": 3}, {"name": "LearnedInterpolateToPyramidal"}],
             "decoder": "UNetDecoder", "decoder_channels": [512, 256, 128, 64], "decoder_attention_type": "scse", "decoder_use_batchnorm": false}
            """));
        Assert.Equal([512, 256, 128, 64], decoder.Channels);
        Assert.True(decoder.Attention);
        Assert.True(decoder.Norm.IsNone);
        Assert.Equal([5, 11, -7, -1], Assert.IsType<SelectIndices>(decoder.Necks![0]).Indices);
        Assert.Equal(new ReshapeTokensToImage { Frames = 3 }, decoder.Necks[1]);
        Assert.IsType<LearnedInterpolateToPyramidal>(decoder.Necks[2]);
        var head = Assert.IsType<SegmentationHead>(decoder.Head);
        Assert.Equal((2, 0.1), (head.Classes, head.Dropout));
        Assert.Equal([16], head.Channels);
    }

    [Theory]
    [InlineData("""{"decoder": "IdentityDecoder", "num_classes": 4}""", typeof(IdentityDecoder), ModelTask.Segmentation, 4)]
    [InlineData("""{"decoder": "LinearDecoder", "decoder_upsampling_size": 16, "num_classes": 5}""", typeof(LinearDecoder), ModelTask.Segmentation, 5)]
    [InlineData("""{"decoder": "MLPDecoder", "decoder_activation": "GELU", "num_classes": 3}""", typeof(MlpDecoder), ModelTask.Segmentation, 3)]
    [InlineData("""{"decoder": "FCNDecoder", "decoder_channels": 16, "decoder_num_convs": 2, "head_final_act": "torch.nn.ReLU"}""", typeof(FcnDecoder), ModelTask.Regression, 1)]
    [InlineData("""{"decoder": "UperNetDecoder", "decoder_channels": 32, "decoder_scale_modules": true, "num_classes": 7}""", typeof(UperNetDecoder), ModelTask.Segmentation, 7)]
    [InlineData("""{"decoder": "ASPPSegmentationHead", "decoder_channels": 32, "decoder_in_channels": 64, "num_classes": 7}""", typeof(AsppDecoder), ModelTask.Segmentation, 7)]
    [InlineData("""{"decoder": "IdentityDecoder", "head_dim_list": [32], "head_linear_after_pool": true, "num_classes": 17}""", typeof(IdentityDecoder), ModelTask.Classification, 17)]
    [InlineData("""{"decoder": "IdentityDecoder"}""", typeof(IdentityDecoder), ModelTask.ScalarRegression, 1)]
    public void Every_decoder_is_known_by_its_name(string json, Type type, ModelTask task, int channels)
    {
        var decoder = TerraTorchConfiguration.Read(JsonNode.Parse(json)!.AsObject(), task);
        Assert.IsType(type, decoder);
        Assert.Equal(channels, decoder.Classes);
    }

    [Theory]
    [InlineData("""{"name": "PermuteDims", "new_order": [0, 2, 1]}""", typeof(PermuteDims))]
    [InlineData("""{"name": "InterpolateToPyramidal", "mode": "bilinear", "scale_factor": 4}""", typeof(InterpolateToPyramidal))]
    [InlineData("""{"name": "MaxpoolToPyramidal", "kernel_size": 3}""", typeof(MaxpoolToPyramidal))]
    [InlineData("""{"name": "AggregateTokens", "pooling": "cls", "index": 2}""", typeof(AggregateTokens))]
    [InlineData("""{"name": "AddBottleneckLayer"}""", typeof(AddBottleneckLayer))]
    [InlineData("""{"name": "FeaturePyramidNetworkNeck", "out_channel": 64}""", typeof(FeaturePyramidNetworkNeck))]
    public void Every_neck_is_known_by_its_name(string json, Type type) =>
        Assert.IsType(type, Assert.Single(Read($$"""{"decoder": "IdentityDecoder", "num_classes": 2, "necks": [{{json}}]}""").Necks!));

    [Theory, InlineData("batchnorm"), InlineData("instancenorm"), InlineData("layernorm"), InlineData("identity")]
    public void A_norm_may_be_a_dictionary(string kind)
    {
        var affine = kind == "instancenorm" ? ", \"affine\": true" : "";
        var decoder = Assert.IsType<UNetDecoder>(Read($$"""{"decoder": "UNetDecoder", "decoder_channels": [8], "num_classes": 2, "decoder_use_batchnorm": {"type": "{{kind}}"{{affine}} } }"""));
        Assert.Equal(kind, decoder.Norm.Kind);
        Assert.Equal(ConvolutionNorm.Batch(1e-3, 0.2), Assert.IsType<UNetDecoder>(Read(
            """{"decoder": "UNetDecoder", "decoder_channels": [8], "num_classes": 2, "decoder_use_batchnorm": {"type": "batchnorm", "eps": 1e-3, "momentum": 0.2}}""")).Norm);
    }

    [Theory]
    [InlineData("""{"decoder": "SegFormerDecoder", "num_classes": 2}""", "SegFormerDecoder", "UNetDecoder")]
    [InlineData("""{"decoder": "IdentityDecoder", "num_classes": 2, "necks": [{"name": "Shuffle"}]}""", "Shuffle", "SelectIndices")]
    [InlineData("""{"decoder": "FCNDecoder", "decoder_width": 2, "num_classes": 2}""", "'width'", "channels")]
    [InlineData("""{"decoder": "FCNDecoder", "decoder_channels": "many", "num_classes": 2}""", "\"many\"", "a whole number")]
    [InlineData("""{"decoder": "FCNDecoder", "decoder_num_convs": 0, "num_classes": 2}""", "FCNDecoder", "1 to 6")]
    [InlineData("""{"decoder": "FCNDecoder"}""", "number of classes", "num_classes")]
    [InlineData("""{"necks": []}""", "decoder", "'decoder'")]
    public void What_is_not_supported_is_named_with_what_is(string json, string found, string possible)
    {
        var refusal = Assert.Throws<DecoderException>(() => Read(json));
        Assert.Contains(found, refusal.Message, StringComparison.Ordinal);
        Assert.Contains(possible, refusal.Message, StringComparison.Ordinal);
    }

    private static Decoder Read(string json) => TerraTorchConfiguration.Read(JsonNode.Parse(json)!.AsObject(), ModelTask.Segmentation);
}
