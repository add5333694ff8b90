using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>What a manifest says about threshold and scale is heeded in the map.</summary>
public class MapEncoderTests
{
    [Theory]
    [InlineData(null, new byte[] { 0, 0, 1, 1 })]
    [InlineData(0.3, new byte[] { 0, 1, 1, 1 })]
    [InlineData(0.6, new byte[] { 0, 0, 0, 1 })]
    public void One_channel_is_cut_at_the_threshold(double? threshold, byte[] expected) =>
        Assert.Equal(expected, Encode(new ClassEncoder([0, 1], 1, ConfidenceBand.None, threshold), [0.1f, 0.4f, 0.5f, 0.9f], 4));

    [Theory]
    [InlineData(null, new byte[] { 1, 2, 0 })]
    [InlineData(0.5, new byte[] { 0, 2, 0 })]
    public void Of_several_channels_a_largest_one_below_the_threshold_is_the_first_class(double? threshold, byte[] expected) =>
        Assert.Equal(expected, Encode(new ClassEncoder([0, 1, 2], 3, ConfidenceBand.None, threshold), [0.3f, 0.1f, 0.8f, 0.4f, 0.3f, 0.1f, 0.3f, 0.6f, 0.1f], 3));

    [Theory, InlineData(1, null), InlineData(2, null), InlineData(5, 0.4)]
    public void A_long_row_is_encoded_as_its_pixels_one_by_one(int channels, double? threshold)
    {
        const int pixels = 2500;
        var random = new Random(channels);
        float[] scores = [.. Enumerable.Range(0, channels * pixels).Select(_ => random.Next(40) == 0 ? float.NaN : random.Next(10) / 10f)];
        byte[] valid = [.. Enumerable.Range(0, pixels).Select(_ => (byte)random.Next(0, 3))];
        int[] ids = [.. Enumerable.Range(3, Math.Max(2, channels))];
        var (whole, single) = (new ClassEncoder(ids, channels, ConfidenceBand.None, threshold), new ClassEncoder(ids, channels, ConfidenceBand.None, threshold));
        var row = Encode(whole, scores, pixels, valid);
        for (var pixel = 0; pixel < pixels; pixel++)
        {
            float[] alone = [.. Enumerable.Range(0, channels).Select(k => scores[(k * pixels) + pixel])];
            Assert.Equal(Encode(single, alone, 1, [valid[pixel]])[0], row[pixel]);
        }

        Assert.Equal(single.Undefined, whole.Undefined);
    }

    [Fact]
    public void A_value_is_multiplied_by_the_scale_and_missing_ones_stay_missing()
    {
        var row = Encode(new ValueEncoder(1, 0.5f), [4, float.NaN, 8], 3, valid: [1, 1, 0]);
        Assert.Equal([2, float.NaN, float.NaN], MemoryMarshal.Cast<byte, float>(row).ToArray());
    }

    [Fact]
    public void Values_over_a_range_are_stored_as_steps_of_it_and_what_lies_outside_is_cut_and_counted()
    {
        var encoder = new ShortEncoder(1, new ValueRange(-10, 30), 2);
        var row = Encode(encoder, [-5, 5, 15, 7.3f, 16, -6, float.NaN, 1], 8, valid: [1, 1, 1, 1, 1, 1, 1, 0]);
        var stored = MemoryMarshal.Cast<byte, short>(row).ToArray();
        var (scale, offset) = encoder.Scaling[0]!.Value;
        Assert.Equal([-10, 10, 30, 14.6, 30, -10], stored[..6].Select(number => Math.Round((number * scale) + offset, 3)));
        Assert.Equal([short.MinValue, short.MinValue], stored[6..]);
        Assert.Equal((2, 1), (encoder.Clipped, encoder.Undefined));
    }

    private static byte[] Encode(MapEncoder encoder, float[] scores, int pixels, byte[]? valid = null)
    {
        var row = new byte[pixels * encoder.Bands * encoder.Type.SizeInBytes()];
        encoder.Encode(scores, pixels, valid ?? [.. Enumerable.Repeat((byte)1, pixels)], row, pixels, 0);
        return row;
    }
}
