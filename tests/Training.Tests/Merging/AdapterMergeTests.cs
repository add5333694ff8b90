using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Merging;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Merging;

public class AdapterMergeTests
{
    public static TheoryData<string, PeftOptions?> Methods() => new()
    {
        { "lora q v", new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 4, Alpha = 8 } },
        { "lora and biases of parts", new LoraOptions { Targets = ["attn.qkv:q,v"], Bias = BiasTraining.AdaptedLayers } },
        { "lora everywhere", new LoraOptions { Targets = ["all-linear"], Rank = 2, Alpha = 3, LoraBias = true, Bias = BiasTraining.AdaptedLayers } },
        { "rslora", new LoraOptions { Targets = ["mlp.fc1", "attn.proj"], RankStabilized = true, AlphaPattern = new Dictionary<string, double> { ["fc1"] = 5 } } },
        { "dora", new LoraOptions { Targets = ["attn.qkv:q,v", "mlp.fc2"], Dora = true } },
        { "ia3", new Ia3Options { Targets = ["attn.qkv:k,v", "mlp.fc2", "mlp.fc1"], FeedForward = ["mlp.fc2"] } },
        { "full", new FullOptions() },
        { "biases", new BiasOptions() },
        { "norms", new NormOptions() },
        { "last block", new LastBlocksOptions { Blocks = 1 } },
        { "frozen", null },
    };

    [Theory, MemberData(nameof(Methods))]
    public void A_merged_model_has_no_slots_and_gives_the_same_logits(string name, PeftOptions? peft)
    {
        var task = TaskModel.Compose(TestEncoder.Build(), peft, new LinearDecoder { Upsampling = 1, Classes = 3 });
        var adapter = Disturbed(task);
        var image = ("image", RandomTensors.Normal(9, "image", [2, 3, 32, 32], 1));
        var expected = Ort.Run(task.InferenceModel, [image, .. adapter.ToOnnxAdapter().Tensors.Select(tensor => (tensor.Key, tensor.Value))])[TaskModel.PredictionName].ToSingles();
        var untrained = Ort.Run(task.InferenceModel, image)[TaskModel.PredictionName].ToSingles();

        var (merged, _) = AdapterMerge.Merge(task.InferenceModel, adapter);
        Assert.Single(merged.Graph.Inputs);
        var actual = Ort.Run(merged, image)[TaskModel.PredictionName].ToSingles();
        var largest = expected.Max(MathF.Abs);
        Assert.True(expected.Zip(untrained, (a, b) => MathF.Abs(a - b)).Max() > 0.01 * largest, $"{name}: the adapter changes nothing, so the test proves nothing");
        Assert.True(expected.Zip(actual, (a, b) => MathF.Abs(a - b)).Max() < 1e-5 * largest, $"{name}: {expected.Zip(actual, (a, b) => MathF.Abs(a - b)).Max()} of {largest}");
    }

    [Theory, MemberData(nameof(Methods))]
    public void Nothing_of_the_adapter_is_left_beside_the_weights(string name, PeftOptions? peft)
    {
        var encoder = TestEncoder.Build();
        var task = TaskModel.Compose(encoder, peft, new LinearDecoder { Upsampling = 1, Classes = 3 });
        var (merged, report) = AdapterMerge.Merge(task.InferenceModel, Disturbed(task));
        Assert.All(report.Baked, tensor => Assert.True(TrainableTensor.IsBehindEncoder(tensor), $"{name}: {tensor}"));
        var plain = TaskModel.Compose(encoder, null, new LinearDecoder { Upsampling = 1, Classes = 3 }).InferenceModel;
        Assert.True(merged.Graph.Nodes.Count <= plain.Graph.Nodes.Count, $"{name}: {merged.Graph.Nodes.Count} nodes, without an adapter {plain.Graph.Nodes.Count}");
    }

    [Theory, MemberData(nameof(Methods))]
    public void The_encoder_of_a_merged_model_makes_the_features_of_the_merged_model(string name, PeftOptions? peft)
    {
        var encoder = TestEncoder.Build();
        var task = TaskModel.Compose(encoder, peft, new LinearDecoder { Upsampling = 1, Classes = 3 });
        var adapter = Disturbed(task);
        var (merged, report) = AdapterMerge.Merge(task.InferenceModel, adapter);
        var tuned = AdapterMerge.Encoder(encoder, merged, report);
        var image = ("image", RandomTensors.Normal(9, "image", [1, 3, 32, 32], 1));

        // The head of the adapter on the tuned encoder must give the logits of the merged model.
        var head = TaskModel.Compose(tuned, null, new LinearDecoder { Upsampling = 1, Classes = 3 });
        var expected = Ort.Run(merged, image)[TaskModel.PredictionName].ToSingles();
        var actual = Ort.Run(head.InferenceModel, [image, .. adapter.Tensors.Where(tensor => TrainableTensor.IsBehindEncoder(tensor.Key)).Select(tensor => (tensor.Key, tensor.Value))])[TaskModel.PredictionName].ToSingles();
        Assert.True(expected.Zip(actual, (a, b) => MathF.Abs(a - b)).Max() < 1e-5 * expected.Max(MathF.Abs), name);
        Assert.Equal(encoder.Graph.Outputs.Select(output => output.Name), tuned.Graph.Outputs.Select(output => output.Name));
        var hashes = new[] { encoder, tuned }.Select(model => WeightsIdentity.Of(model)).ToList();
        Assert.Equal(peft is null, hashes[0] == hashes[1]);
        Assert.NotEmpty(TaskModel.Compose(tuned, new LoraOptions { Targets = ["attn.qkv:q,v", "mlp.fc1"] }, new LinearDecoder { Upsampling = 1, Classes = 2 }).Trainables);
    }

    [Fact]
    public void An_adapter_of_another_base_is_refused_with_both_names()
    {
        var task = TaskModel.Compose(TestEncoder.Build(), null, new LinearDecoder { Upsampling = 1, Classes = 3 });
        var other = TaskModel.Compose(TestEncoder.Build(seed: 2), null, new LinearDecoder { Upsampling = 1, Classes = 3 });
        var failure = Assert.Throws<AdapterException>(() => AdapterMerge.Merge(other.InferenceModel, Disturbed(task)));
        Assert.Contains("was trained on tiny", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_slots_is_refused()
    {
        var failure = Assert.Throws<TrainingException>(() => AdapterMerge.Merge(TestEncoder.Build(), null));
        Assert.Contains("tiny has no slots for adapters", failure.Message, StringComparison.Ordinal);
    }

    /// <summary>An adapter that is far from its untrained values in every tensor.</summary>
    private static AdapterFile Disturbed(TaskModel task) => TrainedAdapter.Make(task, task.Trainables.ToDictionary(tensor => tensor.Name, tensor =>
    {
        var untrained = task.TrainingModel.Graph.FindInput(tensor.Name)!.Data!;
        var noise = RandomTensors.Normal(11, tensor.Name, untrained.Shape.AsSpan(), 0.2).ToSingles();
        return TensorData.FromValues<float>(untrained.Shape.AsSpan(), [.. untrained.ToSingles().Zip(noise, (a, b) => a + b)]);
    }));
}
