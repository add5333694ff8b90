using EoOnnx.Decoders;
using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Necks;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Tests.Autodiff;

/// <summary>Every operator on the way from any tensor of any exported graph to a loss has a rule, and every rule a case of finite differences. The lists
/// below are held against the types of the assemblies: a new family, neck, decoder, head or loss must be added here.</summary>
public class OperatorCoverageTests
{
    private static readonly Dictionary<string, (string Size, BackboneOptions[] Options)> Families = new()
    {
        ["dofa"] = ("tiny", [new() { Tile = 32, Bands = ["B02", "B03", "B04"] }, new() { Tile = 32, Bands = ["B02", "B03"], Attention = AttentionForm.Fused }, new() { Tile = 32, AnyBands = true }]),
        ["vit"] = ("tiny", [new() { Tile = 32 }]),
        ["scalemae"] = ("tiny", [new() { Tile = 32 }]),
        ["resnet"] = ("18", [new() { Tile = 64 }]),
        ["swin"] = ("tiny", [new() { Tile = 64 }]),
        ["presto"] = ("default", [new()]),
        ["prithvi"] = ("tiny", [new() { Tile = 32, Frames = 2 }, new() { Tile = 32, Attention = AttentionForm.Fused }]),
        ["terramind"] = ("tiny", [.. Enum.GetValues<TokenMerge>().Select(merge => new BackboneOptions { Tile = 32, Modalities = ["S2L2A", "S1GRD"], Merge = merge, Registers = 2 })]),
    };

    private static readonly Neck[] Necks =
    [
        new SelectIndices { Indices = [0, 1, 2, 3] }, new ReshapeTokensToImage(), new AggregateTokens(), new PermuteDims { Order = [0, 2, 3, 1] }, new InterpolateToPyramidal(), new MaxpoolToPyramidal(),
        new LearnedInterpolateToPyramidal(), new AddBottleneckLayer(), new FeaturePyramidNetworkNeck(),
    ];

    private static readonly Decoder[] DecoderKinds =
    [
        new UNetDecoder { Channels = [8, 8, 4, 4], Classes = 2 }, new UperNetDecoder { Channels = 8, Classes = 2 }, new FcnDecoder { Channels = 8, Blocks = 2, Classes = 2 },
        new AsppDecoder { Channels = 8, Output = AsppOutput.Segmentation, Classes = 2 }, new LinearDecoder { Upsampling = 1, Classes = 2 }, new ConvolutionalDecoder { Channels = 8, Classes = 2 },
        new MlpDecoder { Classes = 2 }, new IdentityDecoder { Head = new SegmentationHead { Classes = 2, Channels = [8], Dropout = 0.1 } },
        new IdentityDecoder { Head = new RegressionHead() }, new IdentityDecoder { Head = new ScalarHead { Classes = 3, Widths = [4], Dropout = 0.1 } },
    ];

    private static readonly Loss[] Losses =
    [
        Loss.CrossEntropy(255, [1, 2]), Loss.Dice(255), Loss.Jaccard(), Loss.Focal(255), Loss.Lovasz(255), Loss.BinaryCrossEntropy(), Loss.BinaryCrossEntropy(balanced: true),
        Loss.MeanSquaredError(), Loss.MeanAbsoluteError(-1), Loss.Huber(), Loss.RootMeanSquaredError(), Loss.RootMeanSquaredError(asTerraTorch: true),
        Loss.Combine([(1, Loss.CrossEntropy()), (0.5, Loss.Dice())]), Loss.Standardized(Loss.Huber(), new TargetScaling([1, 2], [2, 3])),
    ];

    [Fact]
    public void Every_operator_of_every_exported_encoder_has_a_rule_and_a_case()
    {
        Assert.Equal(Backbones.All.Select(family => family.Name).Order(StringComparer.Ordinal), Families.Keys.Order(StringComparer.Ordinal));
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var backbone in Backbones.All)
        {
            var (size, options) = Families[backbone.Name];
            foreach (var choice in options)
            {
                var weights = backbone.Random(backbone.Sizes.FirstOrDefault(item => item == size) ?? backbone.Sizes[0], 3, 3);
                foreach (var output in new OnnxModel(backbone.Build(weights, choice).Graph).Graph.Outputs.Select(output => output.Name))
                {
                    var model = new OnnxModel(backbone.Build(weights, choice).Graph);
                    model.Graph.SetOutputs(model.Graph.FindOutput(output)!);
                    model.Graph.RemoveUnused();

                    // Chips have a fixed number of bands and dates; a gradient of what makes a kernel of any bands needs it.
                    foreach (var symbol in model.Graph.Inputs.SelectMany(input => input.KnownShape).Select(extent => extent.Symbol).OfType<string>().Where(symbol => symbol != "batch").Distinct().ToList())
                    {
                        model.Graph.Bind(symbol, 3);
                    }

                    found.UnionWith(Differentiated(model.Graph, model.Graph.Outputs[0]));
                }
            }
        }

