using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Tests.Trainer;

namespace EoOnnx.Training.Tests.Autodiff;

public class RecomputationTests
{
    [Theory, InlineData(Recompute.Cheap), InlineData(Recompute.Products)]
    public void A_step_gives_the_same_numbers_whatever_is_computed_again(Recompute recompute)
    {
        var (kept, again) = (Step(Recompute.Nothing), Step(recompute));
        var (expected, found) = (Run(kept), Run(again));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));

        // ONNX Runtime fuses nodes whose result nobody else reads, so the last bit may differ.
        Assert.All(expected, tensor => Close(tensor.Value.ToSingles(), found[tensor.Key].ToSingles(), tensor.Key));
    }

    [Fact]
    public void Each_level_keeps_less_than_the_one_before()
    {
        var kept = Enum.GetValues<Recompute>().Select(level => Step(level).Kept.Count).ToList();
        Assert.True(kept[0] > kept[1] && kept[1] > kept[2], string.Join(", ", kept));
    }

    [Fact]
    public void Normalised_values_and_attention_probabilities_are_no_longer_kept()
    {
        var graph = Step(Recompute.Cheap);
        Assert.Contains(graph.Recomputed, name => name.Contains("Softmax", StringComparison.Ordinal));
        Assert.Contains(graph.Recomputed, name => name.Contains("LayerNormalization", StringComparison.Ordinal));
        Assert.Empty(graph.Kept.Intersect(graph.Recomputed));
    }

    [Fact]
    public void Everything_that_is_computed_again_waits_for_a_gradient()
    {
        var graph = Step(Recompute.Products).Step.Graph;
        var waiting = new HashSet<Node>();
        foreach (var node in graph.Nodes)
        {
            var backward = node.Name.StartsWith("gradient", StringComparison.Ordinal) && !node.Name.Contains(".again", StringComparison.Ordinal);
            if (backward || node.Inputs.Any(input => input?.Producer is { } producer && waiting.Contains(producer)))
            {
                waiting.Add(node);
            }
        }

        var copies = graph.Nodes.Where(node => node.Name.Contains(".again/", StringComparison.Ordinal)).ToList();
        Assert.NotEmpty(copies);
        Assert.All(copies, node => Assert.Contains(node, waiting));
    }

    [Fact]
    public void A_gradient_that_is_not_a_number_does_not_change_what_is_computed_again()
    {
        // The scale of the first column is NaN, and so is the gradient that arrives there; what is computed again is gelu(x·w), which is a number.
        var op = new GraphBuilder("hostile");
        var x = op.Input("x", ElementType.Float, ["batch", 4]);
        var w = op.OverridableInput("w", TensorData.FromValues<float>([4], [1, 2, 3, 4]));
        var hidden = op.Gelu(op.Mul(x, w));
        var objective = op.ReduceSum(op.Mul(op.Mul(hidden, hidden), op.Input("scale", ElementType.Float, ["batch", 4])), keepDims: false);
        var pass = Backpropagation.Differentiate(op, objective, [w], null, Recompute.Cheap);
        Assert.NotEmpty(pass.Recomputed);
        op.Graph.SetOutputs();
        op.Output(pass.Gradients[0]!, "gradient");
        op.Graph.Sort();
        var results = Ort.Run(
            new OnnxModel(op.Graph),
            ("x", TensorData.FromValues<float>([1, 4], [1, 1, 1, 1])),
            ("scale", TensorData.FromValues<float>([1, 4], [float.NaN, 1, 1, 1])));
        var gradient = results["gradient"].ToSingles();
        Assert.True(float.IsNaN(gradient[0]));
        Assert.All(gradient[1..], value => Assert.True(float.IsFinite(value) && value > 0));
    }

    private static void Close(float[] expected, float[] found, string name)
    {
        var limit = 1e-5f * expected.Max(MathF.Abs);
        Assert.True(expected.Zip(found, (a, b) => MathF.Abs(a - b)).Max() <= limit, name);
    }

    private static TrainingGraph Step(Recompute recompute) =>
        GradientCompiler.Compile(Runs.Task(), EoOnnx.Training.Losses.Loss.CrossEntropy(255), new AdamW(0.01), new TrainingGraphOptions { Recompute = recompute });

    private static Dictionary<string, TensorData> Run(TrainingGraph graph)
    {
        const int Batch = 3;
        var image = RandomTensors.Normal(1, "image", [Batch, 3, Runs.Tile, Runs.Tile], 1);
        var target = TensorData.FromValues<long>([Batch, Runs.Tile, Runs.Tile], [.. Enumerable.Range(0, Batch * Runs.Tile * Runs.Tile).Select(i => (long)(i % 3 % 2))]);
        var results = Ort.Run(graph.Step, [
            (graph.DataInputs[0].Name, image), (TrainingGraph.TargetName, target), (TrainingGraph.ScalarsName, graph.Scalars(new OptimizerStep(1, [0.01]))),
            .. graph.Slots.Select(slot => (slot.Name, slot.Name.Contains("lora_B", StringComparison.Ordinal) && slot.Kind == TrainingSlotKind.Parameter ? RandomTensors.Normal(2, slot.Name, slot.Initial.Shape.AsSpan(), 0.1) : slot.Initial))]);
        return results.ToDictionary(StringComparer.Ordinal);
    }
}
