using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Peft.Structure;

namespace EoOnnx.Training.Peft;

/// <summary>
/// Visual prompt tuning (Jia et al. 2022): p learnt tokens between class token and patches. Deep: new ones in front of every block, cut out behind
/// it. Shallow: once in front of the first block. Features keep their number of tokens either way.
/// </summary>
/// <remarks>Tensors [1, p, d]: <c>vpt_prompt_embeddings.I</c> as TerraTorch's Prithvi names them, or <c>prompt_embeddings.0</c>. Initial values
/// U(−v, v) with v = √(6 / (3·ph·pw + d)) for patches of ph × pw pixels. Prompts have no position; a mask never hides them.</remarks>
public sealed record PromptOptions : PeftOptions
{
    internal const string DeepName = "vpt_prompt_embeddings.";
    internal const string ShallowName = "prompt_embeddings.0";

    /// <summary>Number p of prompts.</summary>
    public int Prompts
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Prompts), value, "There must be at least 1 prompt; 5 to 50 is usual.");
    } = 10;

    /// <summary>New prompts in front of every block, instead of once in front of the first.</summary>
    public bool Deep { get; init; } = true;

    /// <summary>Probability that an element of a prompt is dropped in training.</summary>
    public double Dropout { get; init => field = PeftOptions.Probability(value, nameof(Dropout)); }

    internal static bool IsTensor(string name) => name == ShallowName || name.StartsWith(DeepName, StringComparison.Ordinal);

    internal override int Stage => 0;

    internal override void Apply(PeftGraph graph)
    {
        var op = graph.Op;
        var blocks = EncoderStructure.GlobalBlocks(op.Graph, "Prompt tuning");
        var (before, patch) = (TokensBefore(blocks[0].Input), PatchArea(op.Graph, blocks[0].Input));
        if (!Deep)
        {
            Run(graph, [.. blocks], ShallowName, before, patch);
        }
        else
        {
            for (var i = 0; i < blocks.Count; i++)
            {
                Run(graph, [blocks[i]], string.Create(CultureInfo.InvariantCulture, $"{DeepName}{i}"), before, patch);
            }
        }

        graph.RemoveUnused();
    }

    private void Run(PeftGraph graph, IReadOnlyList<EncoderBlock> blocks, string name, long before, long patch)
    {
        var op = graph.Op;
        var (tokens, width) = (blocks[0].Input, blocks[0].Width);
        var (replaced, beside) = (new Dictionary<Value, Value>(), new Dictionary<Value, Value>());
        using (op.Scope(name))
        {
            var prompts = graph.Add(name, RandomTensors.Uniform(graph.Seed, name, [1, Prompts, width], Math.Sqrt(6.0 / ((3 * patch) + width))));
            var batch = op.Slice(op.Shape(tokens), 0, 0, 1);
            replaced[tokens] = Insert(op, tokens, graph.Dropout(op.Expand(prompts, op.Concat(0, batch, op.Int64s(Prompts, width))), Dropout), 1, before);
            foreach (var mask in blocks.Select(block => block.Mask).OfType<Value>().Distinct().ToList())
            {
                beside[mask] = Widen(op, mask, before);
            }
        }

        op.Graph.Sort();
        foreach (var (old, with) in SubgraphReplay.Run(op, replaced, beside, [blocks[^1].Output]))
        {
            if (old.Rank != 3)
            {
                throw new TrainingException($"{old} inside {blocks[0].Path} is used outside of it, so prompts cannot be kept from there. Export the encoder without it.");
            }

            using var scope = op.Scope(name);
            var without = before == 0 ? op.Slice(with, 1, Prompts, long.MaxValue) : op.Concat(1, op.Slice(with, 1, 0, before), op.Slice(with, 1, before + Prompts, long.MaxValue));
            var outputName = op.Graph.Outputs.Contains(old) ? old.Name : null;
            op.Graph.ReplaceUses(old, without);
            if (outputName is not null)
            {
                op.Graph.Rename(old, $"{outputName}.before_prompts");
                op.Graph.Rename(without, outputName);
            }
        }
    }

    /// <summary>Zeros at the prompts' places of a mask, so that every token sees them.</summary>
    private Value Widen(GraphBuilder op, Value mask, long before)
    {
        for (var axis = mask.Rank - 2; axis < mask.Rank; axis++)
        {
            if (mask.KnownShape[axis].Value != 1)
            {
                var zeros = op.Mul(op.Slice(mask, axis, 0, 1), 0);
                mask = Insert(op, mask, op.Concat(axis, [.. Enumerable.Repeat(zeros, Prompts)]), axis, before);
            }
        }

        return mask;
    }

    private static Value Insert(GraphBuilder op, Value x, Value inserted, int axis, long before) => before == 0
        ? op.Concat(axis, inserted, x)
        : op.Concat(axis, op.Slice(x, axis, 0, before), inserted, op.Slice(x, axis, before, long.MaxValue));

    /// <summary>Tokens in front of the patches: what is repeated for every image and put before them.</summary>
    private static long TokensBefore(Value tokens)
    {
        for (var node = tokens.Producer; node is not null; node = node.Inputs.OfType<Value>().Select(input => input.Producer).FirstOrDefault(producer => producer is not null))
        {
            if (node.OpType == "Concat" && node.Int("axis", 0) is 1 or -2)
            {
                return node.Input(0).Producer?.OpType == "Expand" ? node.Input(0).KnownShape[1].Value ?? 0 : 0;
            }

            if (node.OpType is not ("Add" or "Identity" or "LayerNormalization"))
            {
                return 0;
            }
        }

        return 0;
    }

    /// <summary>Pixels of a patch: the strides of the convolution that tokens are made with; 1 where there is none.</summary>
    private static long PatchArea(Graph graph, Value tokens)
    {
        var wanted = new HashSet<Value> { tokens };
        foreach (var node in graph.Nodes.Reverse().Where(node => node.Outputs.Any(output => output is not null && wanted.Contains(output))))
        {
            if (node.OpType == "Conv" && node.Ints("strides") is { Length: >= 2 } strides)
            {
                return strides[^1] * strides[^2];
            }

            wanted.UnionWith(node.Inputs.OfType<Value>());
        }

        return 1;
    }
}
