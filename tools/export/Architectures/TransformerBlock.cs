using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>How attention is written.</summary>
public enum AttentionForm
{
    /// <summary>Standard operators (MatMul, Softmax, MatMul): any runtime executes them and the gradient compiler derives them.</summary>
    Standard,

    /// <summary>One <c>com.microsoft.MultiHeadAttention</c>: less memory for inference on ONNX Runtime. It has a gradient, but methods that go into the parts of attention need the standard form.</summary>
    Fused,
}

/// <summary>The two layers behind the attention of a block.</summary>
internal enum MlpForm
{
    /// <summary><c>fc2(gelu(fc1 x))</c> with the exact GELU.</summary>
    Gelu,

    /// <summary><c>fc2(silu(fc1 x) · fc3 x)</c>.</summary>
    SwiGlu,
}

/// <summary>
/// The pre-norm block of timm: <c>x += proj(attention(norm1 x)); x += mlp(norm2 x)</c>, with weights named <c>norm1</c>, <c>norm2</c>,
/// <c>attn.qkv</c>, <c>attn.proj</c>, <c>mlp.fc1</c>, <c>mlp.fc2</c> and, for SwiGLU, <c>mlp.fc3</c> below the block's path.
/// </summary>
internal sealed record TransformerBlock
{
    /// <summary>Number of attention heads; it must divide the width.</summary>
    public required int Heads { get; init; }

    /// <summary>Epsilon of both normalisations.</summary>
    public float Epsilon { get; init; } = 1e-6f;

    /// <summary>Whether the linear layers have a bias; null when each may have one or not, as the weights show. Normalisations always have one.</summary>
    public bool? Bias { get; init; } = true;

    /// <summary>The layers behind the attention.</summary>
    public MlpForm Mlp { get; init; } = MlpForm.Gelu;

    /// <summary>How attention is written.</summary>
    public AttentionForm Attention { get; init; } = AttentionForm.Standard;

    /// <summary>Learnt factors on what attention and MLP add; null when there are none.</summary>
    public LayerScale? Scale { get; init; }

    /// <summary>Appends one block.</summary>
    /// <param name="graph">The graph and its weights.</param>
    /// <param name="x">Tokens [batch, tokens, width].</param>
    /// <param name="path">Where the block's weights are, for example <c>blocks.0</c>.</param>
    /// <param name="mask">Added to the attention scores, broadcast to [batch, heads, tokens, tokens]; null adds nothing.</param>
    /// <returns>Tokens of the same shape.</returns>
    /// <exception cref="Formats.FileFormatException">A weight is absent or has another shape.</exception>
    public Value Build(WeightedGraph graph, Value x, string path, Value? mask = null)
    {
        var op = graph.Op;
        using var scope = op.Scope(path);
        x = op.Add(x, Scaled(graph, Attend(graph, graph.Normalize(x, $"{path}.norm1", Epsilon), $"{path}.attn", mask), path, Scale?.Attention));
        return op.Add(x, Scaled(graph, Transform(graph, graph.Normalize(x, $"{path}.norm2", Epsilon), $"{path}.mlp"), path, Scale?.Mlp));
    }

    /// <summary>Names and shapes of the weights of a block with biases and GELU.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Shapes(string path, long width, long hidden)
    {
        (string Layer, long[] Shape)[] layers =
        [
            ("norm1", [width]), ("attn.qkv", [3 * width, width]), ("attn.proj", [width, width]), ("norm2", [width]), ("mlp.fc1", [hidden, width]), ("mlp.fc2", [width, hidden]),
        ];
        return layers.SelectMany(layer => new[] { ($"{path}.{layer.Layer}.weight", layer.Shape), ($"{path}.{layer.Layer}.bias", [layer.Shape[0]]) });
    }

    // Kept as an operator instead of folded into the projection, so that the projection stays what adapters of the reference change.
    private static Value Scaled(WeightedGraph graph, Value added, string path, string? factor) =>
        factor is null ? added : graph.Op.Mul(added, graph.Weight($"{path}.{factor}", added.KnownShape[-1].Value!.Value));

    private Value Attend(WeightedGraph graph, Value x, string path, Value? mask)
    {
        var op = graph.Op;
        using var scope = op.Scope("attn");
        var width = x.KnownShape[-1].Value!.Value;
        if (width % Heads != 0)
        {
            throw new ExportException($"{graph.Weights.Source}: a width of {width} cannot be split into {Heads} attention heads; choose a divisor with --heads.");
        }

        var parts = op.Split(Linear(graph, x, $"{path}.qkv"), -1, width, width, width);
        var mixed = Attention == AttentionForm.Fused
            ? op.Nodes("com.microsoft", "MultiHeadAttention", [parts[0], parts[1], parts[2], null, null, mask], 1, ("num_heads", (long)Heads))[0]
            : Mix(op, parts, width / Heads, mask);
        return Linear(graph, mixed, $"{path}.proj");
    }

    // softmax(q·kᵀ / √d + mask)·v a head. The zeros keep batch and tokens, so any number of either runs through.
    private Value Mix(GraphBuilder op, IReadOnlyList<Value> parts, long headWidth, Value? mask)
    {
        var heads = parts.Select(part => op.Reshape(part, 0, 0, Heads, headWidth)).ToArray();
        var (q, k, v) = (op.Transpose(heads[0], 0, 2, 1, 3), op.Transpose(heads[1], 0, 2, 3, 1), op.Transpose(heads[2], 0, 2, 1, 3));
        var scores = op.MatMul(op.Mul(q, 1 / Math.Sqrt(headWidth)), k);
        var mixed = op.MatMul(op.Softmax(mask is null ? scores : op.Add(scores, mask)), v);
        return op.Reshape(op.Transpose(mixed, 0, 2, 1, 3), 0, 0, Heads * headWidth);
    }

    private Value Transform(WeightedGraph graph, Value x, string path)
    {
        var op = graph.Op;
        using var scope = op.Scope("mlp");
        var hidden = Linear(graph, x, $"{path}.fc1");
        hidden = Mlp == MlpForm.SwiGlu ? op.Mul(op.Silu(hidden), Linear(graph, x, $"{path}.fc3")) : op.Gelu(hidden);
        return Linear(graph, hidden, $"{path}.fc2");
    }

    private Value Linear(WeightedGraph graph, Value x, string path) => graph.Linear(x, path, Bias ?? graph.Weights.Contains($"{path}.bias"));
}
