using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests;

/// <summary>A small vision transformer with random weights, named and described as the exporters do it.</summary>
internal static class TestEncoder
{
    /// <param name="bands">Bands of the image.</param>
    /// <param name="tile">Its edge in pixels.</param>
    /// <param name="patch">Edge of a patch.</param>
    /// <param name="width">Width of the tokens.</param>
    /// <param name="depth">Number of blocks.</param>
    /// <param name="heads">Number of attention heads.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="further">Tokens of zeros behind those of the patches.</param>
    public static OnnxModel Build(int bands = 3, int tile = 32, int patch = 8, int width = 24, int depth = 2, int heads = 2, long seed = 1, int further = 0)
    {
        var grid = tile / patch;
        var (tokens, head) = (grid * grid, width / heads);
        var op = new GraphBuilder("tiny");
        var x = op.Input("image", ElementType.Float, ["batch", bands, tile, tile]);
        x = op.Conv(x, Weight("patch_embed.proj.weight", [width, bands, patch, patch]), Weight("patch_embed.proj.bias", [width]), [patch, patch], [0, 0, 0, 0]);
        x = op.Add(op.Transpose(op.Reshape(x, 0, width, tokens), 0, 2, 1), Weight("pos_embed", [1, tokens, width]));
        if (further > 0)
        {
            x = op.Pad(x, [0, 0, 0, 0, further, 0]);
            tokens += further;
        }

        for (var block = 0; block < depth; block++)
        {
            using var scope = op.Scope($"blocks.{block}");
            var qkv = Linear(Normalize(x, $"blocks.{block}.norm1"), $"blocks.{block}.attn.qkv", width, 3 * width);
            var parts = op.Split(op.Transpose(op.Reshape(qkv, 0, tokens, 3, heads, head), 2, 0, 3, 1, 4), 0, 1, 1, 1).Select(part => op.Squeeze(part, 0)).ToArray();
            var scores = op.MatMul(op.Mul(parts[0], 1 / Math.Sqrt(head)), op.Transpose(parts[1], 0, 1, 3, 2));
            var mixed = op.Reshape(op.Transpose(op.MatMul(op.Softmax(scores), parts[2]), 0, 2, 1, 3), 0, tokens, width);
            x = op.Add(x, Linear(mixed, $"blocks.{block}.attn.proj", width, width));
            x = op.Add(x, Linear(op.Gelu(Linear(Normalize(x, $"blocks.{block}.norm2"), $"blocks.{block}.mlp.fc1", width, 2 * width)), $"blocks.{block}.mlp.fc2", 2 * width, width));
            op.Output(x, $"block_{block}");
        }

        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "tiny",
            Family = "test",
            Task = ModelTask.Features,
            Bands = [.. Enumerable.Range(1, bands).Select(band => new ManifestBand($"band {band}"))],
            Tile = tile,
            Patch = patch,
            Features = [.. Enumerable.Range(0, depth).Select(block => new ManifestFeature($"block_{block}", "tokens", width, 0, grid, grid))],
        }.ToJson();
        return model;

        Value Weight(string name, long[] shape) => op.Initializer(name, shape.Length == 1 ? RandomTensors.Uniform(seed, name, shape, 0.1)
            : RandomTensors.Normal(seed, name, shape, 1 / Math.Sqrt(shape.Length == 2 ? shape[0] : shape[1..].Aggregate((a, b) => a * b))));

        Value Normalize(Value value, string path) => op.LayerNormalization(
            value, op.Initializer($"{path}.weight", RandomTensors.Constant([width], 1)), op.Initializer($"{path}.bias", RandomTensors.Constant([width], 0)), 1e-6f);

        Value Linear(Value value, string path, long inputs, long outputs) => op.Linear(value, Weight($"{path}.weight", [inputs, outputs]), Weight($"{path}.bias", [outputs]));
    }
}
