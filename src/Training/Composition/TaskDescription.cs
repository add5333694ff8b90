using EoOnnx.Formats;
using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Composition;

/// <summary>What a task's manifest says beyond its encoder's.</summary>
public sealed record TaskDescription
{
    /// <summary>Name of the task; null takes the encoder's.</summary>
    public string? Name { get; init; }

    /// <summary>What is predicted.</summary>
    public ModelTask Task { get; init; } = ModelTask.Segmentation;

    /// <summary>Names and colours, one a channel of the prediction; empty names them by number.</summary>
    public IReadOnlyList<ManifestClass> Classes { get; init; } = [];

    /// <summary>Label value that means "no label".</summary>
    public int? NoDataLabel { get; init; }

    /// <summary>Unit of measured values, for example <c>t/ha</c>; null when it is not known.</summary>
    public string? Unit { get; init; }

    /// <summary>Mean and deviation of the training targets of a regression: the decoder then predicts standardised values, and the graph turns them into
    /// the unit of the targets. Null leaves the decoder's output.</summary>
    public TargetScaling? Targets { get; init; }

    /// <summary>The input channels with statistics of the training data, when these replace the encoder's; empty keeps the encoder's.</summary>
    public IReadOnlyList<ManifestBand> Bands { get; init; } = [];

    /// <summary>The modalities with such statistics; empty keeps the encoder's.</summary>
    public IReadOnlyList<ManifestModality> Modalities { get; init; } = [];

    /// <summary>Factor of stored values in front of the encoder's own.</summary>
    public double ConstantScale { get; init; } = 1;

    internal ModelManifest Apply(ModelManifest encoder, int channels)
    {
        if (Classes.Count != 0 && Classes.Count != channels)
        {
            throw new TrainingException($"{Classes.Count} classes are described ({string.Join(", ", Classes.Select(item => item.Name))}); the head predicts {channels}.");
        }

        var named = Task is ModelTask.Segmentation or ModelTask.Classification or ModelTask.Multilabel;
        return encoder with
        {
            Name = Name ?? encoder.Name,
            Task = Task,
            Classes = Classes.Count > 0 ? Classes : named ? [.. Enumerable.Range(0, channels).Select(id => new ManifestClass(id, $"class {id}"))] : [],
            Bands = Bands.Count > 0 ? Bands : encoder.Bands,
            Modalities = Modalities.Count > 0 ? Modalities : encoder.Modalities,
            ValueScale = encoder.ValueScale * ConstantScale,
            Features = [],
            NoDataLabel = NoDataLabel,
            Unit = Unit,
        };
    }
}
