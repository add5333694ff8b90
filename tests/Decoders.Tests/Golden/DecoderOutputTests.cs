using EoOnnx.Decoders.Layers;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Tests.Golden;

/// <summary>Every neck, decoder and head against the reference implementation.</summary>
public class DecoderOutputTests
{
    public static TheoryData<string> Cases => [.. DecoderCase.Names];

    [Theory, MemberData(nameof(Cases))]
    public void Outputs_with_fixed_weights_agree_with_the_reference(string @case) => Compare(@case, LayerUse.Fixed, "output.eval");

    [Theory, MemberData(nameof(Cases))]
    public void Outputs_with_replaceable_weights_agree_with_the_reference(string @case) => Compare(@case, LayerUse.Replaceable, "output.eval");

    [Theory, MemberData(nameof(Cases))]
    public void Outputs_and_running_statistics_of_a_training_pass_agree_with_the_reference(string @case) => Compare(@case, LayerUse.Training, "output.train");

    private static void Compare(string name, LayerUse use, string expected)
    {
        var @case = DecoderCase.Open(name);
        var (layers, inputs, outputs) = @case.Build(use);
        for (var i = 0; i < outputs.Count; i++)
        {
            layers.Op.Output(outputs[i], $"output.{i}");
        }

        foreach (var (buffer, next) in layers.Buffers)
        {
            layers.Op.Output(next, $"{buffer}.next");
        }

        foreach (var unused in layers.Op.Graph.Inputs.Where(input => input.Data is null && !inputs.Contains(input)).ToList())
        {
            layers.Op.Graph.RemoveInput(unused);
        }

        var results = Ort.Run(new OnnxModel(layers.Op.Graph), [.. @case.Inputs.Select((tensor, i) => ($"input.{i}", tensor))]);
        var wanted = @case.Series(expected);
        Assert.Equal(wanted.Count, outputs.Count);
        for (var i = 0; i < wanted.Count; i++)
        {
            Close(wanted[i], results[$"output.{i}"], $"{name}, output {i}");
        }

        var statistics = @case.Run.Where(item => item.Key.StartsWith("after_train.", StringComparison.Ordinal)).ToDictionary(item => item.Key["after_train.".Length..], item => item.Value);
        if (use == LayerUse.Training)
        {
            Assert.Equal(statistics.Keys.Order(StringComparer.Ordinal), layers.Buffers.Select(buffer => buffer.Name).Order(StringComparer.Ordinal));
            Assert.All(statistics, item => Close(item.Value, results[$"{item.Key}.next"], $"{name}, {item.Key}"));
        }
    }

    /// <summary>The tolerance of the goldens: max|a − b| / max|b| ≤ 1e-4.</summary>
    private static void Close(TensorData expected, TensorData actual, string what)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (a, b) = (expected.ToSingles(), actual.ToSingles());
        var scale = a.Max(MathF.Abs);
        var distance = a.Zip(b, (x, y) => MathF.Abs(x - y)).Max();
        Assert.True(distance <= 1e-4f * scale, $"{what}: differs by {distance} of {scale}.");
    }
}
