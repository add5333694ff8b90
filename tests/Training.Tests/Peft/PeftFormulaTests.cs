using EoOnnx.Decoders;
using CsCheck;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Peft.Structure;

namespace EoOnnx.Training.Tests.Peft;

/// <summary>The methods' formulas, computed by hand in double precision from tensors that the graphs report.</summary>
public class PeftFormulaTests
{
    private static readonly Gen<(int Heads, int HeadWidth, int Extra)> Sizes = Gen.Select(Gen.Int[1, 3], Gen.Int[2, 5], Gen.Int[1, 6], (heads, width, extra) => (heads, 2 * width, extra));

    [Fact]
    public void Prefixes_are_keys_and_values_of_each_head_in_front_of_the_others() => Sizes.Sample(size =>
    {
        var model = Single(size.Heads, size.HeadWidth);
        var task = TaskModel.Adapt(model, new PrefixOptions { Length = size.Extra, Seed = 4 });
        var graph = task.InferenceModel.Graph;
        var block = EncoderStructure.Blocks(model.Graph, "A test").Single();
        var (keys, values) = (graph.FindInput("blocks.0.attn.prefix_k")!.Data!.ToSingles(), graph.FindInput("blocks.0.attn.prefix_v")!.Data!.ToSingles());

        // Queries, keys and values of the plain model and the mix of the changed one, which keeps its place in front of the projection.
        var plain = Watch(model, block.Scores.Input(0), block.Scores.Input(1), block.Mix.Input(1));
        var mixed = Watch(task.InferenceModel, EncoderStructure.Blocks(graph, "A test").Single().Mix.Output)[0];
        var (q, k, v) = (plain[0], plain[1], plain[2]);
        var (batch, heads, tokens, width) = ((int)v.Shape[0], (int)v.Shape[1], (int)v.Shape[2], (int)v.Shape[3]);
        Assert.Equal(v.Shape, mixed.Shape);
        var (queries, oldKeys, oldValues, actual) = (q.ToSingles(), k.ToSingles(), v.ToSingles(), mixed.ToSingles());
        for (var row = 0; row < batch * heads; row++)
        {
            var head = row % heads;
            for (var token = 0; token < tokens; token++)
            {
                var scores = new double[size.Extra + tokens];
                for (var i = 0; i < scores.Length; i++)
                {
                    for (var c = 0; c < width; c++)
                    {
                        double key = i < size.Extra ? keys[(i * heads * width) + (head * width) + c] : oldKeys[(((row * width) + c) * tokens) + i - size.Extra];
                        scores[i] += queries[(((row * tokens) + token) * width) + c] * key;
                    }
                }

                var weights = Array.ConvertAll(scores, score => Math.Exp(score - scores.Max()));
                for (var c = 0; c < width; c++)
                {
                    var sum = 0.0;
                    for (var i = 0; i < scores.Length; i++)
                    {
                        sum += weights[i] / weights.Sum() * (i < size.Extra ? values[(i * heads * width) + (head * width) + c] : oldValues[(((row * tokens) + i - size.Extra) * width) + c]);
                    }

                    Assert.Equal(sum, actual[(((row * tokens) + token) * width) + c], 1e-5);
                }
            }
        }
    }, iter: 8);

    [Fact]
    public void Deep_prompts_are_further_tokens_of_every_block_that_are_cut_out_behind_it() => Sizes.Sample(size => Prompts(size.Heads, size.HeadWidth, size.Extra, deep: true), iter: 6);

    [Fact]
    public void Shallow_prompts_go_through_all_blocks_and_are_cut_out_of_every_feature() => Sizes.Sample(size => Prompts(size.Heads, size.HeadWidth, size.Extra, deep: false), iter: 6);

