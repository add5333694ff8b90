namespace EoOnnx.Raster.Tests;

public class StandardizationTests
{
    [Theory, InlineData(0), InlineData(1), InlineData(7), InlineData(64), InlineData(1001)]
    public void Valid_pixels_follow_the_formula_and_others_become_the_fill(int length)
    {
        var random = new Random(length);
        float[] values = [.. Enumerable.Range(0, length).Select(_ => (float)random.Next(10_000))];
        byte[] valid = [.. Enumerable.Range(0, length).Select(_ => (byte)(random.Next(8) == 0 ? 0 : 1))];
        foreach (var mask in new[] { valid, Enumerable.Repeat((byte)1, length).ToArray() })
        {
            var actual = (float[])values.Clone();
            Standardization.Apply(actual, mask, new ChannelScaling(1087, 2248, 2, -1000), fill: 9);
            for (var i = 0; i < length; i++)
            {
                var expected = mask[i] == 0 ? 9 : ((values[i] * 2.0) - 1000 - 1087) / 2248;
                Assert.InRange(actual[i] - expected, -2e-6, 2e-6); // two roundings in single precision
            }
        }
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var (values, valid) = (new float[4096], new byte[4096]);
        Standardization.Apply(values, valid, new ChannelScaling(0, 1));
        var before = GC.GetAllocatedBytesForCurrentThread();
        Standardization.Apply(values, valid, new ChannelScaling(0, 1));
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
