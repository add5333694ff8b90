using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// Residual networks in torchvision's and timm's form (basic and bottleneck blocks, stride in the 3×3 convolution), as SSL4EO, DeCUR, SeCo
/// and Satlas use them. Batch normalisation is folded into the convolutions unless asked otherwise. Outputs are maps <c>stage_0</c>
/// (half resolution) to <c>stage_4</c>.
/// </summary>
internal sealed class ResNet : IBackbone
{
    private const int Stages = 4;
    private const int UsualTile = 224;

    private static readonly (string Size, bool Bottleneck, int[] Layers)[] Variants =
        [("18", false, [2, 2, 2, 2]), ("34", false, [3, 4, 6, 3]), ("50", true, [3, 4, 6, 3]), ("101", true, [3, 4, 23, 3]), ("152", true, [3, 8, 36, 3])];

    public string Name => "resnet";

    public string Description => "Residual networks: SSL4EO, DeCUR, SeCo, Satlas and others with 18, 50 or 152 layers.";

    public string Example => "export resnet --random --size 18 --seed 1 --bands B04,B03,B02 --out resnet18.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } =
        [BackboneSetting.Bands, BackboneSetting.Wavelengths, BackboneSetting.Tile, BackboneSetting.TileWidth, BackboneSetting.Layers, BackboneSetting.KeepBatchNormalization];

    public IReadOnlyList<string> FurtherOutputs { get; } = ["pooled", "logits"];

    public IReadOnlyList<string> Sizes { get; } = [.. Variants.Select(variant => variant.Size)];

    public IReadOnlyList<string> DefaultBands { get; } = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"];

    public StateDict Random(string size, long seed, int bands) => RandomWeights.Create($"random ResNet-{size} weights (seed {seed})", seed, Shapes(size, bands));

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var found = SequentialResNet.Find(weights) ?? CheckpointPrefix.OneOfTwo(weights, "conv1.weight", options) ?? CheckpointPrefix.Find(weights, "layer1.0.conv1.weight", "module.base_encoder.", "module.encoder_q.", "encoder_q.", "backbone.backbone.resnet.", "backbone.resnet.", "backbone.", "encoder.", "model.", "module.");
        var graph = new WeightedGraph(new GraphBuilder(Name), found);
        var op = graph.Op;
        var stem = found.Take("conv1.weight", -1, -1, 7, 7).Shape;
        var size = InputSize.Of(options, UsualTile);
        var outputs = new EncoderOutputs(Stages + 1, options with { Layers = options.Layers ?? [1, 2, 3, 4] }, FurtherOutputs);
        var bands = InputBands.Describe(found.Source, options, (int)stem[1], DefaultBands);
        var image = op.Input("image", ElementType.Float, ["batch", stem[1], size.Height, size.Width]);
        var convolution = new NormalizedConvolution(graph, options.KeepBatchNormalization);

        var x = op.Relu(convolution.Build(image, "conv1", "bn1", stride: 2, padding: 3));
        outputs.Map(op, x, "stage_0", 0);
        var layers = Enumerable.Range(1, Stages).Select(stage => found.CountBlocks($"layer{stage}")).ToArray();
        for (var stage = 1; stage < outputs.Depth; stage++)
        {
            x = stage == 1 ? op.MaxPool(x, [3, 3], [2, 2], [1, 1, 1, 1]) : x;
            for (var layer = 0; layer < layers[stage - 1]; layer++)
            {
                x = Block(convolution, x, $"layer{stage}.{layer}", stage > 1 && layer == 0 ? 2 : 1);
            }

            outputs.Map(op, x, $"stage_{stage}", stage);
        }

