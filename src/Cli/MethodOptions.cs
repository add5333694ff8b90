using System.CommandLine;
using System.CommandLine.Parsing;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli;

/// <summary>The options that say how an encoder is trained.</summary>
internal sealed class MethodOptions
{
    private static readonly MethodRecipe Default = new();

    private readonly RecipeOptions<MethodRecipe> _settings = new()
    {
        { SharedOptions.Choice("--method", TrainingMethod.Lora, "How the encoder is trained."), (method, name) => method with { Name = name } },
        {
            new Option<MethodRecipe[]>("--and-method")
            {
                Description = "A further method in the same run, with its usual settings (bitfit) or its own, as in a recipe ('{name: adapter, bottleneck: 32}'); repeat the option for more.",
                HelpName = "method",
                CustomParser = Further,
            },
            (method, further) => method with { With = further ?? [] }
        },
        { SharedOptions.WithDefault("--rank", Default.Rank, "Rank of LoRA.", "r"), (method, rank) => method with { Rank = rank } },
        { SharedOptions.Optional<double?>("--alpha", "Alpha of LoRA: the update is scaled by alpha / rank. Default: twice the rank.", "alpha"), (method, alpha) => method with { Alpha = alpha } },
        { new Option<string[]>("--layer-rank") { Description = "Another rank for layers whose path ends so, for example mlp.fc1=4; repeat the option for more.", HelpName = "layer=r" }, (method, ranks) => method with { Ranks = ranks ?? [] } },
        { new Option<string[]>("--layer-alpha") { Description = "Another alpha for layers whose path ends so; repeat the option for more.", HelpName = "layer=alpha" }, (method, alphas) => method with { Alphas = alphas ?? [] } },
        { new Option<bool>("--rslora") { Description = "Scale LoRA by alpha / √rank, which keeps large ranks stable." }, (method, stabilized) => method with { Rslora = stabilized } },
        { SharedOptions.WithDefault("--dropout", Default.Dropout, "Dropout of LoRA, DoRA, bottleneck adapters and prompts.", "p"), (method, dropout) => method with { Dropout = dropout } },
        { new Option<string[]>("--targets") { Description = "Layers of LoRA, DoRA and IA3, for example 'attn.qkv:q,v' (repeat the option for more), fc1, patch_embed.proj (LoRA) or all-linear.", HelpName = "layer" }, (method, targets) => method with { Targets = targets is { Length: > 0 } ? targets : null } },
        { SharedOptions.WithDefault("--blocks", Default.Blocks, "Blocks of the method last-blocks.", "n"), (method, blocks) => method with { Blocks = blocks } },
        { SharedOptions.Choice("--variant", Default.Variant, "Where bottleneck adapters stand: behind attention and MLP, behind the MLP, or beside it."), (method, variant) => method with { Variant = variant } },
        { SharedOptions.WithDefault("--bottleneck", Default.Bottleneck, "Width of bottleneck adapters.", "m"), (method, width) => method with { Bottleneck = width } },
        { SharedOptions.WithDefault("--adapter-scale", Default.Scale, "Scale of parallel adapters.", "s"), (method, scale) => method with { Scale = scale } },
        { SharedOptions.WithDefault("--prefix-length", Default.PrefixLength, "Keys and values that the method prefix puts in front of each block's.", "p"), (method, length) => method with { PrefixLength = length } },
        { SharedOptions.Optional<int?>("--prefix-hidden", "Width of a network that makes the prefixes in training and is thrown away after it. Default: none.", "m"), (method, width) => method with { PrefixHidden = width } },
        { SharedOptions.WithDefault("--prompts", Default.Prompts, "Tokens of the method prompt.", "p"), (method, prompts) => method with { Prompts = prompts } },
        { new Option<bool>("--shallow") { Description = "Prompts in front of the first block only, instead of new ones for every block." }, (method, shallow) => method with { Shallow = shallow } },
    };

    /// <summary>The options, in the order of the help.</summary>
    public IEnumerable<Option> All => _settings;

    /// <summary>The method that the command line gives, and further methods with settings of their own.</summary>
    public MethodRecipe Recipe(ParseResult parsed) => _settings.Apply(Default, parsed);

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
