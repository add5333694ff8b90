using EoOnnx.Training.Peft;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Training.Tests.Recipes;

public sealed class MethodRecipeTests : IDisposable
{
    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void A_word_a_group_or_a_list_names_the_methods()
    {
        Assert.IsType<PrefixOptions>(Load("prefix").ToPeft(1));
        Assert.Null(Load("linear-probe").ToPeft(1));
        var prompts = Assert.IsType<PromptOptions>(Load("{name: prompt, prompts: 7, shallow: true, dropout: 0.1}").ToPeft(3));
        Assert.Equal((7, false, 0.1, 3), (prompts.Prompts, prompts.Deep, prompts.Dropout, prompts.Seed));
        var bottleneck = Assert.IsType<BottleneckOptions>(Load("{name: adapter, variant: parallel, bottleneck: 9, scale: 0.5}").ToPeft(1));
        Assert.Equal((BottleneckPlacement.Parallel, 9, 0.5), (bottleneck.Placement, bottleneck.Width, bottleneck.Scale));
        var several = Assert.IsType<CombinedOptions>(Load("[lora, bitfit, {name: prefix, prefixLength: 4, prefixHidden: 8}]").ToPeft(1));
        Assert.Equal([typeof(LoraOptions), typeof(BiasOptions), typeof(PrefixOptions)], several.Methods.Select(method => method.GetType()));
        Assert.Equal(8, ((PrefixOptions)several.Methods[2]).Reparametrization);
    }

    [Fact]
    public void LoRA_takes_ranks_and_alphas_by_layer_rsLoRA_and_dropout()
    {
        var lora = Assert.IsType<LoraOptions>(Load("{name: lora, targets: [patch_embed.proj, mlp.fc1], rank: 4, ranks: [mlp.fc1=2], alphas: [mlp.fc1=3.5], rslora: true, dropout: 0.2}").ToPeft(1));
        Assert.Equal((4, 2, 3.5 / Math.Sqrt(2), 0.2), (lora.RankAt("patch_embed.proj"), lora.RankAt("blocks.0.mlp.fc1"), lora.ScaleAt("blocks.0.mlp.fc1"), lora.Dropout));
        Assert.Contains("'fc1' gives no layer and a number", Assert.Throws<RecipeException>(() => Load("{name: lora, ranks: [fc1]}").ToPeft(1)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Further_methods_of_a_command_line_have_settings_of_their_own()
    {
        var further = RecipeFile.Methods("bitfit, {name: adapter, dropout: 0.1, bottleneck: 7}", "--and-method");
        var first = new MethodRecipe { Name = TrainingMethod.Lora, Dropout = 0.3, Rank = 2, Bottleneck = 99, Targets = ["mlp.fc1"], With = further };
        var methods = Assert.IsType<CombinedOptions>(first.ToPeft(1)).Methods;
        Assert.Equal([typeof(LoraOptions), typeof(BiasOptions), typeof(BottleneckOptions)], methods.Select(method => method.GetType()));
        Assert.Equal((0.3, 0.1, 7), (((LoraOptions)methods[0]).Dropout, ((BottleneckOptions)methods[2]).Dropout, ((BottleneckOptions)methods[2]).Width));
        var usual = Assert.IsType<CombinedOptions>((first with { With = RecipeFile.Methods("ia3", "--and-method") }).ToPeft(1)).Methods;
        Assert.Equal(["attn.qkv:k,v", "mlp.fc2"], ((Ia3Options)usual[1]).Targets);   // not those of the first
    }

    [Theory, InlineData("bitfitt", "Did you mean 'bitfit'"), InlineData("{name: lora, rnk: 4}", "'method[0].rnk'"), InlineData("", "names no method"), InlineData("{name: lora", "not YAML")]
    public void A_wrong_further_method_is_refused_with_the_option(string text, string hint)
    {
        var failure = Assert.Throws<RecipeException>(() => RecipeFile.Methods(text, "--and-method"));
        Assert.StartsWith("--and-method", failure.Message, StringComparison.Ordinal);
        Assert.Contains(hint, failure.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData("prefiks", "prefix"), InlineData("[]", "at least one method"), InlineData("[lora, {nam: norm}]", "name")]
    public void A_wrong_method_is_refused_with_its_place(string yaml, string hint)
    {
        var failure = Assert.Throws<RecipeException>(() => Load(yaml));
        Assert.Contains($"{_file}:4:", failure.Message, StringComparison.Ordinal);
        Assert.Contains(hint, failure.Message, StringComparison.Ordinal);
    }

    private MethodRecipe Load(string method)
    {
        File.WriteAllText(_file, $"model: a.onnx\ndata: {{folder: chips, classes: [a, b]}}\n\nmethod: {method}\n");
        return RecipeFile.Load(_file).Method;
    }
}
