using EoOnnx.Formats;

namespace EoOnnx.Formats.Tests;

public class TensorDataTests
{
    [Fact]
    public void A_shape_with_two_to_the_sixty_elements_is_refused_before_anything_is_allocated() =>
        Assert.Throws<FileFormatException>(() => TensorData.CountOf(1L << 30, 1L << 30));

    [Fact]
    public void A_negative_extent_is_refused_by_value() =>
        Assert.Contains("-3", Assert.Throws<FileFormatException>(() => TensorData.CountOf(2, -3)).Message, StringComparison.Ordinal);

    [Fact]
    public void Bytes_that_do_not_fill_the_shape_are_refused_with_both_lengths()
    {
        var message = Assert.Throws<FileFormatException>(() => TensorData.FromBytes(ElementType.Float, [2, 3], new byte[20])).Message;
        Assert.Contains("24", message, StringComparison.Ordinal);
        Assert.Contains("20", message, StringComparison.Ordinal);
    }

    [Fact]
    public void Half_and_bfloat16_convert_to_the_single_they_stand_for()
    {
        Assert.Equal([1.5f, -2f], TensorData.FromValues<Half>([2], [(Half)1.5f, (Half)(-2f)]).ToSingles());
        Assert.Equal([1.5f], TensorData.FromBytes(ElementType.BFloat16, [1], new byte[] { 0xC0, 0x3F }).ToSingles());
    }

    [Theory, InlineData(1, 1), InlineData(3, 70), InlineData(65, 33)]
    public void Transposing_moves_row_and_column_of_every_element(int rows, int columns)
    {
        var matrix = TensorData.FromValues<float>([rows, columns], [.. Enumerable.Range(0, rows * columns).Select(i => (float)i)]);
        var transposed = matrix.Transposed();
        Assert.Equal([columns, rows], transposed.Shape);
        transposed.Use(bytes => Assert.Equal(transposed.Bytes.ToArray(), bytes.ToArray()));
        Assert.Equal(
            Enumerable.Range(0, columns).SelectMany(column => Enumerable.Range(0, rows).Select(row => (float)((row * columns) + column))), transposed.ToSingles());
    }
}
