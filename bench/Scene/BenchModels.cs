using EoOnnx.Export;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Bench.Scene;

/// <summary>Segmentation models with random weights.</summary>
internal static class BenchModels
{
    public const int Tile = 224;
    private const int Classes = 2, Patch = 16, Width = 768, Hidden = 16;

    /// <summary>Writes a model: <c>identity</c>, two of the bands as they are; <c>tiny</c>, two convolutions; <c>vit-b</c>, the encoder of ViT-B/16 with a linear head; or <c>vit-b-adapters</c>, the same with the head as a slot for adapters.</summary>
    /// <exception cref="ArgumentException">There is no such model.</exception>
    public static void Write(string path, string name)
    {
        var model = name switch
        {
            "identity" => Identity(),
            "tiny" => Tiny(),
            "vit-b" => VisionTransformer((op, shape) => Weight(op, "head", shape)),
            "vit-b-adapters" => VisionTransformer((op, shape) => op.OverridableInput("head", TensorData.FromValues<float>(shape, new float[TensorData.CountOf(shape)]))),
            _ => throw new ArgumentException($"'{name}' is no model of the benchmark; expected identity, tiny, vit-b or vit-b-adapters."),
        };
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = name, Family = "bench", Task = ModelTask.Segmentation, Tile = Tile,
            Bands = [.. SyntheticScene.Statistics.Select((band, i) => new ManifestBand($"B{i + 1:00}", band.Mean, band.Deviation))],
            Classes = [new ManifestClass(0, "background"), new ManifestClass(1, "thing")],
        }.ToJson();
        model.Save(path);
    }

    /// <summary>Writes an adapter for <c>vit-b-adapters</c>: a head.</summary>
    public static void WriteAdapter(string path, int seed)
    {
        var random = new Random(seed);
        SafetensorsFile.Write(path, [KeyValuePair.Create("head", TensorData.FromValues<float>([Width, Classes * Patch * Patch], [.. Enumerable.Range(0, Width * Classes * Patch * Patch).Select(_ => random.NextSingle() - 0.5f)]))], new Dictionary<string, string>());
    }

    private static OnnxModel Identity()
    {
        var op = new GraphBuilder("identity");
        op.Output(op.Slice(op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", SyntheticScene.Bands, Tile, Tile)), 1, 0, Classes), "logits");
        return new OnnxModel(op.Graph);
    }

    private static OnnxModel Tiny()
    {
        var op = new GraphBuilder("tiny");
        var x = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", SyntheticScene.Bands, Tile, Tile));
        var hidden = op.Relu(op.Conv(x, Weight(op, "first", [Hidden, SyntheticScene.Bands, 3, 3]), null, [1, 1], [1, 1, 1, 1]));
        op.Output(op.Conv(hidden, Weight(op, "second", [Classes, Hidden, 3, 3]), null, [1, 1], [1, 1, 1, 1]), "logits");
        return new OnnxModel(op.Graph);
    }

    private static OnnxModel VisionTransformer(Func<GraphBuilder, long[], Value> head)
    {
        const int side = Tile / Patch;
        var model = BackboneExport.FromRandom(Backbones.Find("dofa"), "base", 1, new BackboneOptions { Bands = Names }).Model;
        var op = new GraphBuilder(model.Graph);
        var tokens = op.Slice(model.Graph.Outputs[^1], 1, 1, 1 + (side * side));
        var pixels = op.Reshape(op.MatMul(tokens, head(op, [Width, Classes * Patch * Patch])), 0, side, side, Classes * Patch * Patch);
        op.Output(op.DepthToSpace(op.Transpose(pixels, 0, 3, 1, 2), Patch), "logits");
        model.Graph.SetOutputs(model.Graph.Outputs[^1]);
        return model;
    }

    private static readonly string[] Names = ["B02", "B03", "B04", "B08", "B11", "B12"];

    private static Value Weight(GraphBuilder op, string name, long[] shape) =>
        op.Initializer(name, TensorData.FromValues<float>(shape, [.. Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => 0.05f * MathF.Sin(i))]));
}
