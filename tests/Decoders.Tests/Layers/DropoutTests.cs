using EoOnnx.Decoders.Layers;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Tests.Layers;

/// <summary>Dropout as nodes of a training graph.</summary>
public class DropoutTests
{
    private static readonly long[] Shape = [4, 16, 20, 20];

    [Theory, InlineData(0.1), InlineData(0.5), InlineData(0.9)]
    public void About_the_asked_share_is_zeroed_and_the_mean_stays(double probability)
    {
        var values = Run(probability, step: 0, out _);
        var zeroed = values.Count(value => value == 0) / (double)values.Length;
        Assert.InRange(zeroed, probability - 0.02, probability + 0.02);
        Assert.Equal(1, values.Average(), 0.1);
        Assert.All(values, value => Assert.True(value == 0 || Math.Abs(value - (1 / (1 - probability))) < 1e-5));
    }

    [Fact]
    public void A_step_seed_and_layer_give_one_mask_and_the_next_step_another()
    {
        var first = Run(0.5, step: 7, out var next);
        Assert.Equal(8, next);
        Assert.Equal(first, Run(0.5, step: 7, out _));
        Agreement(first, Run(0.5, step: 8, out _));
        Agreement(first, Run(0.5, step: 7, out _, seed: 2));
        Agreement(first, Run(0.5, step: 7, out _, layersBefore: 1));

        static void Agreement(float[] a, float[] b) => Assert.InRange(a.Zip(b, (x, y) => x == y ? 1.0 : 0).Average(), 0.45, 0.55);
    }

    [Fact]
    public void Neighbouring_elements_and_steps_are_independent()
    {
        var values = Run(0.5, step: 3, out _);
        foreach (var distance in new[] { 1, 2, 20, 400, 6400 })
        {
            Assert.InRange(values.Zip(values.Skip(distance), (x, y) => x == y ? 1.0 : 0).Average(), 0.47, 0.53);
        }
    }

    [Fact]
    public void Whole_channels_are_zeroed_together()
    {
        var values = Run(0.5, step: 0, out _, wholeChannels: true);
        var channels = values.Chunk((int)(Shape[2] * Shape[3])).ToList();
        Assert.All(channels, channel => Assert.Single(channel.Distinct()));
        Assert.InRange(channels.Count(channel => channel[0] == 0), 20, 44);
    }

    [Theory, InlineData(LayerUse.Fixed), InlineData(LayerUse.Replaceable)]
    public void Nothing_happens_outside_training(LayerUse use)
    {
        var op = new GraphBuilder("test");
        var x = op.Input("x", ElementType.Float, TensorShape.Of(Shape));
        var layers = new LayerBuilder(op, TensorSources.Random(0), use);
        Assert.Same(x, layers.Dropout(x, 0.5));
        Assert.Empty(layers.Buffers);
    }

    private static float[] Run(double probability, float step, out float next, long seed = 1, int layersBefore = 0, bool wholeChannels = false)
    {
        var op = new GraphBuilder("test");
        var x = op.Input("x", ElementType.Float, TensorShape.Of(Shape).With(0, "batch"));
        var layers = new LayerBuilder(op, TensorSources.Random(0), LayerUse.Training, seed);
        for (var i = 0; i < layersBefore; i++)
        {
            _ = layers.Dropout(x, probability);
        }

        op.Output(layers.Dropout(x, probability, wholeChannels), "y");
        var (counter, after) = Assert.Single(layers.Buffers);
        op.Output(after, "next");
        var results = Ort.Run(new OnnxModel(op.Graph), ("x", RandomTensors.Constant(Shape, 1)), (counter, TensorData.FromValues<float>([1], [step])));
        next = results["next"].ToSingles()[0];
        return results["y"].ToSingles();
    }
}
