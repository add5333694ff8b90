using System.CommandLine;
using System.CommandLine.Parsing;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli;

/// <summary>The options that say how an encoder is trained.</summary>
internal sealed class MethodOptions
{
    private static readonly MethodRecipe Default = new();

    private readonly Option<TrainingMethod> _method = SharedOptions.Choice("--method", TrainingMethod.Lora, "How the encoder is trained.");
    private readonly Option<MethodRecipe[]> _and = new("--and-method")
    {
        Description = "A further method in the same run, with its usual settings (bitfit) or its own, as in a recipe ('{name: adapter, bottleneck: 32}'); repeat the option for more.",
        HelpName = "method",
        CustomParser = Further,
    };

    private readonly Option<int> _rank = SharedOptions.WithDefault("--rank", Default.Rank, "Rank of LoRA.", "r");
    private readonly Option<double?> _alpha = SharedOptions.Optional<double?>("--alpha", "Alpha of LoRA: the update is scaled by alpha / rank. Default: twice the rank.", "alpha");
    private readonly Option<string[]> _ranks = new("--layer-rank") { Description = "Another rank for layers whose path ends so, for example mlp.fc1=4; repeat the option for more.", HelpName = "layer=r" };
    private readonly Option<string[]> _alphas = new("--layer-alpha") { Description = "Another alpha for layers whose path ends so; repeat the option for more.", HelpName = "layer=alpha" };
    private readonly Option<bool> _rslora = new("--rslora") { Description = "Scale LoRA by alpha / √rank, which keeps large ranks stable." };
    private readonly Option<double> _dropout = SharedOptions.WithDefault("--dropout", Default.Dropout, "Dropout of LoRA, DoRA, bottleneck adapters and prompts.", "p");
    private readonly Option<string[]> _targets = new("--targets") { Description = "Layers of LoRA, DoRA and IA3, for example 'attn.qkv:q,v' (repeat the option for more), fc1, patch_embed.proj (LoRA) or all-linear.", HelpName = "layer" };
    private readonly Option<int> _blocks = SharedOptions.WithDefault("--blocks", Default.Blocks, "Blocks of the method last-blocks.", "n");
    private readonly Option<BottleneckPlacement> _variant = SharedOptions.Choice("--variant", Default.Variant, "Where bottleneck adapters stand: behind attention and MLP, behind the MLP, or beside it.");
    private readonly Option<int> _bottleneck = SharedOptions.WithDefault("--bottleneck", Default.Bottleneck, "Width of bottleneck adapters.", "m");
    private readonly Option<double> _scale = SharedOptions.WithDefault("--adapter-scale", Default.Scale, "Scale of parallel adapters.", "s");
    private readonly Option<int> _prefixLength = SharedOptions.WithDefault("--prefix-length", Default.PrefixLength, "Keys and values that the method prefix puts in front of each block's.", "p");
    private readonly Option<int?> _prefixHidden = SharedOptions.Optional<int?>("--prefix-hidden", "Width of a network that makes the prefixes in training and is thrown away after it. Default: none.", "m");
    private readonly Option<int> _prompts = SharedOptions.WithDefault("--prompts", Default.Prompts, "Tokens of the method prompt.", "p");
    private readonly Option<bool> _shallow = new("--shallow") { Description = "Prompts in front of the first block only, instead of new ones for every block." };

    /// <summary>The options, in the order of the help.</summary>
    public IReadOnlyList<Option> All =>
        [_method, _and, _rank, _alpha, _ranks, _alphas, _rslora, _dropout, _targets, _blocks, _variant, _bottleneck, _scale, _prefixLength, _prefixHidden, _prompts, _shallow];

    /// <summary>The method that the command line gives, and further methods with settings of their own.</summary>
    public MethodRecipe Recipe(ParseResult parsed)
    {
        return new MethodRecipe
        {
            Name = parsed.GetValue(_method),
            Rank = parsed.GetValue(_rank),
            Alpha = parsed.GetValue(_alpha),
            Ranks = parsed.GetValue(_ranks) ?? [],
            Alphas = parsed.GetValue(_alphas) ?? [],
            Rslora = parsed.GetValue(_rslora),
            Dropout = parsed.GetValue(_dropout),
            Targets = parsed.GetValue(_targets) is { Length: > 0 } targets ? targets : null,
            Blocks = parsed.GetValue(_blocks),
            Variant = parsed.GetValue(_variant),
            Bottleneck = parsed.GetValue(_bottleneck),
            Scale = parsed.GetValue(_scale),
            PrefixLength = parsed.GetValue(_prefixLength),
            PrefixHidden = parsed.GetValue(_prefixHidden),
            Prompts = parsed.GetValue(_prompts),
            Shallow = parsed.GetValue(_shallow),
            With = parsed.GetValue(_and) ?? [],
        };
    }

    private static MethodRecipe[] Further(ArgumentResult argument)
    {
        try
        {
            return [.. argument.Tokens.SelectMany(token => RecipeFile.Methods(token.Value, "--and-method"))];
        }
        catch (RecipeException wrong)
        {
            argument.AddError(wrong.Message);
            return [];
        }
    }
}
