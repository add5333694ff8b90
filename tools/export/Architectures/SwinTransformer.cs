using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// torchvision's Swin transformer v2, as Satlas uses it: cosine attention in shifted windows, a continuous relative bias, normalisation
/// behind attention and layers. Outputs are maps <c>stage_0</c> to <c>stage_3</c>, [batch, channels, rows, columns]; <c>features_N</c> are
/// the reference's own, [batch, rows, columns, channels].
/// </summary>
internal sealed class SwinTransformer : IBackbone
{
    private const float Epsilon = 1e-5f;
    private const int UsualTile = 256;

    private static readonly (string Size, long Width, int[] Depths, int[] Heads)[] Variants =
        [("tiny", 96, [2, 2, 6, 2], [3, 6, 12, 24]), ("base", 128, [2, 2, 18, 2], [4, 8, 16, 32])];

    public string Name => "swin";

    public string Description => "Swin transformers v2 in torchvision's form: Satlas tiny and base.";

    public string Example => "export swin --random --size tiny --seed 1 --bands B04,B03,B02 --out swin-tiny.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } = [BackboneSetting.Bands, BackboneSetting.Wavelengths, BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.Layers];

    public IReadOnlyList<string> FurtherOutputs { get; } = [.. Enumerable.Range(0, 8).Select(i => $"features_{i}"), "pooled", "logits"];

    public IReadOnlyList<string> Sizes { get; } = [.. Variants.Select(variant => variant.Size)];

    public IReadOnlyList<string> DefaultBands { get; } = ["RED", "GREEN", "BLUE"];

    public StateDict Random(string size, long seed, int bands) => RandomWeights.Create($"random Swin v2 weights ({size}, seed {seed})", seed, Shapes(size, bands));

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var found = CheckpointPrefix.Find(weights, "features.0.0.weight", "backbone.backbone.", "backbone.", "encoder.", "model.", "module.");
        var graph = new WeightedGraph(new GraphBuilder(Name), found);
        var op = graph.Op;
        var kernel = found.Take("features.0.0.weight", -1, -1, -1, -1).Shape;
        var (channels, patch, size) = (kernel[1], (int)kernel[2], InputSize.Of(options, UsualTile));
        var stages = found.CountBlocks("features") / 2;
        var outputs = new EncoderOutputs(stages, options with { Layers = options.Layers ?? [.. Enumerable.Range(0, stages)] }, FurtherOutputs);
        var bands = InputBands.Describe(found.Source, options, (int)channels, DefaultBands);
        _ = size.Patches(patch);

        var image = op.Input("image", ElementType.Float, ["batch", channels, size.Height, size.Width]);
        var x = op.Conv(image, graph.Weight("features.0.0.weight"), graph.Weight("features.0.0.bias", kernel[0]), [patch, patch], [0, 0, 0, 0]);
        x = Feature(graph, graph.Normalize(op.Transpose(x, 0, 2, 3, 1), "features.0.2", Epsilon), 0, options.Outputs);
        for (var stage = 0; stage < outputs.Depth; stage++)
        {
            x = stage == 0 ? x : Feature(graph, Merge(graph, x, $"features.{2 * stage}"), 2 * stage, options.Outputs);
            for (var layer = 0; layer < found.CountBlocks($"features.{(2 * stage) + 1}"); layer++)
            {
                x = Block(graph, x, $"features.{(2 * stage) + 1}.{layer}", isShifted: layer % 2 == 1);
            }

            x = Feature(graph, x, (2 * stage) + 1, options.Outputs);
            if (outputs.Contains(stage))
            {
                outputs.Map(op, op.Transpose(x, 0, 3, 1, 2), $"stage_{stage}", stage);
            }
        }

