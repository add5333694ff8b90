using EoOnnx.Export.Checkpoints.Pickles;

namespace EoOnnx.Export.Checkpoints.Detection;

/// <summary>Reads from the hyper-parameters of a Lightning checkpoint which task of TerraTorch it is.</summary>
public static class TaskDetector
{
    /// <summary>The task, or null when the checkpoint is none of TerraTorch's.</summary>
    public static DetectedTask? Detect(Checkpoint checkpoint)
    {
        if (checkpoint.HyperParameters is not { } parameters || parameters["model_args"] is not { } model)
        {
            return null;
        }

        return new DetectedTask
        {
            Task = parameters["task"]?.Text,
            Factory = parameters["model_factory"]?.Text,
            Backbone = model["backbone"]?.Text,
            Necks = Texts(model["necks"], neck => neck["name"] ?? neck),
            Decoder = model["decoder"]?.Text,
            Classes = model["num_classes"]?.Integer is { } classes and > 0 and < int.MaxValue ? (int)classes : null,
            ClassNames = Texts(parameters["class_names"], name => name),
            Bands = Bands(model["backbone_bands"] ?? model["bands"]),
            AdapterMethod = model.Find("peft_config", "method")?.Text,
            Loss = parameters["loss"]?.Text,
        };
    }

    private static List<string> Texts(PickleValue? list, Func<PickleValue, PickleValue> select) => [.. list?.Items.Select(item => select(item).Text).OfType<string>() ?? []];

    // A list of names, or one for each modality.
    private static List<string> Bands(PickleValue? bands) => bands is { Entries.Count: > 0, Items.Count: 0 }
        ? [.. bands.Entries.SelectMany(modality => Texts(modality.Value, band => band).Select(band => $"{modality.Key.Text} {band}"))]
        : Texts(bands, band => band);
}
