using System.Text.Json.Nodes;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Detection;
using EoOnnx.Export.Models;
using EoOnnx.Formats;

namespace EoOnnx.Cli.Inspection;

/// <summary>What a file with weights says beside its tensors.</summary>
internal sealed record CheckpointInspection
{
    private const int MostHyperParameters = 2000;

    /// <summary>The form of the file.</summary>
    public required CheckpointKind Format { get; init; }

    /// <summary>Version of Lightning that wrote it.</summary>
    public string? LightningVersion { get; init; }

    /// <summary>The family and variant that its tensors look like.</summary>
    public DetectedModel? Model { get; init; }

    /// <summary>The card of the published variant whose sizes these are: bands, statistics and licence as they were published.</summary>
    public ModelCard? Published { get; init; }

    /// <summary>True when the file is the published one, byte for byte; null when the card states no hash.</summary>
    public bool? IsPublishedFile { get; init; }

    /// <summary>The task that its hyper-parameters describe.</summary>
    public DetectedTask? Task { get; init; }

    /// <summary>Its hyper-parameters; classes are named under <c>$class</c>.</summary>
    public JsonNode? HyperParameters { get; init; }

    /// <summary>Names at the top of the file beside the weights.</summary>
    public IReadOnlyList<string> Contents { get; init; } = [];

    /// <summary>How many tensors there are of each element type.</summary>
    public required IReadOnlyDictionary<ElementType, int> Types { get; init; }

    /// <summary>Bytes of the tensors.</summary>
    public required long TensorBytes { get; init; }

    /// <summary>Looks into a checkpoint.</summary>
    /// <param name="checkpoint">The checkpoint.</param>
    /// <param name="sha256">SHA-256 of its file.</param>
    public static CheckpointInspection Of(Checkpoint checkpoint, string sha256)
    {
        var tensors = checkpoint.Weights.Names.Select(name => checkpoint.Weights.Peek(name)!).ToList();
        var model = FamilyDetector.Detect(checkpoint.Weights);
        var card = ModelCards.All.FirstOrDefault(card => card.Sha256 == sha256)
            ?? (model is { IsOfficialSize: true, Variant: { } variant } ? ModelCards.All.FirstOrDefault(card => card.Name.Equals(variant, StringComparison.OrdinalIgnoreCase)) : null);
        return new CheckpointInspection
        {
            Published = card,
            IsPublishedFile = card?.Sha256 is { } published ? published == sha256 : null,
            Format = checkpoint.Kind,
            LightningVersion = checkpoint.LightningVersion,
            Model = model,
            Task = TaskDetector.Detect(checkpoint),
            HyperParameters = checkpoint.HyperParameters?.ToJson(MostHyperParameters),
            Contents = [.. checkpoint.Root?.Entries.Where(entry => entry.Value.Tensor is null).Select(entry => entry.Key.Text).OfType<string>().Take(40) ?? []],
            Types = tensors.GroupBy(tensor => tensor.Type).OrderBy(group => group.Key).ToDictionary(group => group.Key, group => group.Count()),
            TensorBytes = tensors.Sum(tensor => tensor.ByteLength),
        };
    }

    /// <summary>What it is, in a word or two.</summary>
    public string Kind => (Model, Task) switch
    {
        ({ Family: "adapter" }, _) => $"PEFT adapter ({Form})",
        (_, not null) => $"TerraTorch task ({Form})",
        _ when LightningVersion is not null => $"Lightning checkpoint ({Form})",
        _ => Format == CheckpointKind.Safetensors ? "weights (safetensors)" : $"PyTorch checkpoint ({Form})",
    };

    private string Form => Format switch
    {
        CheckpointKind.Safetensors => "safetensors",
        CheckpointKind.TorchZip => "zip",
        CheckpointKind.TorchLegacy => "legacy, before PyTorch 1.6",
        _ => "pickle",
    };
}