        Pool(graph, x, options.Outputs);
        var variant = Array.Find(Variants, variant => variant.Width == kernel[0] && variant.Depths.Select((depth, stage) => found.CountBlocks($"features.{(2 * stage) + 1}") == depth).All(equal => equal)).Size;
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant is null ? "Swin v2" : $"Swin v2 {variant}",
            Family = Name,
            Variant = variant is null ? null : $"swin_v2_{variant[0]}",
            Task = ModelTask.Features,
            Bands = bands,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Patch = patch,
            Features = outputs.Features,
        }, UnusedWeights.Warn(found, "features.", "norm.", "head."));
    }

    private static Value Feature(WeightedGraph graph, Value x, int index, IReadOnlyList<string> outputs) =>
        outputs.Contains($"features_{index}") ? graph.Op.Output(x, $"features_{index}") : x;

    private static Value Block(WeightedGraph graph, Value x, string path, bool isShifted)
    {
        var op = graph.Op;
        using var scope = op.Scope(path);
        x = op.Add(x, graph.Normalize(WindowAttention.Build(graph, x, $"{path}.attn", isShifted), $"{path}.norm1", Epsilon));
        var hidden = op.Gelu(graph.Linear(x, $"{path}.mlp.0"));
        return op.Add(x, graph.Normalize(graph.Linear(hidden, $"{path}.mlp.3"), $"{path}.norm2", Epsilon));
    }

    // Four neighbours side by side, reduced to twice the channels, then normalised. An odd edge is padded.
    private static Value Merge(WeightedGraph graph, Value x, string path)
    {
        var op = graph.Op;
        using var scope = op.Scope(path);
        var (rows, columns) = (x.KnownShape[1].Value!.Value, x.KnownShape[2].Value!.Value);
        x = rows % 2 + columns % 2 == 0 ? x : op.Pad(x, [0, 0, 0, 0, 0, rows % 2, columns % 2, 0]);
        var (even, odd) = (op.Slice(x, 1, 0, long.MaxValue, 2), op.Slice(x, 1, 1, long.MaxValue, 2));
        var joined = op.Concat(-1, op.Slice(even, 2, 0, long.MaxValue, 2), op.Slice(odd, 2, 0, long.MaxValue, 2), op.Slice(even, 2, 1, long.MaxValue, 2), op.Slice(odd, 2, 1, long.MaxValue, 2));
        return graph.Normalize(graph.Linear(joined, $"{path}.reduction", bias: false), $"{path}.norm", Epsilon);
    }

    private static void Pool(WeightedGraph graph, Value x, IReadOnlyList<string> outputs)
    {
        var op = graph.Op;
        var wanted = outputs.Where(name => name is "pooled" or "logits").ToList();
        if (wanted.Count > 0)
        {
            var pooled = op.ReduceMean(graph.Normalize(x, "norm", Epsilon), keepDims: false, 1, 2);
            var logits = wanted.Contains("logits") ? graph.Linear(pooled, "head") : pooled;
            wanted.ForEach(name => op.Output(name == "pooled" ? pooled : logits, name));
        }
    }

    private static List<(string Name, long[] Shape)> Shapes(string size, int bands)
    {
        var (name, width, depths, heads) = Array.Find(Variants, variant => variant.Size == size);
        if (name is null)
        {
            throw new ExportException($"There is no Swin v2 of size '{size}'; known are {string.Join(", ", Variants.Select(variant => variant.Size))}.");
        }

        List<(string Name, long[] Shape)> shapes = [("features.0.0.weight", [width, bands, 4, 4]), .. Vectors("features.0.0.bias", "features.0.2.weight", "features.0.2.bias")];
        for (var stage = 0; stage < depths.Length; stage++, width *= 2)
        {
            for (var layer = 0; layer < depths[stage]; layer++)
            {
                shapes.AddRange(WindowAttention.Shapes($"features.{(2 * stage) + 1}.{layer}", width, heads[stage]));
            }

            shapes.AddRange(stage + 1 == depths.Length ? [("norm.weight", [width]), ("norm.bias", [width]), ("head.weight", [1000, width]), ("head.bias", [1000])]
                : [($"features.{(2 * stage) + 2}.reduction.weight", [2 * width, 4 * width]), ($"features.{(2 * stage) + 2}.norm.weight", [2 * width]), ($"features.{(2 * stage) + 2}.norm.bias", [2 * width])]);
        }

        return shapes;

        IEnumerable<(string, long[])> Vectors(params string[] names) => names.Select(vector => (vector, new[] { width }));
    }
}
