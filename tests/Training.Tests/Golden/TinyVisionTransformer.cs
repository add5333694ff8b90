using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>The frozen model of golden/training/lora, with every size read from its model.json.</summary>
internal static class TinyVisionTransformer
{
    public static OnnxModel Build(string folder)
    {
        using var sizes = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "model.json")));
        long Size(string name) => sizes.RootElement.GetProperty(name).GetInt64();
        var epsilon = (float)sizes.RootElement.GetProperty("layer_norm_eps").GetDouble();
        var weights = SafetensorsFile.Open(Path.Combine(folder, "base.safetensors")).Tensors;
        var (dim, heads, patch, image) = (Size("dim"), Size("heads"), Size("patch"), Size("img"));
        var (tokens, width) = (image / patch * (image / patch), dim / heads);
        var op = new GraphBuilder("tiny");
        var x = op.Input("image", ElementType.Float, ["batch", Size("chans"), image, image]);
        x = op.Conv(x, Weight("patch_embed.proj.weight"), Weight("patch_embed.proj.bias"), [patch, patch], [0, 0, 0, 0]);
        x = op.Add(op.Transpose(op.Reshape(x, 0, dim, tokens), 0, 2, 1), Weight("pos_embed"));
        for (var block = 0; block < Size("depth"); block++)
        {
            using var scope = op.Scope($"blocks.{block}");
            var qkv = Linear(Normalize(x, $"blocks.{block}.norm1"), $"blocks.{block}.attn.qkv");
            var parts = op.Split(op.Transpose(op.Reshape(qkv, 0, tokens, 3, heads, width), 2, 0, 3, 1, 4), 0, 1, 1, 1).Select(part => op.Squeeze(part, 0)).ToArray();
            var scores = op.MatMul(op.Mul(parts[0], 1 / Math.Sqrt(width)), op.Transpose(parts[1], 0, 1, 3, 2));
            var mixed = op.MatMul(op.Softmax(scores), parts[2]);
            x = op.Add(x, Linear(op.Reshape(op.Transpose(mixed, 0, 2, 1, 3), 0, tokens, dim), $"blocks.{block}.attn.proj"));
            x = op.Add(x, Linear(op.Gelu(Linear(Normalize(x, $"blocks.{block}.norm2"), $"blocks.{block}.mlp.fc1")), $"blocks.{block}.mlp.fc2"));
        }

        op.Output(Linear(Normalize(op.ReduceMean(x, keepDims: false, 1), "fc_norm"), "head"), "scores");
        return new OnnxModel(op.Graph);

        Value Weight(string name) => op.Graph.FindInitializer(name) ?? op.Initializer(name, weights[name]);

        Value Normalize(Value value, string path) => op.LayerNormalization(value, Weight($"{path}.weight"), Weight($"{path}.bias"), epsilon);

        // Stored [in, out] under its own name, as the exporters do.
        Value Linear(Value value, string path) => op.Linear(value, op.Initializer($"{path}.weight", Training.Peft.PeftGraph.Transposed(weights[$"{path}.weight"])), Weight($"{path}.bias"));
    }
}
