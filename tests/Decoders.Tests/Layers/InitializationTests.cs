using EoOnnx.Decoders.Layers;

namespace EoOnnx.Decoders.Tests.Layers;

/// <summary>Fresh weights.</summary>
public class InitializationTests
{
    [Theory, InlineData(1), InlineData(27), InlineData(4608)]
    public void Standard_weights_reach_one_over_the_root_of_the_fan(long fan)
    {
        var values = Initialization.Standard(fan).Draw(3, "w", [10_000]).ToSingles();
        Assert.InRange(values.Max(MathF.Abs) * Math.Sqrt(fan), 0.99, 1.0);
        Assert.Equal(0, values.Average() * Math.Sqrt(fan), 0.05);
    }

    [Fact]
    public void Weights_before_a_ReLU_reach_the_root_of_six_over_the_fan() =>
        Assert.InRange(Initialization.Kaiming(54, 2).Draw(3, "w", [10_000]).ToSingles().Max(MathF.Abs) * Math.Sqrt(54 / 6.0), 0.99, 1.0);

    [Fact]
    public void Seed_and_name_decide_the_numbers()
    {
        var first = Initialization.Standard(9).Draw(1, "decoder.a", [3, 3]);
        Assert.Equal(first.ToSingles(), Initialization.Standard(9).Draw(1, "decoder.a", [3, 3]).ToSingles());
        Assert.NotEqual(first.ToSingles(), Initialization.Standard(9).Draw(2, "decoder.a", [3, 3]).ToSingles());
        Assert.NotEqual(first.ToSingles(), Initialization.Standard(9).Draw(1, "decoder.b", [3, 3]).ToSingles());
    }
}
