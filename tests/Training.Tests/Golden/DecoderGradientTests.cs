using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Tests.Golden;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>Gradients of Σ output · probe through every neck, decoder and head, with respect to its inputs and its tensors.</summary>
public class DecoderGradientTests
{
    public static TheoryData<string> Cases => [.. DecoderCase.Names];

    [Theory, MemberData(nameof(Cases))]
    public void Gradients_with_running_statistics_agree_with_the_reference(string @case) => Compare(@case, LayerUse.Replaceable, "grad.eval.");

    [Theory, MemberData(nameof(Cases))]
    public void Gradients_with_batch_statistics_agree_with_the_reference(string @case) => Compare(@case, LayerUse.Training, "grad.train.");

    [Theory, MemberData(nameof(Cases))]
    public void They_agree_when_values_are_computed_again_instead_of_kept(string @case) => Compare(@case, LayerUse.Training, "grad.train.", Recompute.Products);

    private static void Compare(string name, LayerUse use, string prefix, Recompute recompute = Recompute.Nothing)
    {
        var @case = DecoderCase.Open(name);
        var (layers, inputs, outputs) = @case.Build(use);
        var op = layers.Op;
        var probes = @case.Series("probe");
        var loss = outputs.Select((output, i) => op.ReduceSum(op.Mul(output, op.Constant(probes[i])), keepDims: false)).Aggregate(op.Add);
        var parameters = inputs.Concat(layers.Parameters.Select(parameter => op.Graph.FindInput(parameter)!)).ToList();
        var gradients = Backpropagation.Run(op, loss, parameters, recompute: recompute);
        op.Graph.SetOutputs();
        var found = new HashSet<string>();
        for (var i = 0; i < parameters.Count; i++)
        {
            if (gradients[i] is { } gradient)
            {
                op.Output(gradient, $"{prefix}{parameters[i].Name}");
                found.Add($"{prefix}{parameters[i].Name}");
            }
        }

        op.Graph.RemoveUnused();
        foreach (var unused in op.Graph.Inputs.Where(input => !op.Graph.Consumers(input).Any()).ToList())
        {
            op.Graph.RemoveInput(unused);
        }

        var fed = @case.Inputs.Select((tensor, i) => ($"input.{i}", tensor)).Where(item => op.Graph.FindInput(item.Item1) is not null);
        var results = Ort.Run(new OnnxModel(op.Graph), [.. fed]);
        var expected = @case.Run.Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal)).ToDictionary();
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Order(StringComparer.Ordinal));

        // Where large terms cancel, both implementations show single precision's noise: the bias before a BatchNorm has the exact gradient 0,
        // and a BatchNorm over two values almost. Noise is measured by the largest gradient of the case.
        var largest = expected.Values.Max(tensor => tensor.ToSingles().Max(MathF.Abs));
        foreach (var (tensor, wanted) in expected)
        {
            Close(wanted, results[tensor], largest, $"{name}, {tensor}");
        }
    }

    private static void Close(TensorData expected, TensorData actual, float largest, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.ToSingles(), actual.ToSingles());
        var size = a.Max(MathF.Abs);
        var limit = (1e-4f * size) + (1e-6f * Math.Max(1, largest));
        var distance = a.Zip(b, (x, y) => MathF.Abs(x - y)).Max();
        Assert.True(distance <= limit, $"{what}: differs by {distance} of {size}; {limit} is allowed.");
    }
}
