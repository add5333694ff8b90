using EoOnnx.Decoders;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Memory;

public class MemoryPlannerTests
{
    private const int Batch = 64;

    private static readonly TaskModel Deep = TaskModel.Compose(
        TestEncoder.Build(patch: 4, width: 48, depth: 6, heads: 4), new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 4 }, new LinearDecoder { Classes = 2, Upsampling = 4 });

    [Fact]
    public void Without_a_budget_a_small_run_computes_nothing_again_and_weights_are_packed()
    {
        var plan = Plan(null);
        Assert.Equal((Recompute.Nothing, true, 0L, (long?)null), (plan.Recompute, plan.PackWeights, plan.RecomputedBytes, plan.Budget));
        Assert.True(plan.KeptBytes > 0 && plan.ValueBytes > plan.KeptBytes);
    }

    [Fact]
    public void Without_a_budget_a_large_run_gives_up_memory_that_costs_little_speed()
    {
        const long Usual = 1_650_000_000;
        var (batch, fast) = (Batch, Plan(null));
        while (fast.EstimatedPeak <= Usual / 2)
        {
            fast = Plan(null, batch *= 2);
        }

        // Sizes are estimated, so a batch that nobody could hold can be planned for.
        var (cheap, huge) = (Plan(null, 2 * batch), Plan(null, 1000 * batch));
        Assert.True(cheap.EstimatedPeak <= Usual || cheap.Recompute == Recompute.Cheap);
        Assert.Equal((Recompute.Cheap, false, true, (long?)null), (huge.Recompute, huge.PackWeights, huge.TakesTurns, huge.Budget));
        Assert.False(Plan(null).TakesTurns);
    }

    [Fact]
    public void A_tighter_budget_gives_up_speed_step_by_step()
    {
        // The first thing to go costs next to nothing: training and validation no longer hold their values at the same time.
        var (free, fastest) = (Plan(null), Plan(Plan(null).EstimatedPeak - 1));
        Assert.Equal((Recompute.Nothing, true), (fastest.Recompute, fastest.PackWeights));
        Assert.Equal(free.EstimatedPeak - Math.Min(free.ValueBytes, free.ValidationBytes), fastest.EstimatedPeak);
        var mapped = Plan(fastest.EstimatedPeak - 1);
        Assert.Equal((Recompute.Nothing, false), (mapped.Recompute, mapped.PackWeights));
        var cheap = Plan(mapped.EstimatedPeak - 1);
        Assert.Equal((Recompute.Cheap, true), (cheap.Recompute, cheap.PackWeights));
        Assert.True(cheap.EstimatedPeak < fastest.EstimatedPeak && cheap.KeptBytes < fastest.KeptBytes && cheap.RecomputedBytes > 0);
        var unpacked = Plan(cheap.EstimatedPeak - 1);
        Assert.Equal((Recompute.Cheap, false), (unpacked.Recompute, unpacked.PackWeights));
        var smallest = Plan(unpacked.EstimatedPeak - 1);
        Assert.Equal((Recompute.Products, false), (smallest.Recompute, smallest.PackWeights));
        var failure = Assert.Throws<MemoryBudgetException>(() => Plan(smallest.EstimatedPeak - 1));
        Assert.Contains($"about {new MemorySize(smallest.EstimatedPeak)} with batches of {Batch}", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Values_grow_with_the_batch_and_weights_do_not()
    {
        var (one, two) = (Plan(null, Batch), Plan(null, 2 * Batch));
        Assert.Equal(2.0, two.KeptBytes / (double)one.KeptBytes, 0.05);
        Assert.Equal(one.WeightBytes, two.WeightBytes);
    }

    [Fact]
    public async Task A_run_within_its_budget_gives_the_loss_of_a_run_without_one()
    {
        var free = await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2, PackWeights = false });
        var budget = (free.Report.Memory!.Plan with { TakesTurns = true }).EstimatedPeak - 1;
        var tight = await Runs.Trainer().FitAsync(Runs.Data(), new FitOptions { Epochs = 2, PackWeights = false, MemoryBudget = budget });
        Assert.NotEqual(Recompute.Nothing, tight.Report.Memory!.Plan.Recompute);
        Assert.All(free.Report.Epochs.Zip(tight.Report.Epochs), pair => Assert.Equal(pair.First.TrainingLoss, pair.Second.TrainingLoss, 1e-5));
        Assert.True(tight.Report.Memory.MeasuredPeak > 0);
    }

    [Theory, InlineData("2GB", 2_147_483_648), InlineData("1.5 GiB", 1_610_612_736), InlineData("800mb", 838_860_800), InlineData("16777216", 16_777_216)]
    public void Amounts_of_memory_are_written_with_their_unit(string text, long bytes) => Assert.Equal(bytes, MemorySize.Parse(text).Bytes);

    [Theory, InlineData("GB"), InlineData("-1GB"), InlineData("0GB"), InlineData("1e3GB"), InlineData("99999999999TB"), InlineData("")]
    public void Other_text_is_refused_with_an_example(string text) => Assert.Contains("GB", Assert.Throws<ArgumentException>(() => MemorySize.Parse(text)).Message, StringComparison.Ordinal);

    private static MemoryPlan Plan(long? budget, int batch = Batch) =>
        MemoryPlanner.Compile(Deep, Loss.CrossEntropy(255), new AdamW(0.01), new TrainingGraphOptions(), new MemoryRequest(batch, budget, PackWeights: true, Workers: 2)).Plan;
}