    [Theory, InlineData(BottleneckPlacement.Houlsby), InlineData(BottleneckPlacement.Pfeiffer), InlineData(BottleneckPlacement.Parallel)]
    public void Bottlenecks_add_their_branch_to_what_they_stand_behind_or_beside(BottleneckPlacement placement) => Sizes.Sample(size =>
    {
        var model = Single(size.Heads, size.HeadWidth);
        var task = TaskModel.Adapt(model, new BottleneckOptions { Placement = placement, Width = size.Extra, Scale = 0.25 });
        var tensors = MethodCases.DisturbedTensors(task, 0.3);
        Assert.Equal(placement == BottleneckPlacement.Houlsby ? 8 : 4, tensors.Count);
        var graph = task.TrainingModel.Graph;
        foreach (var path in tensors.Keys.Where(name => name.EndsWith(".down.weight", StringComparison.Ordinal)).Select(name => name[..^".down.weight".Length]))
        {
            var down = graph.Nodes.Single(node => node.OpType == "MatMul" && node.Input(1).Producer?.Input(0).Name == $"{path}.down.weight");
            var up = graph.Nodes.Single(node => node.OpType == "MatMul" && node.Input(1).Producer?.Input(0).Name == $"{path}.up.weight");
            var branch = graph.Consumers(up.Output).Single().Output;
            var scaled = placement == BottleneckPlacement.Parallel ? graph.Consumers(branch).Single().Output : branch;
            var sum = graph.Consumers(scaled).Single();
            var point = sum.Input(0) == scaled ? sum.Input(1) : sum.Input(0);
            var watched = Watch(task.TrainingModel, [down.Input(0), point, sum.Output], [.. tensors.Select(tensor => (tensor.Key, tensor.Value))]);
            if (placement != BottleneckPlacement.Parallel)
            {
                Assert.Equal(point, down.Input(0));
            }

            Check(watched, path, tensors, placement == BottleneckPlacement.Parallel);
        }
    }, iter: 5);

    private static void Check(List<TensorData> watched, string path, Dictionary<string, TensorData> tensors, bool parallel)
    {
        var (x, h, y) = (watched[0].ToSingles(), watched[1].ToSingles(), watched[2].ToSingles());
        var (down, downBias, up, upBias) = (tensors[$"{path}.down.weight"], tensors[$"{path}.down.bias"].ToSingles(), tensors[$"{path}.up.weight"], tensors[$"{path}.up.bias"].ToSingles());
        var (m, d) = ((int)down.Shape[0], (int)down.Shape[1]);
        Assert.Equal([d, m], up.Shape);
        var (wDown, wUp) = (down.ToSingles(), up.ToSingles());
        for (var row = 0; row < x.Length / d; row++)
        {
            var hidden = Enumerable.Range(0, m).Select(i => downBias[i] + Enumerable.Range(0, d).Sum(c => (double)wDown[(i * d) + c] * x[(row * d) + c])).Select(value => parallel ? Math.Max(0, value) : Gelu(value)).ToArray();
            for (var c = 0; c < d; c++)
            {
                var branch = upBias[c] + Enumerable.Range(0, m).Sum(i => wUp[(c * m) + i] * hidden[i]);
                Assert.Equal(h[(row * d) + c] + ((parallel ? 0.25 : 1) * branch), y[(row * d) + c], 1e-4);
            }
        }
    }

    /// <summary>x·Φ(x), Φ by Simpson's rule.</summary>
    private static double Gelu(double x)
    {
        const int Steps = 400;
        var h = x / Steps;
        var sum = Enumerable.Range(0, Steps + 1).Sum(i => (i is 0 or Steps ? 1 : i % 2 == 1 ? 4 : 2) * Math.Exp(-(i * h) * (i * h) / 2));
        return x * (0.5 + (sum * h / 3 / Math.Sqrt(2 * Math.PI)));
    }

