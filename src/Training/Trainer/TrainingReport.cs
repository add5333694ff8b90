using System.Runtime.InteropServices;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using EoOnnx.Training.Features;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Metrics;

namespace EoOnnx.Training.Trainer;

/// <summary>Figures of held-out chips.</summary>
public sealed record ValidationReport
{
    /// <summary>Mean of the batch losses, weighted by batch size.</summary>
    public required double Loss { get; init; }

    /// <summary>Metrics by the names that TerraTorch logs.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>Pixels by true class (row) and predicted class (column); null for a regression.</summary>
    public long[][]? Confusion { get; init; }

    /// <summary>Name of the figure that decides: the mean intersection over union of a segmentation, the F1 score of a classification, the average
    /// precision of several labels, the RMSE of a regression.</summary>
    [JsonIgnore]
    public string ScoreName => Scores.First(Metrics.ContainsKey);

    /// <summary>That figure.</summary>
    [JsonIgnore]
    public double Score => Metrics[ScoreName];

    /// <summary>True when higher scores are better.</summary>
    [JsonIgnore]
    public bool HigherIsBetter => ScoreName != "RMSE";

    private static string[] Scores => ["mIoU", "F1_Score", "Multilabel_AveragePrecision", "RMSE"];
}

/// <summary>An epoch of a run.</summary>
/// <param name="Epoch">Number, from 1.</param>
/// <param name="TrainingLoss">Mean of the batch losses, weighted by batch size, as the parameters changed.</param>
/// <param name="LearningRate">Rate of the last parameter group at the epoch's last step.</param>
/// <param name="Validation">Figures of held-out chips at its end.</param>
public sealed record EpochReport(int Epoch, double TrainingLoss, double LearningRate, ValidationReport Validation);

/// <summary>Where a run's time went, in seconds; a resumed run counts from its resumption.</summary>
/// <param name="Total">From start to end.</param>
/// <param name="Steps">Training steps.</param>
/// <param name="Validation">Held-out chips.</param>
/// <param name="WaitingForData">Part of the training in which no batch was ready.</param>
/// <param name="ImagesPerSecond">Trained images over <paramref name="Steps"/>.</param>
public sealed record TrainingTiming(double Total, double Steps, double Validation, double WaitingForData, double ImagesPerSecond)
{
    /// <summary>Share of the training, validation aside, in which no batch was ready.</summary>
    public double WaitingShare => WaitingForData > 0 ? WaitingForData / (Steps + WaitingForData) : 0;
}

/// <summary>The memory of a run.</summary>
/// <param name="Plan">What was planned.</param>
/// <param name="MeasuredPeak">Largest resident set of the process so far, in bytes; in a program that does other things, theirs too.</param>
public sealed record MemoryReport(MemoryPlan Plan, long MeasuredPeak);

/// <summary>What a run did: the content of <c>report.json</c>.</summary>
public sealed record TrainingReport
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
    };

    /// <summary>Name of the base model.</summary>
    public string? Base { get; init; }

    /// <summary>Identity of the base's weights.</summary>
    public string? BaseSha256 { get; init; }

    /// <summary>How the run was asked for.</summary>
    public JsonElement? Recipe { get; init; }

    /// <summary>How chips were divided.</summary>
    public required string Split { get; init; }

    /// <summary>Chips trained on.</summary>
    public required IReadOnlyList<string> TrainingChips { get; init; }

    /// <summary>Chips held out.</summary>
    public required IReadOnlyList<string> ValidationChips { get; init; }

    /// <summary>Numbers that are trained.</summary>
    public required long TrainableParameters { get; init; }

    /// <summary>Epochs in order.</summary>
    public required IReadOnlyList<EpochReport> Epochs { get; init; }

    /// <summary>The epoch with the best validation figure; 0 when no epoch was completed.</summary>
    public required int BestEpoch { get; init; }

    /// <summary>The epoch whose parameters the adapter holds; 0 when no epoch was completed.</summary>
    public required int KeptEpoch { get; init; }

    /// <summary>What plain rules reach on the held-out chips, by name.</summary>
    public IReadOnlyDictionary<string, ValidationReport>? Baselines { get; init; }

    /// <summary>True when the run was cancelled before its end.</summary>
    public bool Interrupted { get; init; }

    /// <summary>Optimizer steps made.</summary>
    public required long Steps { get; init; }

    /// <summary>Tiles that were left out because nothing in them is labelled.</summary>
    public int SkippedTiles { get; init; }

    /// <summary>What was kept of the frozen part of the model.</summary>
    public FeatureCacheReport? Features { get; init; }

    /// <summary>Where the memory went.</summary>
    public MemoryReport? Memory { get; init; }

    /// <summary>Temperature of the probabilities and what it mends; null without classes, and for a run that was interrupted.</summary>
    public TemperatureScaling? Calibration { get; init; }

    /// <summary>Memory, processor time and energy.</summary>
    public ResourceUse? Resources { get; init; }

    /// <summary>Where the time went.</summary>
    public required TrainingTiming Timing { get; init; }

    /// <summary>Versions that decide on a run's bits.</summary>
    public IReadOnlyDictionary<string, string> Versions { get; init; } = new Dictionary<string, string>
    {
        ["eoonnx"] = typeof(TrainingReport).Assembly.GetName().Version?.ToString(3) ?? "unknown",
        ["onnxruntime"] = Microsoft.ML.OnnxRuntime.OrtEnv.Instance().GetVersionString(),
        ["dotnet"] = RuntimeInformation.FrameworkDescription,
        ["system"] = $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
    };

    /// <summary>Figures of the best epoch.</summary>
    [JsonIgnore]
    public ValidationReport? Best => Epochs.FirstOrDefault(epoch => epoch.Epoch == BestEpoch)?.Validation;

    /// <summary>Figures of the epoch whose parameters the adapter holds.</summary>
    [JsonIgnore]
    public ValidationReport? Kept => Epochs.FirstOrDefault(epoch => epoch.Epoch == KeptEpoch)?.Validation;

    /// <summary>The report as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, Json);

    /// <summary>Figures as compact JSON, for the adapter's metadata.</summary>
    internal static string MetricsJson(EpochReport epoch) => JsonSerializer.Serialize(epoch, Compact);

    /// <summary>Form of everything this room keeps as JSON on one line.</summary>
    internal static JsonSerializerOptions Compact { get; } = new(Json) { WriteIndented = false };
}
