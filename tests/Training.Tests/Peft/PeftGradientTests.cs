using EoOnnx.Decoders;
using EoOnnx.Decoders.Heads;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Tests.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Tests.Autodiff;

namespace EoOnnx.Training.Tests.Peft;

/// <summary>Each method's gradients, as the compiler makes them, against central differences of the same graph in double precision, tensor by tensor.</summary>
public class PeftGradientTests
{
    private static readonly Dictionary<string, PeftOptions> Methods = new(MethodCases.All)
    {
        ["lora"] = new LoraOptions { Targets = ["attn.qkv:q,k,v", "attn.proj", "mlp.fc1", "mlp.fc2"], Rank = 2, Alpha = 6 },
        ["lora with dropout"] = new LoraOptions { Targets = ["attn.qkv:q,k,v", "mlp.fc2"], Rank = 2, Dropout = 0.3, Bias = BiasTraining.AdaptedLayers },
        ["dora"] = new LoraOptions { Targets = ["attn.qkv:k,v", "mlp.fc1"], Rank = 2, Dora = true },
        ["ia3"] = new Ia3Options { Targets = ["attn.qkv:k,v", "mlp.fc2"], FeedForward = ["mlp.fc2"] },
        ["bitfit"] = new BiasOptions(),
        ["norm"] = new NormOptions(),
        ["last block"] = new LastBlocksOptions { Blocks = 1 },
        ["full"] = new FullOptions(),
        ["lora, ia3 and bottlenecks"] = new CombinedOptions { Methods = [new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 2 }, new Ia3Options { Targets = ["mlp.fc1"] }, new BottleneckOptions { Width = 3 }] },
        ["prompts, prefix and biases"] = new CombinedOptions { Methods = [new PromptOptions { Prompts = 2 }, new PrefixOptions { Length = 2 }, new BiasOptions()] },
        ["lora on the patch embedding alone"] = new LoraOptions { Targets = ["/.*patch_embed.*|.*features\\.0\\.0/"], Rank = 2 },
        ["lora on every linear layer"] = new LoraOptions { Targets = [TargetPattern.AllLinear], Rank = 2 },
    };

    private static readonly string[] OfTokens = ["lora", "lora with dropout", "dora", "ia3", "houlsby", "parallel", "prefix", "deep prompts", "shallow prompts", "bitfit", "norm", "lora on the patch embedding alone"];

    private static readonly Dictionary<string, (string Size, BackboneOptions Options, string[] Methods)> Families = new()
    {
        ["prithvi"] = ("tiny", new BackboneOptions { Tile = 32, Frames = 2 }, OfTokens),
        ["terramind"] = ("tiny", new BackboneOptions { Tile = 32, Modalities = ["S2L2A"] }, ["lora", "prefix"]),
        ["presto"] = ("default", new BackboneOptions(), ["lora", "dora", "deep prompts"]),
    };

    private static readonly Dictionary<string, (Dictionary<string, TensorData> Weights, BackboneOptions Options)> Drawn = new()
    {
        ["scalemae"] = (DrawnWeights.Vit(new(24, 2, 3, 4, 3, 3, Mlp: 2), 3), new() { Heads = 3, GroundResolutionMetres = 2.5 }),
        ["swin"] = (DrawnWeights.Swin(11, width: 12, channels: 4, patch: 2, window: 3, [1, 2], [3, 2], mlp: 2), new() { Tile = 24, Bands = ["B02", "B03", "B04", "B08"] }),
    };

    public static MatrixTheoryData<string, string> DrawnCases => new(Drawn.Keys, ["lora on every linear layer", "full"]);

    public static TheoryData<string> Names => [.. Methods.Keys];

    public static TheoryData<string, string> FamilyCases()
    {
        var cases = new TheoryData<string, string>();
        foreach (var (family, (_, _, methods)) in Families)
        {
            foreach (var method in methods)
            {
                cases.Add(family, method);
            }
        }

        return cases;
    }

    [Theory, MemberData(nameof(Names))]
    public void Gradients_of_a_vision_transformer_agree_with_central_differences(string method) =>
        Check(TaskModel.Compose(TestEncoder.Build(tile: 16, width: 12), Methods[method], new IdentityDecoder { Head = new ScalarHead { Classes = 2 } }), method, groups: int.MaxValue);

    [Theory, MemberData(nameof(FamilyCases))]
    public void Gradients_of_exported_families_agree_with_central_differences(string family, string method)
    {
        var backbone = Backbones.All.Single(item => item.Name == family);
        var (size, options, _) = Families[family];
        var encoder = new OnnxModel(backbone.Build(backbone.Random(backbone.Sizes.FirstOrDefault(item => item == size) ?? backbone.Sizes[0], 3, 3), options).Graph);
        encoder.Graph.SetOutputs(encoder.Graph.Outputs[^1]);
        Check(TaskModel.Adapt(encoder, Methods[method]), $"{family}, {method}", groups: 5);
    }

    [Theory, MemberData(nameof(DrawnCases))]
    public void Gradients_of_families_in_drawn_sizes_agree_with_central_differences(string family, string method)
    {
        var (weights, options) = Drawn[family];
        var encoder = new OnnxModel(Backbones.Find(family).Build(new StateDict("memory", weights), options).Graph);
        encoder.Graph.SetOutputs(encoder.Graph.Outputs[^1]);
        Check(TaskModel.Adapt(encoder, Methods[method]), $"{family}, {method}", groups: int.MaxValue);
    }

    [Fact]
    public void Parts_of_a_fused_projection_draw_masks_of_their_own()
    {
        var model = TestEncoder.Build(depth: 1);
        model.Graph.SetOutputs(model.Graph.Outputs[^1]);
        var task = TaskModel.Adapt(model, new LoraOptions { Targets = ["attn.qkv:q,k,v"], Rank = 2, Dropout = 0.5 });
        var graph = task.TrainingModel.Graph;
        var inputs = new[] { "q", "k", "v" }.Select(part => graph.Nodes.Single(node => node.OpType == "MatMul" && node.Input(1).Producer is { OpType: "Transpose" } turned && turned.Input(0).Name == $"blocks.0.attn.qkv.{part}_linear.lora_A.weight").Input(0)).ToList();
        var op = new GraphBuilder(graph);
        graph.SetOutputs();
        inputs.ForEach(input => op.Output(op.Identity(input), $"seen.{inputs.IndexOf(input)}"));
        var seen = Ort.Run(task.TrainingModel, [.. Data(task)]);
        var dropped = Enumerable.Range(0, 3).Select(i => Array.ConvertAll(seen[$"seen.{i}"].ToSingles(), value => value == 0)).ToList();
        Assert.All(dropped, mask => Assert.InRange(mask.Count(zero => zero) / (double)mask.Length, 0.4, 0.6));
        foreach (var (a, b) in new[] { (0, 1), (0, 2), (1, 2) })
        {
            Assert.InRange(dropped[a].Zip(dropped[b]).Count(pair => pair.First == pair.Second) / (double)dropped[a].Length, 0.4, 0.6);   // independent: half agree
        }
    }

    // Tensors of a group are moved together, each as far as makes its part of the difference about 1.
    private static void Check(TaskModel task, string what, int groups)
    {
        var tensors = MethodCases.DisturbedTensors(task, 0.1);
        var model = task.TrainingModel.Clone();
        using var exact = new DoubleGraph(model, TaskModel.PredictionName);
        var op = new GraphBuilder(model.Graph);
        var prediction = model.Graph.FindOutput(TaskModel.PredictionName)!;
        var probe = op.Input("probe", ElementType.Float, prediction.KnownShape);
        var gradients = Backpropagation.Run(op, prediction, [.. task.Trainables.Select(tensor => model.Graph.FindInput(tensor.Name)!)], probe);
        model.Graph.SetOutputs();
        Assert.All(task.Trainables.Zip(gradients), pair => Assert.True(pair.Second is not null, $"{what}: {pair.First.Name} has no gradient"));
        foreach (var (tensor, made) in task.Trainables.Zip(gradients))
        {
            op.Output(op.Identity(made!), $"gradient.{tensor.Name}");
        }

        model.Graph.RemoveUnused();
        var data = Data(task);
        List<(string Name, TensorData Data)> point = [.. data, .. tensors.Select(tensor => (tensor.Key, tensor.Value))];
        var value = exact.Run(point);
        var weights = RandomTensors.Normal(5, "probe", [value.Length], 1).ToSingles();
        long[] shape = [.. prediction.KnownShape.Select(extent => extent.Value ?? 2)];
        var actual = Ort.Run(model, [.. point, ("probe", TensorData.FromValues<float>(shape, weights))]);
        // A key's bias moves no softmax: its gradient is 0 but for rounding, which is measured by the others.
        var gradient = tensors.Keys.ToDictionary(name => name, name => actual[$"gradient.{name}"].ToSingles());
        var rounding = 1e-6 * Math.Sqrt(gradient.Values.Sum(numbers => Math.Pow(Norm(numbers), 2)));
        var largest = tensors.Keys.Max(name => Norm(gradient[name]));
        foreach (var group in tensors.Select((item, i) => (item.Key, item.Value, Group: i % groups)).GroupBy(item => item.Group))
        {
            var directions = group.ToDictionary(item => item.Key, item =>
            {
                var length = groups < tensors.Count ? 1 / Math.Max(Norm(gradient[item.Key]), 0.01 * largest) : 1;
                return RandomTensors.Normal(6, item.Key, [gradient[item.Key].Length], 1).ToSingles().Select(number => number * length).ToArray();
            });
            const double Step = 1e-7;   // small: of the 12,800 rectified values behind one table of Swin v2, a step of 1e-5 carries some over the kink
            var (up, down) = (Moved(+Step), Moved(-Step));
            var expected = weights.Select((weight, i) => weight * (up[i] - down[i]) / (2 * Step)).Sum();
            var found = directions.Sum(item => gradient[item.Key].Zip(item.Value, (g, d) => g * d).Sum());
            var scale = Math.Sqrt(directions.Sum(item => gradient[item.Key].Sum(g => (double)g * g) * item.Value.Sum(d => d * d) / item.Value.Length));
            var least = rounding * directions.Values.Max(direction => Norm(direction) / Math.Sqrt(direction.Length));
            Assert.True(Math.Abs(expected - found) <= Math.Max(least, 2e-4 * Math.Max(scale, Math.Abs(expected))), $"{what}: {string.Join(", ", directions.Keys)}: differences give {expected}, the graph {found}; scale {scale}");

            double[] Moved(double distance) => exact.Run(point.Select(input => !directions.TryGetValue(input.Name, out var direction) ? input : (input.Name, TensorData.FromValues<double>(
                input.Data.Shape.AsSpan(), [.. input.Data.ToSingles().Zip(direction, (x, d) => x + (distance * d))]))));
        }
    }

    private static double Norm(IEnumerable<float> numbers) => Math.Sqrt(numbers.Sum(number => (double)number * number));

    private static double Norm(IEnumerable<double> numbers) => Math.Sqrt(numbers.Sum(number => number * number));

    private static List<(string Name, TensorData Data)> Data(TaskModel task) =>
    [
        .. task.TrainingModel.Graph.Inputs.Where(input => input.Data is null && input.Name != "probe").Select(input =>
        {
            long[] shape = [.. input.KnownShape.Select(extent => extent.Value ?? 2)];
            return (input.Name, input.Type == ElementType.Int64 ? TensorData.FromValues<long>(shape, Enumerable.Range(0, (int)TensorData.CountOf(shape)).Select(i => (long)i % 5).ToArray()) : RandomTensors.Normal(2, input.Name, shape, 1));
        }),
        .. task.Buffers.Select(buffer => (buffer, task.TrainingModel.Graph.FindInput(buffer)!.Data!)),
    ];
}
