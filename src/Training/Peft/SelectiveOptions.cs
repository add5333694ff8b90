using System.Globalization;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>Training of an encoder's own tensors, chosen by name; all others stay frozen. Nothing is added to the graph.</summary>
public abstract record SelectiveOptions : PeftOptions
{
    // Tables of positions and months are fixed in these encoders, and running statistics have no gradient.
    private static readonly string[] NeverTrained = ["pos_embed", "month_embed.weight", "running_mean", "running_var"];

    private protected SelectiveOptions()
    {
    }

    /// <summary>True for a tensor that is trained.</summary>
    internal abstract bool Chooses(Value tensor, IReadOnlyList<Value> all);

    /// <summary>What was looked for, for the message when there is none.</summary>
    internal abstract string Sought { get; }

    internal override int Stage => 4;

    internal override void Apply(PeftGraph graph)
    {
        var all = graph.Constants().Where(value => !NeverTrained.Any(name => TargetPattern.EndsWith(value.Name, name))).ToList();
        var chosen = all.Where(value => Chooses(value, all)).ToList();
        if (chosen.Count == 0)
        {
            throw new TrainingException($"The encoder has no {Sought}. Its tensors are {string.Join(", ", all.Take(6).Select(value => value.Name))}{(all.Count > 6 ? ", …" : "")}.");
        }

        chosen.ForEach(tensor => graph.Thaw(tensor));
    }

    /// <summary>Number of the block that a tensor belongs to: the first number between the dots of its path; null outside of blocks.</summary>
    private protected static int? BlockOf(string name) => name.Split('.')
        .Select(word => int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out var index) ? (int?)index : null)
        .FirstOrDefault(index => index is not null);
}

/// <summary>Full fine-tuning: every weight of the encoder, fixed position tables excepted.</summary>
public sealed record FullOptions : SelectiveOptions
{
    internal override string Sought => "weights";

    internal override bool Chooses(Value tensor, IReadOnlyList<Value> all) => true;
}

/// <summary>The last blocks of the encoder and what stands behind them.</summary>
public sealed record LastBlocksOptions : SelectiveOptions
{
    /// <summary>How many blocks.</summary>
    public int Blocks { get; init => field = value >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Blocks), value, "At least the last block is trained; 1 to 4 is usual."); } = 2;

    internal override string Sought => "numbered blocks (paths such as blocks.11.mlp.fc1.weight)";

    internal override bool Chooses(Value tensor, IReadOnlyList<Value> all)
    {
        // The blocks are the longest numbered list; numbers in a patch embedding (patch_embed.0) are none.
        var list = all.Where(value => BlockOf(value.Name) is not null).GroupBy(value => ListOf(value.Name)).OrderByDescending(group => group.Max(value => BlockOf(value.Name)!.Value)).FirstOrDefault();
        if (list is null)
        {
            return false;
        }

        var count = list.Max(value => BlockOf(value.Name)!.Value) + 1;
        return ListOf(tensor.Name) == list.Key ? BlockOf(tensor.Name) is { } block && block >= count - Blocks
            : BlockOf(tensor.Name) is null && tensor.Name is "norm.weight" or "norm.bias" or "fc_norm.weight" or "fc_norm.bias";
    }

    private static string ListOf(string name) => string.Join('.', name.Split('.').TakeWhile(word => !int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _)));
}

/// <summary>BitFit (Ben Zaken et al. 2022): every bias of the encoder.</summary>
public sealed record BiasOptions : SelectiveOptions
{
    internal override string Sought => "biases";

    internal override bool Chooses(Value tensor, IReadOnlyList<Value> all) => TargetPattern.EndsWith(tensor.Name, "bias");
}

/// <summary>Weight and bias of every normalisation layer.</summary>
public sealed record NormOptions : SelectiveOptions
{
    internal override string Sought => "normalisation layers";

    internal override bool Chooses(Value tensor, IReadOnlyList<Value> all) => tensor.Data!.Shape.Length == 1 && IsNorm(tensor.Name);

    /// <summary>True for the name of a normalisation's weight or bias.</summary>
    internal static bool IsNorm(string name) =>
        name.Split('.').SkipLast(1).Any(word => word.Contains("norm", StringComparison.OrdinalIgnoreCase) || word.StartsWith("ln", StringComparison.OrdinalIgnoreCase))
        && (TargetPattern.EndsWith(name, "weight") || TargetPattern.EndsWith(name, "bias"));
}
