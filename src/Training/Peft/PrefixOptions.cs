using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Peft.Structure;

namespace EoOnnx.Training.Peft;

/// <summary>
/// Prefix tuning (Li and Liang 2021): p learnt keys and values in front of those of each block, K' = [P_k; K], V' = [P_v; V]. Queries, and
/// with them the number of tokens, stay; the softmax runs over p + N. A mask never hides them.
/// </summary>
/// <remarks>Tensors <c>blocks.I.attn.prefix_k</c> and <c>prefix_v</c>, each [p, d]; head h uses the columns h·d/H to (h + 1)·d/H. The model's
/// predictions change from the first step on.</remarks>
public sealed record PrefixOptions : PeftOptions
{
    internal const string KeyName = "prefix_k";
    internal const string ValueName = "prefix_v";
    private const double Deviation = 0.02;

    /// <summary>Number p of keys and values a block.</summary>
    public int Length
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Length), value, "A prefix has at least 1 token; 5 to 30 is usual.");
    } = 10;

    /// <summary>Width of the hidden layer of a small network that makes all prefixes of one table [p, d], which steadies training; the network is thrown
    /// away after it. Null trains the prefixes themselves.</summary>
    public int? Reparametrization
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Reparametrization), value, "The hidden layer must be at least 1 wide; the width of the tokens is usual.");
    }

    internal static bool IsTensor(string name) => TargetPattern.EndsWith(name, KeyName) || TargetPattern.EndsWith(name, ValueName);

    internal override int Stage => 1;

    internal override void Apply(PeftGraph graph)
    {
        var op = graph.Op;
        var blocks = EncoderStructure.GlobalBlocks(op.Graph, "Prefix tuning");
        var width = blocks[0].Width;
        if (blocks.FirstOrDefault(block => block.Width != width) is { } other && Reparametrization is not null)
        {
            throw new TrainingException($"{other.Path} is {other.Width} wide and {blocks[0].Path} {width}; one network cannot make prefixes for both. Train the prefixes themselves.");
        }

        var encoder = Reparametrization is { } hidden ? new PrefixEncoder([.. blocks.Select(block => block.AttentionPath)], Length, checked((int)width), hidden) : null;
        graph.Reparametrization = encoder ?? graph.Reparametrization;
        var initial = encoder is null ? [] : encoder.Expand(encoder.Initial(graph.Seed));
        var made = encoder is not null && graph.Form == GraphForm.Training ? encoder.Build(graph) : [];
        foreach (var block in blocks)
        {
            using var scope = op.Scope(block.AttentionPath);
            Insert(op, block, Tensor(block, KeyName), Tensor(block, ValueName));
        }

        graph.RemoveUnused();

        Value Tensor(EncoderBlock block, string part)
        {
            var name = $"{block.AttentionPath}.{part}";
            return made.TryGetValue(name, out var value) ? value
                : graph.Add(name, initial.TryGetValue(name, out var data) ? data : RandomTensors.Normal(graph.Seed, name, [Length, block.Width], Deviation));
        }
    }

    private void Insert(GraphBuilder op, EncoderBlock block, Value prefixKeys, Value prefixValues)
    {
        var (keys, values, heads) = (block.Scores.Input(1), block.Mix.Input(1), block.Heads);
        var (keyWidth, valueWidth) = (keys.KnownShape[2].Value!.Value, values.KnownShape[3].Value!.Value);
        if (keyWidth * heads != block.Width || valueWidth * heads != block.Width)
        {
            throw new TrainingException($"{block.AttentionPath} has {heads} heads of {keyWidth} keys and {valueWidth} values for {block.Width} columns; a prefix needs them to share the columns.");
        }

        // [p, d] → [heads, head width, p] for keys and [heads, p, head width] for values, then one copy an image.
        var batch = op.Slice(op.Shape(values), 0, 0, 1);
        var k = op.Expand(op.Reshape(op.Transpose(prefixKeys, 1, 0), heads, keyWidth, Length), op.Concat(0, batch, op.Int64s(heads, keyWidth, Length)));
        var v = op.Expand(op.Transpose(op.Reshape(prefixValues, Length, heads, valueWidth), 1, 0, 2), op.Concat(0, batch, op.Int64s(heads, Length, valueWidth)));
        var replaced = new Dictionary<Value, Value> { [keys] = op.Concat(3, k, keys), [values] = op.Concat(2, v, values) };
        var beside = new Dictionary<Value, Value>();
        if (block.Mask is { } mask && mask.KnownShape[-1].Value != 1)
        {
            var zeros = op.Mul(op.Slice(mask, -1, 0, 1), 0);
            beside[mask] = op.Concat(mask.Rank - 1, [.. Enumerable.Repeat(zeros, Length), mask]);
        }

        op.Graph.Sort();
        foreach (var (old, with) in SubgraphReplay.Run(op, replaced, beside, [block.Mix.Output]))
        {
            if (old != block.Mix.Output || op.Graph.Outputs.Contains(old))
            {
                throw new TrainingException($"{old} inside {block.AttentionPath} is used outside of it and would change its size with a prefix. Export the encoder without it.");
            }

            op.Graph.ReplaceUses(old, with);
        }
    }
}
