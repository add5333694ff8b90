using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Layers;
using EoOnnx.Formats;

namespace EoOnnx.Decoders.Configuration;

/// <summary>The head that a task has, with the arguments of TerraTorch's configuration.</summary>
internal static class HeadConfiguration
{
    public static Head Read(ModelTask task, ConfigurationArguments arguments, int? classes)
    {
        Head head = task switch
        {
            ModelTask.Segmentation => new SegmentationHead
            {
                Classes = arguments.Integer("num_classes") ?? classes ?? throw Missing("segmentation"),
                Channels = arguments.Integers("channel_list") ?? [],
                Dropout = arguments.Number("dropout", 0),
            },
            ModelTask.Regression => Regression(arguments),
            ModelTask.Classification or ModelTask.Multilabel or ModelTask.ScalarRegression => new ScalarHead
            {
                Classes = arguments.Integer("num_outputs") ?? arguments.Integer("num_classes") ?? classes ?? (task == ModelTask.ScalarRegression ? 1 : throw Missing("classification")),
                Widths = arguments.Integers("dim_list") ?? [],
                Dropout = arguments.Number("dropout", 0),
                PoolFirst = arguments.Flag("linear_after_pool", false),
            },
            _ => throw new DecoderException($"A head for the task {task} is not known; known are segmentation, regression, classification and scalar regression."),
        };
        arguments.Finish();
        return head;
    }

    private static RegressionHead Regression(ConfigurationArguments arguments)
    {
        arguments.Ignore("batch_norm", "num_classes");
        return new RegressionHead
        {
            Values = arguments.Integer("num_outputs", 1),
            UpscaleLayers = arguments.Integer("learned_upscale_layers", 0),
            Channels = arguments.Integers("channel_list") ?? [],
            Dropout = arguments.Number("dropout", 0),
            FinalActivation = arguments.Text("final_act") is { } name ? Activation.Parse(name) : null,
        };
    }

    private static DecoderException Missing(string task) => new($"The {task} head needs the number of classes (num_classes).");
}