        Pool(graph, x, options.Outputs);
        var bottleneck = found.Contains("layer1.0.conv3.weight");
        var variant = Array.Find(Variants, variant => variant.Bottleneck == bottleneck && variant.Layers.SequenceEqual(layers)).Size;
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = variant is null ? Name : $"ResNet-{variant}",
            Family = Name,
            Variant = variant is null ? null : $"resnet{variant}",
            Task = ModelTask.Features,
            Bands = bands,
            Tile = size.Edge,
            TileSize = size.Oblong,
            Features = outputs.Features,
        }, UnusedWeights.Warn(found, [.. Enumerable.Range(1, Stages).Select(stage => $"layer{stage}."), "fc.", "bn1.num_batches_tracked", "head"]));
    }

    private static Value Block(NormalizedConvolution convolution, Value x, string path, int stride)
    {
        var op = convolution.Graph.Op;
        using var scope = op.Scope(path);
        var weights = convolution.Graph.Weights;
        var shortcut = weights.Contains($"{path}.downsample.0.weight") ? convolution.Build(x, $"{path}.downsample.0", $"{path}.downsample.1", stride, padding: 0) : x;
        if (!weights.Contains($"{path}.conv3.weight"))
        {
            var inner = op.Relu(convolution.Build(x, $"{path}.conv1", $"{path}.bn1", stride, padding: 1));
            return op.Relu(op.Add(convolution.Build(inner, $"{path}.conv2", $"{path}.bn2", 1, padding: 1), shortcut));
        }

        var narrow = op.Relu(convolution.Build(x, $"{path}.conv1", $"{path}.bn1", 1, padding: 0));
        var spatial = op.Relu(convolution.Build(narrow, $"{path}.conv2", $"{path}.bn2", stride, padding: 1));
        return op.Relu(op.Add(convolution.Build(spatial, $"{path}.conv3", $"{path}.bn3", 1, padding: 0), shortcut));
    }

    private static void Pool(WeightedGraph graph, Value x, IReadOnlyList<string> outputs)
    {
        var op = graph.Op;
        if (outputs.Count > 0)
        {
            var pooled = op.ReduceMean(x, keepDims: false, 2, 3);
            var logits = outputs.Contains("logits") ? graph.Linear(pooled, "fc") : pooled;
            foreach (var name in outputs)
            {
                op.Output(name == "pooled" ? pooled : logits, name);
            }
        }
    }

    private static List<(string Name, long[] Shape)> Shapes(string size, int bands)
    {
        var (name, bottleneck, layers) = Array.Find(Variants, variant => variant.Size == size);
        if (name is null)
        {
            throw new ExportException($"There is no ResNet of size '{size}'; known are {string.Join(", ", Variants.Select(variant => variant.Size))}.");
        }

        var expansion = bottleneck ? 4 : 1;
        List<(string Name, long[] Shape)> shapes = [.. Convolution("conv1", "bn1", 64, bands, 7)];
        var inputs = 64L;
        for (var stage = 1; stage <= Stages; stage++)
        {
            var planes = 32L << stage;
            for (var layer = 0; layer < layers[stage - 1]; layer++)
            {
                var path = $"layer{stage}.{layer}";
                shapes.AddRange(bottleneck
                    ? [.. Convolution($"{path}.conv1", $"{path}.bn1", planes, inputs, 1), .. Convolution($"{path}.conv2", $"{path}.bn2", planes, planes, 3), .. Convolution($"{path}.conv3", $"{path}.bn3", planes * expansion, planes, 1)]
                    : [.. Convolution($"{path}.conv1", $"{path}.bn1", planes, inputs, 3), .. Convolution($"{path}.conv2", $"{path}.bn2", planes, planes, 3)]);
                if (layer == 0 && (stage > 1 || bottleneck))
                {
                    shapes.AddRange(Convolution($"{path}.downsample.0", $"{path}.downsample.1", planes * expansion, inputs, 1));
                }

                inputs = planes * expansion;
            }
        }

        return [.. shapes, ("fc.weight", [1000, inputs]), ("fc.bias", [1000])];

        static (string, long[])[] Convolution(string path, string norm, long outputs, long channels, long kernel) =>
        [
            ($"{path}.weight", [outputs, channels, kernel, kernel]), ($"{norm}.weight", [outputs]), ($"{norm}.bias", [outputs]), ($"{norm}.running_mean", [outputs]), ($"{norm}.running_var", [outputs]),
        ];
    }
}
