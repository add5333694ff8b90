using System.Text.Json.Nodes;
using EoOnnx.Decoders.Layers;

namespace EoOnnx.Decoders.Configuration;

/// <summary>Decoders by the names of TerraTorch's configuration.</summary>
internal static class DecoderConfiguration
{
    private static readonly Dictionary<string, Func<ConfigurationArguments, int?, Decoder>> Known = new(StringComparer.Ordinal)
    {
        ["IdentityDecoder"] = (arguments, _) => new IdentityDecoder { Index = arguments.Integer("out_index", -1) },
        ["LinearDecoder"] = (arguments, classes) => new LinearDecoder
        {
            Upsampling = arguments.Integer("upsampling_size") ?? throw new DecoderException("LinearDecoder needs the argument 'upsampling_size', usually the patch size."),
            Index = arguments.Integer("in_index", -1),
            Classes = arguments.Integer("num_classes") ?? classes ?? throw new DecoderException("LinearDecoder makes the prediction itself: it needs num_classes."),
        },
        ["MLPDecoder"] = Mlp,
        ["FCNDecoder"] = (arguments, _) => new FcnDecoder
        {
            Channels = arguments.Integer("channels", 256), Blocks = arguments.Integer("num_convs", 4), Index = arguments.Integer("in_index", -1),
        },
        [nameof(ConvolutionalDecoder)] = (arguments, _) => new ConvolutionalDecoder
        {
            Channels = arguments.Integer("channels", 64), Stages = arguments.Integer("stages", 2), Index = arguments.Integer("in_index", -1),
        },
        ["UNetDecoder"] = (arguments, _) => new UNetDecoder
        {
            Channels = arguments.Integers("channels") ?? throw new DecoderException("UNetDecoder needs the argument 'channels': one number for each feature."),
            Norm = Norm(arguments),
            Attention = arguments.Text("attention_type") switch { null => false, "scse" => true, var other => throw arguments.Bad("attention_type", other, "scse or null") },
        },
        ["UperNetDecoder"] = (arguments, _) => new UperNetDecoder
        {
            Channels = arguments.Integer("channels", 256),
            PoolScales = arguments.Integers("pool_scales") ?? [1, 2, 3, 6],
            AlignCorners = arguments.Flag("align_corners", true),
            ScaleModules = arguments.Flag("scale_modules", false),
        },
        ["ASPPHead"] = (arguments, _) => Aspp(arguments, AsppOutput.Features),
        ["ASPPSegmentationHead"] = (arguments, classes) => Aspp(arguments, AsppOutput.Segmentation) with { Classes = arguments.Integer("num_classes") ?? classes ?? 2 },
        ["ASPPRegressionHead"] = (arguments, _) => Aspp(arguments, AsppOutput.Regression) with { Classes = arguments.Integer("out_channels", 1) },
    };

    public static Decoder Read(string name, ConfigurationArguments arguments, int? classes)
    {
        var decoder = Known.TryGetValue(name, out var read) ? read(arguments, classes) : throw new DecoderException(
            $"The decoder '{name}' is not supported; supported are {string.Join(", ", Known.Keys.Order(StringComparer.Ordinal))}.");
        arguments.Finish();
        return decoder;
    }

    private static MlpDecoder Mlp(ConfigurationArguments arguments, int? classes)
    {
        arguments.Ignore("channels", "out_dim");
        return new MlpDecoder { Index = arguments.Integer("out_index", -1), Activation = arguments.Text("activation") is { } name ? Activation.Parse(name) : Activation.Relu };
    }

    private static AsppDecoder Aspp(ConfigurationArguments arguments, AsppOutput output)
    {
        // The number of input channels follows from the features.
        arguments.Ignore("in_channels", "out_dim");
        var indices = arguments.Integers("in_index") ?? [-1];
        return new AsppDecoder
        {
            Output = output,
            Channels = arguments.Integer("channels") ?? throw new DecoderException($"{arguments.Owner} needs the argument 'channels'."),
            Dilations = arguments.Integers("dilations") ?? [1, 6, 12, 18],
            AlignCorners = arguments.Flag("align_corners", false),
            Dropout = arguments.Number("head_dropout_ratio", 0.3),
            Indices = (arguments.Text("input_transform"), indices.Count) switch
            {
                (null, 1) or ("resize_concat", _) => indices,
                (null, _) => throw arguments.Bad("in_index", string.Join(", ", indices), "a single feature, or input_transform: resize_concat"),
                var (other, _) => throw arguments.Bad("input_transform", other!, "resize_concat or null"),
            },
        };
    }

    /// <summary>A flag, a name, or a dictionary of a type and its arguments.</summary>
    private static ConvolutionNorm Norm(ConfigurationArguments arguments)
    {
        switch (arguments.Node("use_batchnorm"))
        {
            case null:
                return ConvolutionNorm.Batch();
            case JsonObject nested:
                var inner = new ConfigurationArguments($"{arguments.Owner}'s use_batchnorm", nested.ToDictionary(item => item.Key, item => item.Value, StringComparer.Ordinal));
                var type = inner.Text("type") ?? throw arguments.Bad("use_batchnorm", nested.ToJsonString(), "a dictionary with a type");
                var norm = type switch
                {
                    "batchnorm" => ConvolutionNorm.Batch(inner.Number("eps", 1e-5), inner.Number("momentum", 0.1)),
                    "instancenorm" => inner.Flag("affine", false) ? ConvolutionNorm.Instance(inner.Number("eps", 1e-5)) : throw inner.Bad("affine", "false", "true"),
                    "layernorm" => ConvolutionNorm.Layer(inner.Number("eps", 1e-5)),
                    "identity" => ConvolutionNorm.None,
                    _ => throw inner.Bad("type", type, "batchnorm, instancenorm, layernorm or identity"),
                };
                inner.Finish();
                return norm;
            case JsonValue value when value.TryGetValue<bool>(out var flag):
                return flag ? ConvolutionNorm.Batch() : ConvolutionNorm.None;
            case var name:
                return arguments.Text("use_batchnorm") switch
                {
                    "batchnorm" => ConvolutionNorm.Batch(),
                    "identity" => ConvolutionNorm.None,
                    "layernorm" => ConvolutionNorm.Layer(),
                    _ => throw arguments.Bad("use_batchnorm", name.ToJsonString(), "true, false, batchnorm, identity, layernorm, or a dictionary with a type"),
                };
        }
    }
}
