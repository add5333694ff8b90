using EoOnnx.Decoders;
using EoOnnx.Decoders.Heads;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Tests.Composition;

/// <summary>Tasks made of an encoder and a decoder of <see cref="EoOnnx.Decoders"/>.</summary>
public class DecoderTaskTests
{
    private const long Batch = 3;

    public static TheoryData<string> Kinds => [.. Decoders().Keys];

    [Theory, MemberData(nameof(Kinds))]
    public void Training_lowers_the_loss_and_moves_the_running_statistics(string kind)
    {
        var task = TaskModel.Compose(Encoder(), null, Decoders()[kind]);
        var graph = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(5e-3));
        var state = Train(graph, steps: 60, out var losses);
        Assert.True(losses[^1] < 0.8 * losses[0], $"loss went from {losses[0]} to {losses[^1]}");
        foreach (var name in task.Buffers)
        {
            var slot = graph.Slots.Single(slot => slot.Name == name);
            Assert.Equal(TrainingSlotKind.Buffer, slot.Kind);
            Assert.NotEqual(slot.Initial.ToSingles(), state[name].ToSingles());
        }

        var inputs = task.InferenceModel.Graph.Inputs.Select(input => input.Name).ToHashSet();
        Assert.Superset(task.Trainables.Select(tensor => tensor.Name).ToHashSet(), inputs);
        var outputs = Ort.Run(task.InferenceModel, [Image(), .. state.Where(item => inputs.Contains(item.Key)).Select(item => (item.Key, item.Value))]);
        Assert.Equal([Batch, 2, 32, 32], outputs[TaskModel.PredictionName].Shape);
        Assert.All(outputs[TaskModel.PredictionName].ToSingles(), value => Assert.True(float.IsFinite(value)));
    }

    [Fact]
    public void The_same_seed_gives_the_same_run_with_dropout_and_another_a_different_one()
    {
        float[] Losses(long seed)
        {
            var decoder = new FcnDecoder { Channels = 8, Blocks = 2, Seed = seed, Head = new SegmentationHead { Classes = 2, Dropout = 0.5 } };
            var task = TaskModel.Compose(Encoder(), null, decoder);
            Assert.Contains("dropout.step", task.Buffers);
            Assert.DoesNotContain(task.InferenceModel.Graph.Inputs, input => input.Name == "dropout.step");
            Train(GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3)), steps: 3, out var losses);
            return [.. losses];
        }

        Assert.Equal(Losses(1), Losses(1));
        Assert.NotEqual(Losses(1), Losses(2));
    }

    [Fact]
    public void A_decoder_that_pools_the_whole_map_asks_for_two_samples_a_batch()
    {
        Assert.Equal(2, TaskModel.Compose(Encoder(), null, new UperNetDecoder { Channels = 8, Classes = 2 }).SmallestBatch);
        Assert.Equal(1, TaskModel.Compose(Encoder(), null, new UNetDecoder { Channels = [8, 8, 8, 8], Classes = 2 }).SmallestBatch);
    }

    [Theory, InlineData(1), InlineData(3)]
    public async Task A_batch_that_such_a_decoder_cannot_learn_from_is_refused_before_the_first_step(int batch)
    {
        var trainer = Runs.Trainer(TaskModel.Compose(Encoder(), null, new UperNetDecoder { Channels = 8, Classes = 2 }));
        var failure = await Assert.ThrowsAsync<TrainingException>(() => trainer.FitAsync(Runs.Data(batch: batch), new FitOptions { Epochs = 1 }));
        Assert.Contains($"at least 2 samples in every training batch, but 4 samples in batches of {batch} leave a batch of 1", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_loss_of_an_auxiliary_head_is_added_with_its_weight_and_the_model_in_use_has_none_of_it()
    {
        var main = new FcnDecoder { Channels = 8, Blocks = 1, Classes = 2 };
        float First(params AuxiliaryDecoder[] auxiliaries)
        {
            var task = TaskModel.Compose(Encoder(), null, main with { Auxiliaries = auxiliaries });
            Assert.Equal(auxiliaries.Length > 0, task.Trainables.Any(tensor => tensor.Name.StartsWith("aux_heads.side.", StringComparison.Ordinal)));
            Assert.DoesNotContain(task.InferenceModel.Graph.Inputs, input => input.Name.StartsWith("aux_heads.", StringComparison.Ordinal));
            Train(GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3)), steps: 1, out var losses);
            return losses[0];
        }

        float Side(double weight) => First(new AuxiliaryDecoder("side", weight, new IdentityDecoder { Classes = 2 }));
        var (alone, once, twice) = (First(), Side(1), Side(2));
        Assert.True(once > alone);
        Assert.Equal(once - alone, twice - once, 1e-5f);
    }

    [Fact]
    public void An_auxiliary_head_for_another_number_of_classes_is_refused()
    {
        var decoder = new FcnDecoder { Channels = 8, Blocks = 1, Classes = 2, Auxiliaries = [new AuxiliaryDecoder("side", 0.4, new IdentityDecoder { Classes = 3 })] };
        var failure = Assert.Throws<DecoderException>(() => TaskModel.Compose(Encoder(), null, decoder));
        Assert.Contains("side predicts 3 channels of a map; the main one 2", failure.Message, StringComparison.Ordinal);
    }

    private static Dictionary<string, Decoder> Decoders() => new(StringComparer.Ordinal)
    {
        ["UNet"] = new UNetDecoder { Channels = [16, 16, 8, 8], Classes = 2 },
        ["UperNet"] = new UperNetDecoder { Channels = 8, Classes = 2 },
        ["FCN"] = new FcnDecoder { Channels = 8, Blocks = 2, Classes = 2 },
        ["ASPP"] = new AsppDecoder { Channels = 8, Output = AsppOutput.Segmentation, Classes = 2 },
        ["Linear"] = new LinearDecoder { Upsampling = 1, Classes = 2 },
        ["Conv"] = new ConvolutionalDecoder { Channels = 16, Classes = 2 },
        ["MLP"] = new MlpDecoder { Classes = 2 },
        ["Identity"] = new IdentityDecoder { Head = new SegmentationHead { Classes = 2, Channels = [8] } },
    };

    private static Dictionary<string, TensorData> Train(TrainingGraph graph, int steps, out List<float> losses)
    {
        losses = [];
        using var options = Ort.Quiet;
        using var session = new InferenceSession(graph.Step.ToBytes(), options);
        var labels = TensorData.FromValues<long>([Batch, 32, 32], [.. Enumerable.Range(0, (int)Batch * 32 * 32).Select(i => i % 32 < 16 ? 0L : 1L)]);
        var state = graph.Slots.ToDictionary(slot => slot.Name, slot => slot.Initial);
        for (var step = 1; step <= steps; step++)
        {
            var outputs = Ort.Run(session, [Image(), (TrainingGraph.TargetName, labels), .. state.Select(item => (item.Key, item.Value)),
                (TrainingGraph.ScalarsName, graph.Scalars(new OptimizerStep(step, [5e-3])))]);
            losses.Add(outputs[TrainingGraph.LossName].ToSingles()[0]);
            state = graph.Slots.ToDictionary(slot => slot.Name, slot => outputs[slot.Output]);
        }

        return state;
    }

    private static (string Name, TensorData Data) Image() => ("image", RandomTensors.Uniform(1, "image", [Batch, 3, 32, 32], 1));

    /// <summary>Patches of 8 pixels, embedded and taken as four features, with a class token in front.</summary>
    private static OnnxModel Encoder()
    {
        const int Width = 12;
        var op = new GraphBuilder("patches");
        var x = op.Input("image", ElementType.Float, ["batch", 3, 32, 32]);
        var map = op.Conv(x, op.Initializer("proj.weight", RandomTensors.Uniform(1, "proj", [Width, 3, 8, 8], 0.2)), null, [8, 8], [0, 0, 0, 0]);
        var tokens = op.Transpose(op.Reshape(map, 0, Width, 16), 0, 2, 1);
        tokens = op.Concat(1, op.Slice(tokens, 1, 0, 1), op.Add(tokens, op.Initializer("position", RandomTensors.Uniform(1, "position", [1, 16, Width], 1))));
        for (var i = 0; i < 4; i++)
        {
            op.Output(tokens = op.Tanh(tokens), $"block_{i}");
        }

        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "patches", Family = "test", Task = ModelTask.Features, Tile = 32, Patch = 8,
            Features = [.. Enumerable.Range(0, 4).Select(i => new ManifestFeature($"block_{i}", "tokens", Width, 1, 4, 4))],
        }.ToJson();
        return model;
    }
}
