using System.Text.Json.Nodes;
using EoOnnx.Decoders;
using EoOnnx.Decoders.Configuration;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.TerraTorch;

/// <summary>What the Lightning checkpoint of a TerraTorch task says about itself.</summary>
internal sealed class TaskCheckpoint
{
    private const string WeightsPrefix = "model.";
    private const string PeftPrefix = "encoder.base_model.model.";
    private static readonly string[] Factories = ["EncoderDecoderFactory", "PrithviModelFactory"];

    private static readonly Dictionary<string, ModelTask> Tasks = new(StringComparer.Ordinal)
    {
        ["segmentation"] = ModelTask.Segmentation,
        ["regression"] = ModelTask.Regression,
        ["classification"] = ModelTask.Classification,
        ["multilabel_classification"] = ModelTask.Multilabel,
        ["scalar_regression"] = ModelTask.ScalarRegression,
    };

    private TaskCheckpoint(string path, StateDict weights, JsonObject hyperParameters)
    {
        Path = path;
        Weights = weights;
        Arguments = hyperParameters["model_args"] as JsonObject ?? throw new ExportException(
            $"{path} is a Lightning checkpoint without 'model_args' in its hyper_parameters; a TerraTorch task has them. It has {string.Join(", ", hyperParameters.Select(item => item.Key).Take(8))}.");
        var factory = (hyperParameters["model_factory"] as JsonValue)?.ToString();
        if (factory is not null && !Factories.Contains(factory))
        {
            throw new ExportException($"{path} was made by the model factory '{factory}'; supported are {string.Join(", ", Factories)}.");
        }

        Task = TaskOf(path, hyperParameters);
        ClassNames = (hyperParameters["class_names"] as JsonArray)?.Select(name => name?.ToString() ?? "").ToList();
        IgnoreIndex = hyperParameters["ignore_index"] is JsonValue value && value.TryGetValue<long>(out var ignored) ? (int)Math.Clamp(ignored, int.MinValue, int.MaxValue) : null;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>All tensors, without <c>model.</c> in front.</summary>
    public StateDict Weights { get; }

    /// <summary>The model's arguments.</summary>
    public JsonObject Arguments { get; }

    /// <summary>What is predicted.</summary>
    public ModelTask Task { get; }

    /// <summary>Names of the classes; null when the task had none.</summary>
    public IReadOnlyList<string>? ClassNames { get; }

    /// <summary>Label value that the loss ignored.</summary>
    public int? IgnoreIndex { get; }

    /// <summary>True when the encoder was trained by a method of PEFT.</summary>
    public bool HasAdapter => Weights.Below(PeftPrefix).Names.Any();

    /// <summary>The encoder's tensors, below PEFT's names when there are any.</summary>
    public StateDict Encoder => HasAdapter ? Weights.Below(PeftPrefix) : Weights.Below("encoder.");

    /// <summary>Names of the auxiliary heads, which are not exported.</summary>
    public IReadOnlyList<string> AuxiliaryHeads => [.. Weights.Below("aux_heads.").Names.Select(name => name.Split('.')[0]).Distinct()];

    /// <summary>Necks, decoder and head.</summary>
    /// <exception cref="ExportException">A part is not supported; the message names it and what is.</exception>
    public Decoder Decoder()
    {
        try
        {
            return TerraTorchConfiguration.Read(Arguments, Task);
        }
        catch (DecoderException refusal)
        {
            throw new ExportException($"{Path}: {refusal.Message}", refusal);
        }
    }

    /// <summary>Opens a checkpoint.</summary>
    /// <exception cref="FileFormatException">The file is damaged.</exception>
    /// <exception cref="ExportException">It is no TerraTorch task, or one of a kind that is not supported.</exception>
    public static TaskCheckpoint Open(string path)
    {
        var checkpoint = Checkpoint.Open(path);
        return InertJson.Of(checkpoint.HyperParameters) is { } hyperParameters
            ? Of(path, checkpoint.Weights.Below(WeightsPrefix), hyperParameters)
            : throw new ExportException($"{path} has no hyper_parameters, so it is no task of TerraTorch. For an encoder's weights use eoonnx export FAMILY --weights {path}.");
    }

    /// <summary>A task of what was read.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="weights">The tensors, without <c>model.</c> in front.</param>
    /// <param name="hyperParameters">What the Lightning module was made with.</param>
    /// <exception cref="ExportException">It is no TerraTorch task, or one of a kind that is not supported.</exception>
    internal static TaskCheckpoint Of(string path, StateDict weights, JsonObject hyperParameters) => new(path, weights, hyperParameters);

    private static ModelTask TaskOf(string path, JsonObject hyperParameters)
    {
        var name = hyperParameters["task"]?.ToString()
            ?? throw new ExportException($"{path} does not say what it predicts (hyper_parameters: task); known are {string.Join(", ", Tasks.Keys)}.");
        return Tasks.TryGetValue(name, out var task) ? task : throw new ExportException($"{path} is a TerraTorch task '{name}'; supported are {string.Join(", ", Tasks.Keys)}.");
    }
}
