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
}

/// <summary>How the encoder of a recipe is trained.</summary>
public sealed record MethodRecipe
{
    /// <summary>The method.</summary>
    public TrainingMethod Name { get; init; }

    /// <summary>Rank of LoRA and DoRA.</summary>
    public int Rank { get; init; } = 8;

    /// <summary>Alpha of LoRA and DoRA; null takes twice the rank.</summary>
    public double? Alpha { get; init; }

    /// <summary>Layers of LoRA, DoRA and IA3; null takes what is usual for the method.</summary>
    public IReadOnlyList<string>? Targets { get; init; }

    /// <summary>Number of blocks of the method last-blocks.</summary>
    public int Blocks { get; init; } = 2;

    /// <summary>The method as options of the library; null leaves the encoder frozen.</summary>
    /// <param name="seed">Seed of the initial values.</param>
    internal PeftOptions? ToPeft(long seed) => Name switch
    {
        TrainingMethod.Lora or TrainingMethod.Dora => new LoraOptions
        {
            Targets = Targets ?? ["attn.qkv:q,v"], Rank = Rank, Alpha = Alpha ?? 2 * Rank, Dora = Name == TrainingMethod.Dora, Seed = seed,
        },
        TrainingMethod.Ia3 => new Ia3Options { Targets = Targets ?? ["attn.qkv:k,v", "mlp.fc2"], FeedForward = Targets is null ? ["mlp.fc2"] : [], Seed = seed },
        TrainingMethod.Full => new FullOptions { Seed = seed },
        TrainingMethod.LastBlocks => new LastBlocksOptions { Blocks = Blocks, Seed = seed },
        TrainingMethod.Bitfit => new BiasOptions { Seed = seed },
        TrainingMethod.Norm => new NormOptions { Seed = seed },
        _ => null,
    };
}
