using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Tests.Autodiff;

public class GradientCompilerTests
{
    [Fact]
    public void An_operator_without_a_rule_is_refused_by_node_name_with_the_tensors_it_blocks()
    {
        var task = Task((op, x, weight) => op.ReduceProd(op.MatMul(x, weight), keepDims: true, 1));
        var message = Assert.Throws<TrainingException>(() => GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW())).Message;
        Assert.Contains("No gradient rule for ReduceProd (node ReduceProd), which blocks: head.weight", message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_operator_without_a_rule_is_welcome_where_no_gradient_passes()
    {
        var task = Task((op, x, weight) => op.Add(op.MatMul(x, weight), op.ReduceProd(x, keepDims: true, 1)));
        Assert.NotEmpty(GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW()).Parameters);
    }

    [Fact]
    public void A_trainable_tensor_without_influence_is_refused_by_name()
    {
        var task = Task((op, x, _) => x);
        Assert.Contains("head.weight does not influence the loss", Assert.Throws<TrainingException>(() => GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW())).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Attention_moves_whole_rows_of_keys_and_sums_what_weights_mix_over_the_width_of_a_head()
    {
        var encoder = TestEncoder.Build(tile: 64, patch: 4, width: 24, heads: 4);
        var task = TaskModel.Compose(encoder, new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 2 }, new Decoders.LinearDecoder { Upsampling = 4, Classes = 2 });
        var (plain, step) = (task.TrainingModel.Graph, GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW()).Step.Graph);
        Assert.Contains(plain.Nodes, TurnsElements);
        Assert.DoesNotContain(step.Nodes, TurnsElements);

        // 256 tokens, heads of 6: no sum over all weights of a query is left.
        Assert.DoesNotContain(step.Nodes, node => node.OpType == "ReduceSum" && node.Input(0) is { Rank: 4 } summed && summed.KnownShape[-1].Value == 256);
        Assert.Contains(step.Nodes, node => node.OpType == "ReduceSum" && node.Input(0) is { Rank: 4 } summed && summed.KnownShape[-1].Value == 6);

