using EoOnnx.Training.Recipes;

namespace EoOnnx.Training.Tests.Recipes;

public class RecipeFileTests
{
    private const string Minimal = """
        model: encoder.onnx
        data:
          folder: chips
          classes: [other, water]
        """;

    [Fact]
    public void Settings_that_are_left_out_have_the_defaults_of_the_command_line()
    {
        var recipe = RecipeFile.Parse(Minimal, "r.yaml");
        var expected = new TrainingRecipe { Model = "encoder.onnx", Data = new DataRecipe { Folder = "chips", Classes = [new ClassRecipe("other"), new ClassRecipe("water")] } };
        Assert.Equal(expected.ToJson(), recipe.ToJson());
    }

    [Fact]
    public void Every_setting_can_be_written()
    {
        var recipe = RecipeFile.Parse("""
            model: e.onnx
            data: {folder: d, labelFolder: l, images: '*.tif', labels: '*.lab', bands: [3, 2, 1], classes: [water: 80, forest=10], ignored: [0], validationShare: 0.3, holdOut: [a], statistics: data, augment: false}
            method: {name: last-blocks, rank: 4, alpha: 16, targets: ['attn.qkv:q,v'], blocks: 3}
            task: regression
            decoder: {name: unet, channels: 32, stages: 1, necks: [{name: SelectIndices, indices: [0, 1]}], arguments: {attention_type: scse}, head: {dropout: 0.1}, auxiliary: [{name: side, weight: 0.3, decoder: {name: fcn}}]}
            loss: {name: huber, classWeights: balanced, standardizeTarget: true}
            optimizer: {name: sgd, learningRate: 1e-4, headLearningRate: 1e-3, weightDecay: 0, schedule: one-cycle, warmUp: 0, clipNorm: 1, accumulation: 2}
            run: {epochs: 3, batch: 2, seed: 9, threads: 1, bestBy: loss, patience: 5}
            """, "r.yaml");
        Assert.Equal([3, 2, 1], recipe.Data.Bands!);
        Assert.Equal([new ClassRecipe("water", 80), new ClassRecipe("forest", 10)], recipe.Data.Classes);
        Assert.Equal((TrainingMethod.LastBlocks, 16, 3), (recipe.Method.Name, recipe.Method.Alpha, recipe.Method.Blocks));
        Assert.Equal((OptimizerName.Sgd, 1e-4, ScheduleName.OneCycle, 1), (recipe.Optimizer.Name, recipe.Optimizer.LearningRate, recipe.Optimizer.Schedule, recipe.Optimizer.ClipNorm));
        Assert.Equal(("{\"name\":\"SelectIndices\",\"indices\":[0,1]}", "{\"attention_type\":\"scse\"}", "{\"dropout\":0.1}"), (recipe.Decoder.Necks![0].ToJsonString(), recipe.Decoder.Arguments!.ToJsonString(), recipe.Decoder.Head!.ToJsonString()));
        Assert.Equal(("side", 0.3, DecoderName.Fcn), (recipe.Decoder.Auxiliary[0].Name, recipe.Decoder.Auxiliary[0].Weight, recipe.Decoder.Auxiliary[0].Decoder.Name));
        Assert.Equal((TaskName.Regression, LossName.Huber, true, 32), (recipe.Task, recipe.Loss.Name, recipe.Loss.StandardizeTarget, Assert.Single(recipe.Decoder.Channels!)));
        Assert.Equal((3, 9L, 5), (recipe.Run.Epochs, recipe.Run.Seed, recipe.Run.Patience));
    }

    [Theory]
    [InlineData("r.yaml:5:1: there is no setting 'optimiser'. Did you mean 'optimizer'?", "optimiser:\n  name: sgd")]
    [InlineData("r.yaml:6:3: there is no setting 'optimizer.learningrate'. Did you mean 'learningRate'?", "optimizer:\n  learningrate: 1")]
    [InlineData("r.yaml:6:11: 'run.epochs' is 'many'; expected a whole number.", "run:\n  epochs: many")]
    [InlineData("r.yaml:6:9: 'method.name' is 'lorra'; expected one of lora, dora, ia3, linear-probe, full, last-blocks, bitfit, norm, adapter, prefix, prompt. Did you mean 'lora'?", "method:\n  name: lorra")]
    [InlineData("r.yaml:6:12: 'method.targets' takes a list, for example [a, b]; found one value.", "method:\n  targets: fc1")]
    [InlineData("r.yaml:7:24: The factor of a loss must be above 0", "loss:\n  parts:\n  - {name: ce, weight: 0}")]
    [InlineData("r.yaml:5:6: 'run' is a group of settings", "run: 5")]
    [InlineData("r.yaml:6:1: not YAML", "run: {")]
    public void A_wrong_setting_is_refused_with_line_and_column(string expected, string line)
    {
        var failure = Assert.Throws<RecipeException>(() => RecipeFile.Parse($"{Minimal}\n{line}", "r.yaml"));
        Assert.StartsWith(expected, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_value_out_of_range_is_refused_where_it_stands()
    {
        var failure = Assert.Throws<RecipeException>(() => RecipeFile.Parse("model: e\ndata:\n  folder: d\n  classes: [a, b]\n  validationShare: 2", "r.yaml"));
        Assert.StartsWith("r.yaml:5:20: The share of held-out chips must be over 0 and under 1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Settings_that_hold_themselves_are_refused()
    {
        var failure = Assert.Throws<RecipeException>(() => RecipeFile.Parse($"{Minimal}\ndecoder:\n  head: &a\n    x: *a", "r.yaml"));
        Assert.NotEmpty(failure.Message);
    }

    [Fact]
    public void A_missing_setting_is_named()
    {
        var failure = Assert.Throws<RecipeException>(() => RecipeFile.Parse("model: e\ndata:\n  classes: [a, b]", "r.yaml"));
        Assert.Equal("r.yaml:3:3: the setting 'data.folder' is missing.", failure.Message);
    }

    [Fact]
    public void Settings_of_the_command_line_win_over_the_file()
    {
        var recipe = RecipeFile.Parse(Minimal, "r.yaml", ["run.epochs=3", "method.targets=[fc1, fc2]", "data.folder=other"]);
        Assert.Equal(3, recipe.Run.Epochs);
        Assert.Equal(["fc1", "fc2"], recipe.Method.Targets!);
        Assert.Equal("other", recipe.Data.Folder);
        Assert.Contains("expected name=value", Assert.Throws<RecipeException>(() => RecipeFile.Parse(Minimal, "r.yaml", ["epochs"])).Message, StringComparison.Ordinal);
    }
}
