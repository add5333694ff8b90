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

    [Theory, InlineData(1), InlineData(63), InlineData(224)]
    public void Stored_values_of_every_type_give_the_same_bits_as_their_singles(int length)
    {
        var random = new Random(length);
        byte[] valid = [.. Enumerable.Range(0, length).Select(_ => (byte)random.Next(0, 3))];
        Same([.. Enumerable.Range(0, length).Select(_ => (ushort)random.Next(65_536))]);
        Same([.. Enumerable.Range(0, length).Select(_ => (short)random.Next(-32_768, 32_768))]);
        Same([.. Enumerable.Range(0, length).Select(_ => (byte)random.Next(256))]);
        Same([.. Enumerable.Range(0, length).Select(_ => random.NextSingle())]);

        void Same<T>(T[] stored) where T : unmanaged, System.Numerics.INumberBase<T>
        {
            var (expected, actual) = (stored.Select(value => float.CreateTruncating(value)).ToArray(), new float[length]);
            Standardization.Apply(expected, valid, new ChannelScaling(1087, 2248, 2, -1000), fill: 9);
            Standardization.Apply<T>(stored, valid, new ChannelScaling(1087, 2248, 2, -1000), 9, actual);
            Assert.Equal(expected, actual);
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