        Covered(found);
    }

    [Fact]
    public void Every_operator_of_every_neck_decoder_and_head_has_a_rule_and_a_case()
    {
        AllOf<Decoder>(DecoderKinds);
        AllOf<Head>([.. DecoderKinds.Select(decoder => decoder.Head).OfType<Head>()]);
        AllOf<Neck>(Necks);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var decoder in DecoderKinds.Concat(NeckedDecoders()))
        {
            var task = TaskModel.Compose(TestEncoder.Build(tile: 64, depth: 4), new FullOptions(), decoder);
            found.UnionWith(Differentiated(task.TrainingModel.Graph, task.TrainingModel.Graph.FindOutput(TaskModel.PredictionName)!));
        }

        Covered(found);
    }

    [Fact]
    public void Every_operator_of_every_loss_has_a_rule_and_a_case()
    {
        AllOf<Loss>(Losses);
        var found = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var loss in Losses)
        {
            var op = new GraphBuilder("loss");
            var prediction = op.Initializer("prediction", RandomTensors.Normal(1, "prediction", [2, 2, 4, 4], 1));
            found.UnionWith(Differentiated(op.Graph, loss.Build(op, prediction, op.Input("target", loss.TargetType, loss.TargetShape(prediction.KnownShape)))));
        }

        Covered(found);
    }

    private static IEnumerable<Decoder> NeckedDecoders()
    {
        var image = new ReshapeTokensToImage();
        foreach (var neck in Necks.Where(neck => neck is not (AggregateTokens or PermuteDims)))
        {
            yield return new IdentityDecoder { Classes = 2, Necks = neck is ReshapeTokensToImage ? [image] : [image, neck] };
        }

        yield return new IdentityDecoder { Classes = 2, Necks = [image, new PermuteDims { Order = [0, 2, 3, 1] }, new PermuteDims { Order = [0, 3, 1, 2] }] };
        foreach (var pooling in Enum.GetValues<TokenPooling>())
        {
            yield return new IdentityDecoder { Head = new ScalarHead { Classes = 2 }, Necks = [new AggregateTokens { Pooling = pooling }] };
        }
    }

    private static void AllOf<T>(IEnumerable<T> listed) where T : class => Assert.Empty(typeof(T).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(T)) && !type.IsAbstract)
        .Except(listed.Select(item => item.GetType())).Select(type => type.Name));

    /// <summary>Operators between floating-point constants and a value; the walker itself refuses those without a rule.</summary>
    private static IEnumerable<string> Differentiated(Graph graph, Value end)
    {
        var op = new GraphBuilder(graph);
        List<Value> parameters = [.. graph.Initializers.Concat(graph.Inputs).Where(value => value.Data is not null && value.Type == ElementType.Float).Distinct()];
        var before = graph.Nodes.ToHashSet();
        var gradients = Backpropagation.Run(op, end, parameters, end.KnownShape.Rank == 0 ? null : op.Input("probe", ElementType.Float, end.KnownShape));
        Assert.Contains(gradients, gradient => gradient is not null);
        var leading = parameters.ToHashSet();
        graph.Sort();
        foreach (var node in graph.Nodes.Where(node => before.Contains(node) && !VjpTable.IsConstant(node)
            && Enumerable.Range(0, node.Inputs.Count).Any(i => node.Inputs[i] is { } input && leading.Contains(input) && (!VjpTable.Has(node) || VjpTable.Rule(node, i) is not null))))
        {
            leading.UnionWith(node.Outputs.OfType<Value>().Where(output => output.Type.IsFloatingPoint()));
            if (node.Outputs.Any(output => output is not null && output.Type.IsFloatingPoint()))
            {
                yield return VjpTable.Key(node);
            }
        }
    }

    private static void Covered(SortedSet<string> operators)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(string.Join(", ", operators));
        Assert.NotEmpty(operators);
        Assert.Empty(operators.Except(VjpTable.Ops));
        Assert.Empty(operators.Except(VjpCases.Ops));
    }
}
