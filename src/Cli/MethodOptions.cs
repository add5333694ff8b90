using System.CommandLine;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli;

/// <summary>The options that say how an encoder is trained.</summary>
internal sealed class MethodOptions
{
    private static readonly MethodRecipe Default = new();

    private readonly Option<TrainingMethod> _method = SharedOptions.Choice("--method", TrainingMethod.Lora, "How the encoder is trained.");
    private readonly Option<int> _rank = SharedOptions.WithDefault("--rank", Default.Rank, "Rank of LoRA.", "r");
    private readonly Option<double?> _alpha = SharedOptions.Optional<double?>("--alpha", "Alpha of LoRA: the update is scaled by alpha / rank. Default: twice the rank.", "alpha");
    private readonly Option<string[]> _targets = new("--targets") { Description = "Layers of LoRA, DoRA and IA3, for example 'attn.qkv:q,v' (repeat the option for more), fc1 or all-linear.", HelpName = "layer" };
    private readonly Option<int> _blocks = SharedOptions.WithDefault("--blocks", Default.Blocks, "Blocks of the method last-blocks.", "n");

    /// <summary>The options, in the order of the help.</summary>
    public IReadOnlyList<Option> All => [_method, _rank, _alpha, _targets, _blocks];

    /// <summary>The method that the command line gives.</summary>
    public MethodRecipe Recipe(ParseResult parsed) => new()
    {
        Name = parsed.GetValue(_method),
        Rank = parsed.GetValue(_rank),
        Alpha = parsed.GetValue(_alpha),
        Targets = parsed.GetValue(_targets) is { Length: > 0 } targets ? targets : null,
        Blocks = parsed.GetValue(_blocks),
    };
}