        static bool TurnsElements(Node node) => node.OpType == "MatMul" && node.Input(1) is { Rank: 4, Producer: { OpType: "Transpose" } turned } && turned.Ints("perm")![^2] == 3;
    }

    [Fact]
    public void With_a_base_in_8_bits_loss_and_gradients_are_close_to_those_in_single_precision()
    {
        var task = TaskModel.Compose(TestEncoder.Build(width: 48), new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 4, Initialization = LoraInitialization.RandomB }, new Decoders.LinearDecoder { Upsampling = 1, Classes = 2 });
        TrainingGraph Compiled(FrozenBase stored) => GradientCompiler.Compile(task, Loss.CrossEntropy(), new StochasticGradientDescent(1), new TrainingGraphOptions { Base = stored });
        var (exact, narrow) = (Compiled(FrozenBase.Float32), Compiled(FrozenBase.Int8));
        Assert.DoesNotContain(exact.Step.Graph.Nodes, node => node.OpType == "MatMulInteger");
        Assert.DoesNotContain(narrow.Step.Graph.Nodes, node => node.OpType == "MatMul" && node.Input(1) is { Producer: null, Data.Shape: [>= 48, >= 48] });
        Assert.Equal(exact.Slots.Select(slot => (slot.Name, slot.Initial)), narrow.Slots.Select(slot => (slot.Name, slot.Initial)));
        (string, TensorData)[] batch =
        [
            (exact.DataInputs[0].Name, RandomTensors.Normal(1, "image", [2, .. exact.DataInputs[0].KnownShape.Skip(1).Select(extent => extent.Value!.Value)], 1)),
            (TrainingGraph.TargetName, TensorData.FromValues<long>([2, .. exact.Target.KnownShape.Skip(1).Select(extent => extent.Value!.Value)], [.. Enumerable.Range(0, (int)exact.Target.KnownShape.Skip(1).Aggregate(2L, (product, extent) => product * extent.Value!.Value)).Select(i => (long)(i % 3 % 2))])),
        ];
        Dictionary<string, TensorData> Step(TrainingGraph graph) => new(Ort.Run(graph.Step, [.. batch, .. graph.Slots.Select(slot => (slot.Name, slot.Initial)), (TrainingGraph.ScalarsName, graph.Scalars(new OptimizerStep(1, [1])))]), StringComparer.Ordinal);
        var (expected, found) = (Step(exact), Step(narrow));
        Assert.Equal(expected[TrainingGraph.LossName].ToSingles()[0], found[TrainingGraph.LossName].ToSingles()[0], 0.02 * expected[TrainingGraph.LossName].ToSingles()[0]);
        foreach (var slot in exact.Parameters)
        {
            var start = slot.Initial.ToSingles();
            var (a, b) = (expected[slot.Output].ToSingles().Zip(start, (next, old) => (double)old - next).ToList(), found[slot.Output].ToSingles().Zip(start, (next, old) => (double)old - next).ToList());
            var cosine = a.Zip(b, (x, y) => x * y).Sum() / Math.Sqrt(a.Sum(x => x * x) * b.Sum(y => y * y));
            Assert.True(cosine > 0.99, $"{slot.Name}: {cosine}");
        }
    }

    [Fact]
    public void Compiling_twice_gives_the_same_bytes()
    {
        byte[] Once() => GradientCompiler.Compile(Task((op, x, weight) => op.Gelu(op.MatMul(x, weight))), Loss.CrossEntropy(255, [1, 2, 3]), new AdamW()).Step.ToBytes();
        Assert.Equal(Once(), Once());
    }

    [Fact]
    public void Training_a_linear_classifier_lowers_its_loss()
    {
        var graph = GradientCompiler.Compile(Task((op, x, weight) => op.MatMul(x, weight)), Loss.CrossEntropy(), new AdamW(0.05));
        var losses = Train(graph, 30);
        Assert.True(losses[^1] < 0.5 * losses[0], $"{losses[0]} → {losses[^1]}");
    }

    [Fact]
    public void Accumulating_equal_micro_batches_steps_as_one_batch_does()
    {
        var task = Task((op, x, weight) => op.MatMul(x, weight));
        var whole = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(0.05), new TrainingGraphOptions { ClipNorm = 0.1 });
        var parts = GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(0.05), new TrainingGraphOptions { ClipNorm = 0.1, Accumulation = 2 });
        var expected = Ort.Run(whole.Step, [.. Batch(), .. whole.Slots.Select(slot => (slot.Name, slot.Initial)), (TrainingGraph.ScalarsName, whole.Scalars(new OptimizerStep(1, [0.05])))]);
        var sums = parts.GradientSums.Select(slot => (slot.Name, slot.Initial)).ToArray();
        for (var i = 0; i < 2; i++)
        {
            var outputs = Ort.Run(parts.Step, [.. Batch(), .. parts.Parameters.Select(slot => (slot.Name, slot.Initial)), .. sums]);
            sums = [.. parts.GradientSums.Select(slot => (slot.Name, outputs[slot.Output]))];
        }

        var updated = Ort.Run(parts.Update!, [.. parts.Slots.Select(slot => (slot.Name, slot.Initial)), .. sums, (TrainingGraph.ScalarsName, parts.Scalars(new OptimizerStep(1, [0.05])))]);
        foreach (var slot in whole.Slots)
        {
            Assert.Equal(expected[slot.Output].ToSingles(), updated[slot.Output].ToSingles(), (a, b) => Math.Abs(a - b) < 1e-6);
        }
    }

    private static List<double> Train(TrainingGraph graph, int steps)
    {
        var state = graph.Slots.Select(slot => slot.Initial).ToList();
        var losses = new List<double>();
        for (var step = 1; step <= steps; step++)
        {
            var outputs = Ort.Run(graph.Step, [.. Batch(), .. graph.Slots.Select((slot, i) => (slot.Name, state[i])), (TrainingGraph.ScalarsName, graph.Scalars(new OptimizerStep(step, [0.05])))]);
            losses.Add(outputs[TrainingGraph.LossName].ToSingles()[0]);
            state = [.. graph.Slots.Select(slot => outputs[slot.Output])];
        }

        return losses;
    }

    private static (string, TensorData)[] Batch() =>
    [
        ("image", TensorData.FromValues<float>([3, 4], [1, 0, 0, 0.5f, 0, 1, 0, 0.5f, 0, 0, 1, 0.5f])), ("target", TensorData.FromValues<long>([3], [0, 1, 2])),
    ];

    private static TaskModel Task(Func<GraphBuilder, Value, Value, Value> build)
    {
        var op = new GraphBuilder("task");
        var image = op.Input("image", ElementType.Float, ["batch", 4]);
        var weight = op.OverridableInput("head.weight", TensorData.FromValues<float>([4, 3], [.. Enumerable.Range(0, 12).Select(i => 0.1f * (i % 5))]));
        op.Output(build(op, image, weight), TaskModel.PredictionName);
        var model = new OnnxModel(op.Graph);
        return new TaskModel(model, model, [new TrainableTensor("head.weight", "head.weight")]);
    }
}
