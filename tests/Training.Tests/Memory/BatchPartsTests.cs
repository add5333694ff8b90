using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Memory;

public class BatchPartsTests
{
    private const int Samples = 6, Width = 4, Channels = 3;

    private static readonly PeftOptions Lora = new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 2 };

    public static TheoryData<string> Means() => [.. Losses.Keys];

    private static readonly Dictionary<string, Loss> Losses = new(StringComparer.Ordinal)
    {
        ["ce"] = Loss.CrossEntropy(),
        ["ce with ignored targets"] = Loss.CrossEntropy(255),
        ["ce with class weights"] = Loss.CrossEntropy(255, [1, 5, 0.2]),
        ["two of the same"] = Loss.Combine((0.3, Loss.CrossEntropy(255)), (2, Loss.CrossEntropy(255))),
        ["bce"] = Loss.BinaryCrossEntropy(),
        ["mse"] = Loss.MeanSquaredError(),
        ["mae with ignored targets"] = Loss.MeanAbsoluteError(ignored: 0.5),
        ["huber"] = Loss.Huber(),
        ["standardised"] = Loss.Standardized(Loss.MeanSquaredError(), new TargetScaling([1, 2, 3], [0.5, 2, 1])),
        ["squared and absolute"] = Loss.Combine((1, Loss.MeanSquaredError()), (0.5, Loss.MeanAbsoluteError())),
    };

    [Theory, MemberData(nameof(Means))]
    public void Gradients_of_parts_add_up_to_those_of_the_batch(string name)
    {
        var loss = Losses[name];
        var (whole, parts) = (Compile(loss, inParts: false), Compile(loss, inParts: true));
        var images = RandomTensors.Normal(1, "image", [Samples, Width], 1).ToSingles();
        int[] classes = [0, 255, 2, 1, 1, 2];   // parts of 1, 2 and 3 samples weigh differently
        float[] values = [.. Enumerable.Range(0, Samples * Channels).Select(i => name == "bce" ? i % 2 : i % 5 == 1 ? float.NaN : i % 4 * 0.5f)];
        if (name == "ce")
        {
            classes[1] = 0;
        }

        var expected = Run(whole, 0, Samples, []);
        var total = Weight(0, Samples);
        var (sum, from) = ((double[])null!, 0);
        var lossSum = 0.0;
        foreach (var count in new[] { 1, 3, 2 })
        {
            var share = Weight(from, count) / total;
            var found = Run(parts, from, count, [(TrainingGraph.ShareName, TensorData.FromValues<float>([], [(float)share])), .. parts.GradientSums.Select(slot => (slot.Name, slot.Initial))]);
            lossSum += share * found[TrainingGraph.LossName].ToSingles()[0];
            var gradient = found[parts.GradientSums[0].Output].ToSingles();
            sum = sum is null ? [.. gradient.Select(value => (double)value)] : [.. sum.Zip(gradient, (a, b) => a + b)];
            from += count;
        }

        // With a rate of 1, descent moves by the gradient.
        var moved = whole.Parameters[0].Initial.ToSingles().Zip(expected[whole.Parameters[0].Output].ToSingles(), (old, next) => (double)old - next).ToArray();
        Assert.Equal(expected[TrainingGraph.LossName].ToSingles()[0], lossSum, 1e-5);
        Assert.Equal(moved, sum, (a, b) => Math.Abs(a - b) < 2e-6);
        Assert.Contains(moved, value => Math.Abs(value) > 1e-3);

        double Weight(int first, int count) => loss.TargetType == ElementType.Int64
            ? loss.MeanOver!.Of(classes.AsSpan(first, count)) : loss.MeanOver!.Of(values.AsSpan(first * Channels, count * Channels));

        IReadOnlyDictionary<string, TensorData> Run(TrainingGraph graph, int first, int count, (string, TensorData)[] further) => Ort.Run(graph.Step,
        [
            ("image", TensorData.FromValues<float>([count, Width], images.AsSpan(first * Width, count * Width))),
            (TrainingGraph.TargetName, loss.TargetType == ElementType.Int64
                ? TensorData.FromValues<long>([count], [.. classes.Skip(first).Take(count).Select(number => (long)number)])
                : TensorData.FromValues<float>([count, Channels], values.AsSpan(first * Channels, count * Channels))),
            .. graph.Parameters.Select(slot => (slot.Name, slot.Initial)), .. further,
            .. graph.Update is null ? new[] { (TrainingGraph.ScalarsName, graph.Scalars(new OptimizerStep(1, [1]))) } : [],
        ]);
    }

    [Theory, InlineData(1, 1), InlineData(2, 1), InlineData(3, 1), InlineData(3, 2)]
    public async Task A_run_in_parts_learns_what_a_run_of_whole_batches_does(int part, int accumulation)
    {
        var whole = await Fit(4, accumulation);
        var parts = await Fit(part, accumulation);
        Assert.Equal((4, part), (whole.Report.Memory!.Plan.Part, parts.Report.Memory!.Plan.Part));
        Assert.All(whole.Report.Epochs.Zip(parts.Report.Epochs), pair => Assert.Equal(pair.First.TrainingLoss, pair.Second.TrainingLoss, 1e-5));
        Assert.All(whole.Adapter.Tensors, tensor => Assert.Equal(tensor.Value.ToSingles(), parts.Adapter.Tensors[tensor.Key].ToSingles(), (a, b) => Math.Abs(a - b) < 1e-4));
    }

    [Fact]
    public void Batches_stay_whole_where_they_are_small_or_cannot_be_taken_apart()
    {
        var small = Compose(width: 48, tile: 32);
        Assert.Equal(8, BatchParts.Size(small, Loss.CrossEntropy(), 8));
        var large = Compose(width: 768, tile: 224);
        Assert.InRange(BatchParts.Size(large, Loss.CrossEntropy(255), 24), 1, 23);
        Assert.Equal(24, BatchParts.Size(large, Loss.Dice(), 24));
        Assert.Equal(24, BatchParts.Size(large, Loss.Combine((1, Loss.CrossEntropy()), (1, Loss.Dice())), 24));
        Assert.Equal(24, BatchParts.Size(large, Loss.RootMeanSquaredError(), 24));
        var normalised = TaskModel.Compose(TestEncoder.Build(tile: 224, width: 768, patch: 16), Lora, new UNetDecoder { Channels = [8, 8, 8, 8], Classes = 2 });
        Assert.True(normalised.HasBatchStatistics);
        Assert.Equal(24, BatchParts.Size(normalised, Loss.CrossEntropy(), 24));
    }

    [Fact]
    public void Parts_are_even_and_values_that_live_at_once_do_not_grow_with_the_batch()
    {
        var large = Compose(width: 768, tile: 224);
        var one = BatchParts.Size(large, Loss.CrossEntropy(), 64);
        for (var batch = 1; batch <= 64; batch++)
        {
            var part = BatchParts.Size(large, Loss.CrossEntropy(), batch);
            Assert.InRange(part, 1, Math.Min(batch, 3 * one));
            var count = (batch + part - 1) / part;
            Assert.True(batch / count >= part - 1, $"{batch} in parts of {part}");
        }

        MemoryPlan Plan(int batch) => MemoryPlanner.Compile(large, Loss.CrossEntropy(), new AdamW(), new TrainingGraphOptions(), new MemoryRequest(batch, null, true, 2)).Plan;
        Assert.Equal(Plan(4 * one).KeptBytes, Plan(6 * one).KeptBytes);
    }

    private static Task<FitResult> Fit(int part, int accumulation) => Runs.Trainer(learningRate: 0.003).FitAsync(
        Data(), new FitOptions { Epochs = 2, Part = part, Graph = new TrainingGraphOptions { Accumulation = accumulation } });

    // A third of the samples has no label, others have few.
    private static TrainingData Data()
    {
        var size = new PixelSize(Runs.Tile, Runs.Tile);
        var chips = Enumerable.Range(0, 14).Select(chip => new ArrayChip($"chip-{chip}", size, RandomTensors.Normal(chip, "image", [3, Runs.Tile, Runs.Tile], 1).ToSingles(),
            [.. Enumerable.Range(0, Runs.Tile * Runs.Tile).Select(pixel => chip % 3 == 2 || pixel % (chip + 1) != 0 ? float.NaN : pixel / 64 % 2)])).ToList();
        return new TrainingData(
            new ArrayChipSource(chips),
            DataSplit.LeaveOut([.. chips.Select(chip => new ChipInfo(chip.Name, size))], ["chip-0", "chip-1"]),
            new SampleOptions { Tile = Runs.Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), 3)], Classes = new ClassLabels { Classes = 2 } },
            new BatchLoaderOptions { BatchSize = 4, Seed = 3 });
    }

    private static TaskModel Compose(int width, int tile) => TaskModel.Compose(TestEncoder.Build(tile: tile, width: width, patch: 16), Lora, new LinearDecoder { Classes = 2, Upsampling = 16 });

    private static TrainingGraph Compile(Loss loss, bool inParts)
    {
        var op = new GraphBuilder("task");
        var image = op.Input("image", ElementType.Float, ["batch", Width]);
        var weight = op.OverridableInput("head.weight", TensorData.FromValues<float>([Width, Channels], [.. Enumerable.Range(0, Width * Channels).Select(i => 0.1f * (i % 5))]));
        op.Output(op.MatMul(image, weight), TaskModel.PredictionName);
        var model = new OnnxModel(op.Graph);
        return GradientCompiler.Compile(new TaskModel(model, model, [new TrainableTensor("head.weight", "head.weight")]), loss, new StochasticGradientDescent(1), new TrainingGraphOptions { InParts = inParts });
    }
}
