using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// ScaleMAE (Reed et al. 2023): a vision transformer whose positions are metres instead of pixels. The table of the checkpoint is not
/// read; it is computed for the ground resolution of the input. Reference: torchgeo's <c>scale_mae.py</c>.
/// </summary>
internal sealed class ScaleMae : IBackbone
{
    private static readonly VitVariant[] Variants = [new("large", 1024, 24, 16, 16)];

    public string Name => "scalemae";

    public string Description => "ScaleMAE: a vision transformer that knows the ground resolution of its input.";

    public string Example => "export scalemae --random --size large --seed 1 --resolution 10 --out scalemae.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } = [.. VitEncoder.Settings.Where(setting => setting != BackboneSetting.PositionResampling), BackboneSetting.GroundResolution];

    public IReadOnlyList<string> FurtherOutputs => VitEncoder.FurtherOutputs;

    public IReadOnlyList<string> Sizes { get; } = [.. Variants.Select(variant => variant.Size)];

    public IReadOnlyList<string> DefaultBands { get; } = ["RED", "GREEN", "BLUE"];

    public string Licence => "CC-BY-NC-4.0";

    public StateDict Random(string size, long seed, int bands) => VitVariant.Random(this, Variants, size, seed, bands);

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var found = CheckpointPrefix.Find(weights, "patch_embed.proj.weight", "model.", "module.", "encoder.", "backbone.");
        // Trained on 8-bit colours with ImageNet's statistics.
        options = options.Means is null && options.Deviations is null && found.Take("patch_embed.proj.weight", -1, -1, -1, -1).Shape[1] == 3
            ? options with { Means = [0.485 * 255, 0.456 * 255, 0.406 * 255], Deviations = [0.229 * 255, 0.224 * 255, 0.225 * 255] }
            : options;
        var built = VitEncoder.Build(this, found, options, Variants, (table, rows, columns) => PositionTable.Metres(rows, columns, (int)table.Shape[2], (float)options.GroundResolutionMetres), ["decoder", "mask_token", "fpn", "fcn"]);
        return built with { Manifest = built.Manifest with { GroundResolutionMetres = options.GroundResolutionMetres } };
    }
}
