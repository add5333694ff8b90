using System.Globalization;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Recipes;

/// <summary>Ways to train an encoder.</summary>
public enum TrainingMethod
{
    /// <summary>Low-rank adaptation.</summary>
    Lora,

    /// <summary>LoRA that learns length and direction apart.</summary>
    Dora,

    /// <summary>Scaling vectors.</summary>
    Ia3,

    /// <summary>The encoder stays frozen.</summary>
    LinearProbe,

    /// <summary>Every weight.</summary>
    Full,

    /// <summary>The last blocks.</summary>
    LastBlocks,

    /// <summary>Every bias.</summary>
    Bitfit,

    /// <summary>Normalisation layers.</summary>
    Norm,

    /// <summary>Bottleneck adapters.</summary>
    Adapter,

    /// <summary>Learnt keys and values in front of those of every block.</summary>
    Prefix,

    /// <summary>Learnt tokens beside those of the patches.</summary>
    Prompt,
}

/// <summary>How the encoder of a recipe is trained: <c>method: lora</c>, a group of settings, or a list of either.</summary>
public sealed record MethodRecipe
{
    /// <summary>The method.</summary>
    public TrainingMethod Name { get; init; }

    /// <summary>Rank of LoRA and DoRA.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Alpha of LoRA and DoRA; null takes twice the rank.</summary>
    public double? Alpha { get; init; }

    /// <summary>Other ranks of LoRA and DoRA by the end of a layer's path, for example <c>mlp.fc1=4</c>.</summary>
    public IReadOnlyList<string> Ranks { get; init; } = [];

    /// <summary>Other alphas, as <see cref="Ranks"/>.</summary>
    public IReadOnlyList<string> Alphas { get; init; } = [];

    /// <summary>LoRA is scaled by alpha / √rank instead of alpha / rank.</summary>
    public bool Rslora { get; init; }

    /// <summary>Dropout of LoRA, DoRA, bottleneck adapters and prompts.</summary>
    public double Dropout { get; init; }

    /// <summary>Layers of LoRA, DoRA and IA3; null takes what is usual for the method.</summary>
    public IReadOnlyList<string>? Targets { get; init; }

    /// <summary>Number of blocks of the method last-blocks.</summary>
    public int Blocks { get; init; } = 2;

    /// <summary>Where bottleneck adapters stand.</summary>
    public BottleneckPlacement Variant { get; init; }

    /// <summary>Width of bottleneck adapters.</summary>
    public int Bottleneck { get; init; } = 64;

    /// <summary>Scale of parallel adapters.</summary>
    public double Scale { get; init; } = 0.1;

    /// <summary>Number of prefixes.</summary>
    public int PrefixLength { get; init; } = 10;

    /// <summary>Width of the network that makes the prefixes in training; null trains them without one.</summary>
    public int? PrefixHidden { get; init; }

    /// <summary>Number of prompts.</summary>
    public int Prompts { get; init; } = 10;

    /// <summary>Prompts in front of the first block only.</summary>
    public bool Shallow { get; init; }

    /// <summary>Methods beside this one in the same run.</summary>
    public IReadOnlyList<MethodRecipe> With { get; init; } = [];

    /// <summary>The method as options of the library; null leaves the encoder frozen.</summary>
    /// <param name="seed">Seed of the initial values.</param>
    /// <exception cref="RecipeException">A rank or an alpha of a layer is no number.</exception>
    internal PeftOptions? ToPeft(long seed)
    {
        var methods = Flat().Select(method => method.Single(seed)).OfType<PeftOptions>().ToList();
        return methods.Count switch { 0 => null, 1 => methods[0], _ => new CombinedOptions { Methods = methods, Seed = seed } };
    }

    private IEnumerable<MethodRecipe> Flat() => With.SelectMany(method => method.Flat()).Prepend(this);

    private PeftOptions? Single(long seed) => Name switch
    {
        TrainingMethod.Lora or TrainingMethod.Dora => new LoraOptions
        {
            Targets = Targets ?? ["attn.qkv:q,v"], Rank = Rank, Alpha = Alpha ?? 2 * Rank, Dora = Name == TrainingMethod.Dora, RankStabilized = Rslora, Dropout = Dropout, Seed = seed,
            RankPattern = Pattern<int>(Ranks, text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var rank) && rank > 0 ? rank : null),
            AlphaPattern = Pattern<double>(Alphas, text => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var alpha) && alpha > 0 && double.IsFinite(alpha) ? alpha : null),
        },
        TrainingMethod.Ia3 => new Ia3Options { Targets = Targets ?? ["attn.qkv:k,v", "mlp.fc2"], FeedForward = Targets is null ? ["mlp.fc2"] : [], Seed = seed },
        TrainingMethod.Full => new FullOptions { Seed = seed },
        TrainingMethod.LastBlocks => new LastBlocksOptions { Blocks = Blocks, Seed = seed },
        TrainingMethod.Bitfit => new BiasOptions { Seed = seed },
        TrainingMethod.Norm => new NormOptions { Seed = seed },
        TrainingMethod.Adapter => new BottleneckOptions { Placement = Variant, Width = Bottleneck, Scale = Scale, Dropout = Dropout, Seed = seed },
        TrainingMethod.Prefix => new PrefixOptions { Length = PrefixLength, Reparametrization = PrefixHidden, Seed = seed },
        TrainingMethod.Prompt => new PromptOptions { Prompts = Prompts, Deep = !Shallow, Dropout = Dropout, Seed = seed },
        TrainingMethod.LinearProbe => null,
        _ => throw new RecipeException($"The method {Name} is unknown."),
    };

    private static Dictionary<string, T> Pattern<T>(IReadOnlyList<string> entries, Func<string, T?> parse) where T : struct
    {
        var pattern = new Dictionary<string, T>(StringComparer.Ordinal);
        foreach (var entry in entries)
        {
            var parts = entry.Split('=', 2, StringSplitOptions.TrimEntries);
            pattern[parts[0]] = parts.Length == 2 && parts[0].Length > 0 && parse(parts[1]) is { } value ? value
                : throw new RecipeException($"'{entry}' gives no layer and a number above 0; write for example mlp.fc1=4.");
        }

        return pattern;
    }
}
