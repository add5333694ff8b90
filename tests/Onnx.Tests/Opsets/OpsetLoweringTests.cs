using EoOnnx.Formats;

namespace EoOnnx.Onnx.Tests.Opsets;

/// <summary>Every rewrite computes on ONNX Runtime what the newer operator computed.</summary>
public class OpsetLoweringTests
{
    private static readonly Dictionary<string, Func<GraphBuilder, Value, Value>> Rewrites = new()
    {
        ["Gelu"] = (op, x) => op.Gelu(x),
        ["Gelu with tanh"] = (op, x) => op.Node("Gelu", [x], ("approximate", "tanh")),
        ["Mish"] = (op, x) => op.Node("Mish", [x]),
        ["ReduceMean over axes"] = (op, x) => op.ReduceMean(x, true, 1, -1),
        ["ReduceMean over all"] = (op, x) => op.ReduceMean(x, true),
        ["ReduceMax without keeping"] = (op, x) => op.ReduceMax(x, false, 2),
        ["ReduceL2"] = (op, x) => op.Node("ReduceL2", [x, op.Int64s(3)], ("keepdims", 1L)),
        ["ReduceSum, which had axes as input before"] = (op, x) => op.ReduceSum(x, false, 1),
        ["Reduction of nothing"] = (op, x) => op.Node("ReduceMin", [x, op.Int64s()], ("noop_with_empty_axes", 1L)),
        ["Resize to sizes"] = (op, x) => op.Resize(x, 7, 9, "linear"),
        ["Resize cubic with aligned corners"] = (op, x) => op.Resize(x, 9, 11, "cubic", alignCorners: true),
        ["Resize nearest to computed sizes"] = (op, x) => op.Resize(x, op.Slice(op.Shape(x), 0, 2, 4), "nearest"),
        ["Resize by scales"] = (op, x) => op.Node("Resize", [x, null, op.Floats([2], [2, 3])], ("axes", new long[] { 2, 3 }), ("mode", "linear")),
        ["Split into equal parts"] = (op, x) => op.Concat(3, [.. op.Nodes("", "Split", [x], 2, ("axis", 3L), ("num_outputs", 2L)).Reverse()]),
        ["GridSample"] = (op, x) => op.Node("GridSample", [x, op.Filled(op.Int64s(2, 2, 2, 2), 0.3, ElementType.Float)], ("mode", "linear")),
        ["Cast"] = (op, x) => op.Cast(op.Node("Cast", [x], ("to", (long)ElementType.Int32), ("saturate", 1L)), ElementType.Float),
        ["LayerNormalization"] = (op, x) => op.LayerNormalization(x, op.Floats([4], [1, 2, 3, 4]), null, 1e-5f),
    };

    public static TheoryData<string> Names() => [.. Rewrites.Keys];

    [Theory, MemberData(nameof(Names))]
    public void The_older_form_computes_the_same(string name)
    {
        var op = new GraphBuilder(name);
        var x = op.Input("x", ElementType.Float, ["batch", 3, 5, 4]);
        op.Output(Rewrites[name](op, x), "y");
        var model = new OnnxModel(op.Graph);
        var before = model.ToBytes();
        var lowered = OpsetLowering.Lower(model);
        Assert.Equal((17L, 8L), (lowered.Opsets[""], lowered.IrVersion));
        var data = TensorData.FromValues<float>([2, 3, 5, 4], [.. Enumerable.Range(0, 120).Select(i => MathF.Sin(i * 1.7f) * 3)]);
        var (expected, found) = (Ort.Run(model, ("x", data))["y"], Ort.Run(lowered, ("x", data))["y"]);
        Assert.Equal(expected.Shape.AsEnumerable(), found.Shape.AsEnumerable());
        Assert.All(expected.ToSingles().Zip(found.ToSingles()), pair => Assert.Equal(pair.First, pair.Second, 2e-6f * Math.Max(1, Math.Abs(pair.First))));
        Assert.Equal(before, model.ToBytes());
    }

    [Theory, InlineData(false, null), InlineData(true, null), InlineData(true, 0.3f)]
    public void Fused_attention_becomes_standard_operators_that_compute_the_same(bool hasBias, float? scale)
    {
        var op = new GraphBuilder("attention");
        var (q, k, v) = (op.Input("q", ElementType.Float, ["batch", 5, 12]), op.Input("k", ElementType.Float, ["batch", 7, 12]), op.Input("v", ElementType.Float, ["batch", 7, 8]));
        var bias = hasBias ? op.Initializer("bias", TensorData.FromValues<float>([1, 1, 5, 7], [.. Enumerable.Range(0, 35).Select(i => i % 4 == 0 ? -1e9f : MathF.Cos(i))])) : null;
        (string, AttributeValue)[] attributes = [("num_heads", 4L), .. scale is { } given ? new[] { ("scale", (AttributeValue)given) } : []];
        op.Output(op.Nodes("com.microsoft", "MultiHeadAttention", [q, k, v, null, null, bias], 1, attributes)[0], "y");
        var model = new OnnxModel(op.Graph);
        var lowered = OpsetLowering.Lower(model);
        Assert.DoesNotContain(lowered.Graph.Nodes, node => node.Domain.Length > 0);
        Assert.Equal([""], lowered.Opsets.Keys);
        var inputs = new[] { q, k, v }.Select((input, n) => (input.Name, TensorData.FromValues<float>([2, n == 0 ? 5 : 7, n == 2 ? 8 : 12],
            [.. Enumerable.Range(0, 2 * (n == 0 ? 5 : 7) * (n == 2 ? 8 : 12)).Select(i => MathF.Sin((i * 1.3f) + n))]))).ToArray();
        var (expected, found) = (Ort.Run(model, inputs)["y"], Ort.Run(lowered, inputs)["y"]);
        Assert.Equal(expected.Shape.AsEnumerable(), found.Shape.AsEnumerable());
        Assert.All(expected.ToSingles().Zip(found.ToSingles()), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
    }

    [Fact]
    public void An_attention_with_a_mask_of_keys_is_refused_with_the_way_out()
    {
        var op = new GraphBuilder("attention");
        var x = op.Input("x", ElementType.Float, ["batch", 5, 12]);
        op.Output(op.Nodes("com.microsoft", "MultiHeadAttention", [x, x, x, null, op.Input("mask", ElementType.Int32, ["batch", 5])], 1, ("num_heads", 4L))[0], "y");
        Assert.Contains("--attention standard", Assert.Throws<OnnxGraphException>(() => OpsetLowering.Lower(new OnnxModel(op.Graph))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_operator_without_an_older_form_is_refused_by_name()
    {
        var op = new GraphBuilder("g");
        var x = op.Input("x", ElementType.Int32, [4]);
        op.Output(op.Node("BitwiseNot", [x]), "y");
        Assert.Contains("BitwiseNot", Assert.Throws<OnnxGraphException>(() => OpsetLowering.Lower(new OnnxModel(op.Graph))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Antialiased_resizing_is_refused_by_name()
    {
        var op = new GraphBuilder("g");
        var x = op.Input("x", ElementType.Float, [1, 1, 4, 4]);
        op.Output(op.Node("Resize", [x, null, null, op.Int64s(2, 2)], ("axes", new long[] { 2, 3 }), ("antialias", 1L), ("mode", "linear")), "y");
        Assert.Contains("antialias", Assert.Throws<OnnxGraphException>(() => OpsetLowering.Lower(new OnnxModel(op.Graph))).Message, StringComparison.Ordinal);
    }
}
