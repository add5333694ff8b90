using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Training.Adapters;

namespace EoOnnx.Training.Trainer;

/// <summary>All of a run that is not a tensor: what a checkpoint must know so that the run goes on as if it had never stopped.</summary>
internal sealed record RunState
{
    private const string StateKey = "eoonnx.run_state";
    private const string RecipeKey = "eoonnx.recipe";

    /// <summary>Optimizer steps made.</summary>
    public long Step { get; set; }

    /// <summary>Epoch that is under way, from 0.</summary>
    public int Epoch { get; set; }

    /// <summary>Batches of that epoch that are done.</summary>
    public int Batch { get; set; }

    /// <summary>Sum of loss times images of that epoch.</summary>
    public double LossSum { get; set; }

    /// <summary>Images of that epoch.</summary>
    public long Images { get; set; }

    /// <summary>Epochs that are done.</summary>
    public List<EpochReport> History { get; init; } = [];

    /// <summary>The best of them, from 1; 0 when there is none.</summary>
    public int BestEpoch { get; set; }

    /// <summary>Validations since the best.</summary>
    public int Waited { get; set; }

    /// <summary>True when patience ended the run.</summary>
    public bool Stopped { get; set; }

    /// <summary>Writes the state, the current slots and the parameters that are kept, atomically.</summary>
    public void Save(string path, IReadOnlyDictionary<string, TensorData> current, IReadOnlyDictionary<string, TensorData>? best, string? recipe)
    {
        var metadata = new Dictionary<string, string>(StringComparer.Ordinal) { [StateKey] = JsonSerializer.Serialize(this, TrainingReport.Compact) };
        if (recipe is not null)
        {
            metadata[RecipeKey] = recipe;
        }

        SafetensorsFile.Write(path, [
            .. current.Select(item => KeyValuePair.Create($"current/{item.Key}", item.Value)),
            .. (best ?? new Dictionary<string, TensorData>()).Select(item => KeyValuePair.Create($"best/{item.Key}", item.Value))], metadata);
    }

    /// <summary>Reads what <see cref="Save"/> wrote.</summary>
    /// <param name="path">The checkpoint.</param>
    /// <param name="expected">Slots of the run that goes on, by name.</param>
    /// <param name="recipe">Its recipe.</param>
    /// <exception cref="TrainingException">The checkpoint belongs to another run.</exception>
    /// <exception cref="FileFormatException">The file is damaged.</exception>
    public static (RunState State, Dictionary<string, TensorData> Current, Dictionary<string, TensorData>? Best) Load(
        string path, IReadOnlyDictionary<string, TensorData> expected, string? recipe)
    {
        var file = SafetensorsFile.Open(path);
        var found = file.Metadata.GetValueOrDefault(RecipeKey);
        if (found != recipe)
        {
            throw new TrainingException($"{path} was written by a run with other settings:{Difference(found, recipe)}. Go on with the same settings, or train into another folder.");
        }

        var (current, best) = (Part("current/"), Part("best/"));
        var wrong = expected.Where(item => !current.TryGetValue(item.Key, out var tensor) || !tensor.Shape.SequenceEqual(item.Value.Shape) || tensor.Type != item.Value.Type).Select(item => item.Key).ToList();
        if (wrong.Count > 0 || current.Count != expected.Count)
        {
            throw new TrainingException($"{path} holds {current.Count} tensors of a run, this one has {expected.Count}; {(wrong.Count > 0 ? $"{wrong[0]} is absent or has another shape" : "some are unknown here")}. Train into another folder.");
        }

        try
        {
            var state = JsonSerializer.Deserialize<RunState>(file.Metadata.GetValueOrDefault(StateKey) ?? "null", TrainingReport.Compact)
                ?? throw new FileFormatException($"{path} holds no state of a run ({StateKey}). The file is damaged; delete it and start again.");
            return (state, current, best.Count > 0 ? best : null);
        }
        catch (JsonException failure)
        {
            throw new FileFormatException($"{path} holds a damaged state of a run: {failure.Message}", failure);
        }

        Dictionary<string, TensorData> Part(string prefix) => file.Tensors.Where(tensor => tensor.Key.StartsWith(prefix, StringComparison.Ordinal))
            .ToDictionary(tensor => tensor.Key[prefix.Length..], tensor => TensorData.FromBytes(tensor.Value.Type, tensor.Value.Shape.AsSpan(), tensor.Value.Bytes.ToArray()), StringComparer.Ordinal);
    }

    /// <summary>The first setting that differs, as <c> epochs was 10 and is 20</c>.</summary>
    private static string Difference(string? found, string? wanted) => RecipeDifference.Between(found, wanted) is [var first, ..]
        ? $" {first.Setting} was {first.First ?? "not set"} and is {first.Second ?? "not set"}" : "";
}
