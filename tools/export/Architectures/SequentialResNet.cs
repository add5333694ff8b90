using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>Residual networks that were saved as a sequence of layers, as SeCo's own checkpoints are: <c>encoder_q.0.weight</c> is the stem,
/// <c>encoder_q.4.0.conv1.weight</c> belongs to the first block.</summary>
internal static class SequentialResNet
{
    /// <summary>A weight that every such network has.</summary>
    public const string Signature = "4.0.conv1.weight";

    // Places of the layers with weights among the children of torchvision's network; between them lie ReLU and pooling.
    private static readonly Dictionary<string, string> Layers = new(StringComparer.Ordinal) { ["0"] = "conv1", ["1"] = "bn1", ["4"] = "layer1", ["5"] = "layer2", ["6"] = "layer3", ["7"] = "layer4" };

    // The query encoder is the trained one; the key encoder follows it.
    private static readonly string[] Prefixes = ["encoder_q.", "module.encoder_q.", "model.encoder_q.", "", "encoder.", "backbone."];

    /// <summary>The weights under torchvision's names; null when the checkpoint holds no such network.</summary>
    public static StateDict? Find(StateDict weights) =>
        Array.Find(Prefixes, prefix => weights.Contains(prefix + Signature)) is { } found ? Renamed(weights.Below(found)) : null;

    /// <summary>The same weights under torchvision's names.</summary>
    public static StateDict Renamed(StateDict sequence)
    {
        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        foreach (var name in sequence.Names)
        {
            if (name.Split('.', 2) is [var place, var rest] && Layers.TryGetValue(place, out var layer))
            {
                tensors.Add($"{layer}.{rest}", sequence.Peek(name)!);
            }
        }

        return new StateDict(sequence.Source, tensors);
    }
}
