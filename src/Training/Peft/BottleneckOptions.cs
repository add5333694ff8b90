using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Peft.Structure;

namespace EoOnnx.Training.Peft;

/// <summary>Where bottleneck adapters stand.</summary>
public enum BottleneckPlacement
{
    /// <summary>Behind the attention's projection and behind the MLP (Houlsby et al. 2019).</summary>
    Houlsby,

    /// <summary>Behind the MLP (Pfeiffer et al. 2021).</summary>
    Pfeiffer,

    /// <summary>Beside the MLP (AdaptFormer, Chen et al. 2022).</summary>
    Parallel,
}

/// <summary>
/// Bottleneck adapters: h ← h + W_up·gelu(W_down·h + b_down) + b_up before the residual sum; beside the MLP
/// x + MLP(LN(x)) + s·(W_up·relu(W_down·LN(x) + b_down) + b_up). W_up and biases are 0 at first, so nothing changes.
/// </summary>
/// <remarks>Tensors: <c>blocks.I.adapter_attn</c>, <c>adapter_mlp</c> or <c>adapter_parallel</c>, each with <c>down.weight</c> [m, d],
/// <c>down.bias</c> [m], <c>up.weight</c> [d, m] and <c>up.bias</c> [d].</remarks>
public sealed record BottleneckOptions : PeftOptions
{
    internal const string ParallelName = "adapter_parallel";
    private const double Deviation = 0.02;

    /// <summary>Where they stand.</summary>
    public BottleneckPlacement Placement { get; init; }

    /// <summary>Width m of the bottleneck. The adapter's size grows linearly with it.</summary>
    public int Width
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Width), value, "The bottleneck must be at least 1 wide; 16 to 64 is usual.");
    } = 64;

    /// <summary>Scale s of the parallel form.</summary>
    public double Scale
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Scale), value, "The scale of a parallel adapter must be above 0; 0.1 is usual.");
    } = 0.1;

    /// <summary>Probability that an element of the bottleneck is dropped in training.</summary>
    public double Dropout { get; init => field = PeftOptions.Probability(value, nameof(Dropout)); }

    internal static bool IsTensor(string name) => name.Contains(".adapter_attn.", StringComparison.Ordinal) || name.Contains(".adapter_mlp.", StringComparison.Ordinal)
        || name.Contains($".{ParallelName}.", StringComparison.Ordinal);

    internal override int Stage => 2;

    internal override void Apply(PeftGraph graph)
    {
        foreach (var block in EncoderStructure.Blocks(graph.Op.Graph, "A bottleneck adapter"))
        {
            if (Placement == BottleneckPlacement.Parallel)
            {
                Insert(graph, block.Contraction, $"{block.Path}.{ParallelName}", block.MlpInput);
                continue;
            }

            if (Placement == BottleneckPlacement.Houlsby)
            {
                Insert(graph, block.Projection, $"{block.Path}.adapter_attn", null);
            }

            Insert(graph, block.Contraction, $"{block.Path}.adapter_mlp", null);
        }
    }

    /// <summary>Adds the adapter to a layer's output; it takes that output, or <paramref name="beside"/> in the parallel form.</summary>
    private void Insert(PeftGraph graph, LinearLayer layer, string path, Value? beside)
    {
        var op = graph.Op;
        using var scope = op.Scope(path);
        var point = (layer.BiasNode ?? layer.Product).Output;
        if (op.Graph.Outputs.Contains(point))
        {
            throw new TrainingException($"{layer.Path} is an output of the model; an adapter there would rename it.");
        }

        var users = op.Graph.Consumers(point).ToHashSet();
        var (width, scale) = (layer.Out, beside is null ? 1 : Scale);
        var input = beside ?? point;
        var inputs = input.KnownShape[-1].Value ?? throw new TrainingException($"The width of {input} is not known, so {path} cannot be made.");
        var down = graph.Add($"{path}.down.weight", beside is null
            ? RandomTensors.Normal(graph.Seed, $"{path}.down.weight", [Width, inputs], Deviation)
            : RandomTensors.Uniform(graph.Seed, $"{path}.down.weight", [Width, inputs], 1 / Math.Sqrt(inputs)));
        var hidden = op.Linear(input, op.Transpose(down, 1, 0), graph.Add($"{path}.down.bias", RandomTensors.Constant([Width], 0)));
        hidden = graph.Dropout(beside is null ? op.Gelu(hidden) : op.Relu(hidden), Dropout);
        var up = graph.Add($"{path}.up.weight", RandomTensors.Constant([width, Width], 0), scale: scale);
        var bias = graph.Add($"{path}.up.bias", RandomTensors.Constant([width], 0), scale: scale);
        var branch = op.Linear(hidden, op.Transpose(up, 1, 0), bias);
        op.Graph.ReplaceUses(point, op.Add(point, graph.Form == GraphForm.Training && scale != 1 ? op.Mul(branch, scale) : branch), users.Contains);
    }
}
