using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>timm's vision transformer with a class token and learnt positions, as SSL4EO-S12, SSL4EO-L and other self-supervised
/// checkpoints use it, and BEiT's with relative positions, as SSL4EO-S12's data2vec does. MoCo's, DINO's and DeCUR's prefixes are found by themselves.</summary>
internal sealed class VisionTransformer : IBackbone
{
    private static readonly VitVariant[] Variants = [new("tiny", 192, 12, 3, 16), new("small", 384, 12, 6, 16), new("base", 768, 12, 12, 16), new("large", 1024, 24, 16, 16)];

    public string Name => "vit";

    public string Description => "Vision transformers in timm's form or BEiT's: SSL4EO-S12, SSL4EO-L and others.";

    public string Example => "export vit --random --size small --seed 1 --bands B04,B03,B02 --out vit-small.onnx";

    public IReadOnlyList<BackboneSetting> Settings => VitEncoder.Settings;

    public IReadOnlyList<string> FurtherOutputs => VitEncoder.FurtherOutputs;

    public IReadOnlyList<string> Sizes { get; } = [.. Variants.Select(variant => variant.Size)];

    public IReadOnlyList<string> DefaultBands { get; } = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"];

    public StateDict Random(string size, long seed, int bands) => VitVariant.Random(this, Variants, size, seed, bands);

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var found = CheckpointPrefix.OneOfTwo(weights, "patch_embed.proj.weight", options) ?? CheckpointPrefix.Find(weights, "patch_embed.proj.weight", "module.base_encoder.", "module.momentum_encoder.", "base_encoder.", "backbone.", "module.backbone.", "teacher.backbone.", "encoder.", "model.", "module.");
        return VitEncoder.Build(this, found, options, Variants, (table, rows, columns) => PositionTable.Resize(table, 1, rows, columns, options.PositionResampling, InterpolationForm.Antialiased), []);
    }
}
