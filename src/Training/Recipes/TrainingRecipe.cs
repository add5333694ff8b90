using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Recipes;

/// <summary>Everything that decides on the result of a training run: what is kept in the adapter, and what a resumed run must agree with.</summary>
public sealed record TrainingRecipe
{
    private static readonly JsonSerializerOptions Json = new(TrainingReport.Compact) { Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower) } };

    /// <summary>The encoder, an <c>.onnx</c> file with a manifest.</summary>
    public required string Model { get; init; }

    /// <summary>What is predicted.</summary>
    public TaskName Task { get; init; }

    /// <summary>The labelled chips.</summary>
    public required DataRecipe Data { get; init; }

    /// <summary>How the encoder is trained.</summary>
    public MethodRecipe Method { get; init; } = new();

    /// <summary>What stands behind the encoder.</summary>
    public DecoderRecipe Decoder { get; init; } = new();

    /// <summary>The objective.</summary>
    public LossRecipe Loss { get; init; } = new();

    /// <summary>The update rule.</summary>
    public OptimizerRecipe Optimizer { get; init; } = new();

    /// <summary>How long and in which portions.</summary>
    public RunRecipe Run { get; init; } = new();

    /// <summary>The recipe as JSON on one line; equal recipes give equal text.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);
}
