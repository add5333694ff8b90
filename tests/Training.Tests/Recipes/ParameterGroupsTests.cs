using EoOnnx.Decoders;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Tests.Trainer;

namespace EoOnnx.Training.Tests.Recipes;

public class ParameterGroupsTests
{
    [Fact]
    public void The_rate_falls_from_the_head_to_the_embeddings_and_vectors_do_not_decay()
    {
        const double rate = 0.01, decay = 0.5;
        var task = TaskModel.Compose(TestEncoder.Build(), new FullOptions(), new LinearDecoder { Upsampling = 1, Classes = 2 });
        var groups = ParameterGroups.Of(task, new OptimizerRecipe { LearningRate = rate, LayerDecay = decay });
        var blocks = task.Trainables.Select(tensor => tensor.Name.Split('.')).Where(words => words[0] == "blocks").Select(words => int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture)).Max() + 1;
        foreach (var tensor in task.Trainables)
        {
            var words = tensor.Name.Split('.');
            var layer = words[0] == "blocks" ? int.Parse(words[1], System.Globalization.CultureInfo.InvariantCulture) + 1
                : words[0] is "patch_embed" or "cls_token" or "pos_embed" ? 0 : blocks + 1;
            var group = Assert.Single(groups.Groups, group => group.Contains(tensor.Name));
            Assert.Equal(rate * Math.Pow(decay, blocks + 1 - layer), groups.LearningRates[group.Name], 1e-12);
            var decays = task.TrainingModel.Graph.FindInput(tensor.Name)!.Data!.Shape.Length > 1 && words[^1] != "bias" && words[0] != "cls_token";
            Assert.Equal(decays ? null : 0, group.WeightDecay);
        }

        Assert.Equal(3, groups.LearningRates.Values.Distinct().Count(value => value < rate));   // embeddings and two blocks
    }

    [Fact]
    public void Adapters_belong_to_the_layer_they_are_in_and_a_head_may_keep_a_rate_of_its_own()
    {
        var groups = ParameterGroups.Of(Runs.Task(), new OptimizerRecipe { LearningRate = 1, HeadLearningRate = 5, LayerDecay = 0.1 });
        double Rate(string name) => groups.LearningRates[groups.Groups.First(group => group.Contains(name)).Name];
        Assert.Equal(0.01, Rate("blocks.0.attn.qkv.q_linear.lora_A.weight"), 1e-12);
        Assert.Equal(0.1, Rate("blocks.1.attn.qkv.v_linear.lora_B.weight"), 1e-12);
        Assert.Equal(5, Rate(Runs.Task().Trainables.First(tensor => TrainableTensor.IsBehindEncoder(tensor.Name)).Name));
    }

    [Theory, InlineData(0), InlineData(1.5)]
    public void A_decay_outside_of_0_and_1_is_refused(double decay) =>
        Assert.Contains("over 0 and at most 1", Assert.Throws<ArgumentOutOfRangeException>(() => ParameterGroups.Of(Runs.Task(), new OptimizerRecipe { LayerDecay = decay })).Message, StringComparison.Ordinal);

    [Fact]
    public void Every_schedule_can_be_written_in_a_recipe()
    {
        foreach (var name in Enum.GetValues<ScheduleName>())
        {
            var schedule = RecipeSchedule.Of(new OptimizerRecipe { Schedule = name, Milestones = name == ScheduleName.MultiStep ? [3, 6] : null }, epochs: 9);
            var factors = Enumerable.Range(0, 9).Select(epoch => schedule.Factor(new(epoch * 10L, 10, 90) { ValidationLosses = [.. Enumerable.Repeat(1.0, epoch)] })).ToList();
            Assert.All(factors, factor => Assert.InRange(factor, 0, 1));
        }
    }

    [Theory]
    [InlineData(ScheduleName.Cosine, "optimizer.gamma belongs to the schedule step or multi-step or exponential or plateau; the schedule is cosine")]
    [InlineData(ScheduleName.MultiStep, "--lr-milestones 10,15")]
    public void A_setting_that_would_do_nothing_or_is_missing_is_refused(ScheduleName name, string expected) =>
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => RecipeSchedule.Of(new OptimizerRecipe { Schedule = name, Gamma = 0.5 }, 9)).Message, StringComparison.Ordinal);
}