    /// <summary>The same blocks over tokens that hold the prompts from the beginning must give the same patches.</summary>
    private static void Prompts(int heads, int headWidth, int count, bool deep)
    {
        const int Depth = 3;
        var width = heads * headWidth;
        var task = TaskModel.Compose(TestEncoder.Build(width: width, depth: Depth, heads: heads), new PromptOptions { Prompts = count, Deep = deep, Seed = 6 }, new LinearDecoder { Upsampling = 1, Classes = 2 });
        var graph = task.InferenceModel.Graph;
        var names = graph.Inputs.Where(input => PromptOptions.IsTensor(input.Name)).Select(input => input.Name).ToList();
        Assert.Equal(deep ? Enumerable.Range(0, Depth).Select(i => $"vpt_prompt_embeddings.{i}") : ["prompt_embeddings.0"], names);
        Assert.All(names, name => Assert.InRange(graph.FindInput(name)!.Data!.ToSingles().Max(MathF.Abs), 0, (float)Math.Sqrt(6.0 / ((3 * 64) + width)) + 1e-6f));

        // The reference: single blocks over tokens from outside, 16 of the image and the prompts behind them.
        var encoder = TestEncoder.Build(width: width, depth: Depth, heads: heads);
        var start = EncoderStructure.Blocks(encoder.Graph, "A test")[0].Input;
        var tokens = Watch(encoder, start)[0];
        var longer = TestEncoder.Build(tile: 32, width: width, depth: Depth, heads: heads, further: count);
        for (var block = 0; block < Depth; block++)
        {
            if (deep || block == 0)
            {
                tokens = Append(tokens, graph.FindInput(deep ? names[block] : names[0])!.Data!);
            }

            tokens = Through(longer, block, tokens);
            tokens = deep ? First(tokens, 16) : tokens;
        }

        var adapted = TaskModel.Adapt(LastOutput(encoder), new PromptOptions { Prompts = count, Deep = deep, Seed = 6 }).InferenceModel;
        var actual = Ort.Run(adapted, ("image", Image))[TaskModel.PredictionName];
        Assert.InRange(MethodCases.Distance(First(tokens, 16), actual), 0, 1e-5);
    }

    private static OnnxModel LastOutput(OnnxModel encoder)
    {
        var copy = encoder.Clone();
        copy.Graph.SetOutputs(copy.Graph.Outputs[^1]);
        return copy;
    }

    /// <summary>One block as a model of its own.</summary>
    private static TensorData Through(OnnxModel model, int index, TensorData tokens)
    {
        var copy = model.Clone();
        var block = EncoderStructure.Blocks(copy.Graph, "A test")[index];
        var op = new GraphBuilder(copy.Graph);
        var input = op.Input("tokens", ElementType.Float, ["batch", tokens.Shape[1], tokens.Shape[2]]);
        var output = block.Output;
        copy.Graph.ReplaceUses(block.Input, input);
        copy.Graph.SetOutputs(output);
        copy.Graph.RemoveUnused();
        copy.Graph.RemoveInput(copy.Graph.FindInput("image")!);
        copy.Graph.Sort();
        return Ort.Run(copy, ("tokens", tokens)).Single().Value;
    }

    private static TensorData Append(TensorData tokens, TensorData prompts)
    {
        var (batch, count, width, more) = ((int)tokens.Shape[0], (int)tokens.Shape[1], (int)tokens.Shape[2], (int)prompts.Shape[1]);
        var (values, added) = (tokens.ToSingles(), prompts.ToSingles());
        return TensorData.FromValues<float>([batch, count + more, width], [.. Enumerable.Range(0, batch).SelectMany(i => values.Skip(i * count * width).Take(count * width).Concat(added))]);
    }

    private static TensorData First(TensorData tokens, int count)
    {
        var (batch, all, width) = ((int)tokens.Shape[0], (int)tokens.Shape[1], (int)tokens.Shape[2]);
        var values = tokens.ToSingles();
        return TensorData.FromValues<float>([batch, count, width], [.. Enumerable.Range(0, batch).SelectMany(i => values.Skip(i * all * width).Take(count * width))]);
    }

    private static TensorData Image => RandomTensors.Normal(9, "image", [2, 3, 32, 32], 1);

    private static OnnxModel Single(int heads, int headWidth) => LastOutput(TestEncoder.Build(width: heads * headWidth, depth: 1, heads: heads));

    private static List<TensorData> Watch(OnnxModel model, params Value[] values) => Watch(model, values, []);

    /// <summary>Values inside a graph for one batch of images.</summary>
    private static List<TensorData> Watch(OnnxModel model, Value[] values, (string Name, TensorData Data)[] tensors)
    {
        var copy = new OnnxModel(model.Graph.Clone(out var copies)) { IrVersion = model.IrVersion };
        foreach (var (domain, version) in model.Opsets)
        {
            copy.Opsets[domain] = version;
        }

        copy.Graph.SetOutputs(values.Select(value => copies[value]).Distinct());
        var results = Ort.Run(copy, [("image", Image), .. tensors]);
        return [.. values.Select(value => results[copies[value].Name])];
    }
}
