using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Runtime.Tests;

/// <summary>Small real models, written to a folder.</summary>
internal static class TestModels
{
    /// <summary>A model whose output is <paramref name="build"/> of its image [batch, bands, tile, tile].</summary>
    public static string Save(string folder, string name, int bands, int tile, Func<GraphBuilder, Value, Value> build, ModelManifest? manifest = null, long? batch = null) =>
        Save(folder, name, bands, tile, tile, build, manifest, batch);

    /// <summary>A model whose output is <paramref name="build"/> of its image [batch, bands, height, width].</summary>
    public static string Save(string folder, string name, int bands, int height, int width, Func<GraphBuilder, Value, Value> build, ModelManifest? manifest = null, long? batch = null)
    {
        var builder = new GraphBuilder(name);
        var image = builder.Input("image", ElementType.Float, new TensorShape(batch is { } count ? count : (Dim)"batch", bands, height, width));
        builder.Output(build(builder, image), "logits");
        var model = new OnnxModel(builder.Graph);
        if (manifest is not null)
        {
            model.Metadata[ModelManifest.MetadataKey] = manifest.ToJson();
        }

        var path = Path.Combine(folder, name + ".onnx");
        model.Save(path);
        return path;
    }

    public static ModelManifest Manifest(ModelTask task, int bands, int tile) => new()
    {
        Name = "test", Family = "test", Task = task, Tile = tile, Bands = [.. Enumerable.Range(1, bands).Select(i => new ManifestBand($"B{i:00}"))],
    };
}
