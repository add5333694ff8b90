using EoOnnx.Raster.Tiling;

namespace EoOnnx.Raster.Tests.Tiling;

public class SymmetryTests
{
    [Theory]
    [InlineData(nameof(Symmetry.Identity), "ab/cd")]
    [InlineData(nameof(Symmetry.Rotate90), "bd/ac")]
    [InlineData(nameof(Symmetry.Rotate180), "dc/ba")]
    [InlineData(nameof(Symmetry.Rotate270), "ca/db")]
    [InlineData(nameof(Symmetry.FlipRows), "cd/ab")]
    [InlineData(nameof(Symmetry.FlipColumns), "ba/dc")]
    [InlineData(nameof(Symmetry.Transpose), "ac/bd")]
    [InlineData(nameof(Symmetry.AntiTranspose), "db/ca")]
    public void Each_symmetry_moves_the_corners_as_named(string symmetry, string expected)
    {
        var moved = new char[4];
        Enum.Parse<Symmetry>(symmetry).Apply("abcd".AsSpan(), moved, 2);
        Assert.Equal(expected, $"{moved[0]}{moved[1]}/{moved[2]}{moved[3]}");
    }

    [Fact]
    public void The_eight_symmetries_are_all_different_and_permute_every_plane()
    {
        var source = Enumerable.Range(0, 2 * 25).ToArray();
        var images = Enum.GetValues<Symmetry>().Select(symmetry =>
        {
            var moved = new int[source.Length];
            symmetry.Apply(source, moved, 5);
            Assert.Equal(source[..25], moved[..25].Order());
            Assert.Equal(moved[..25].Select(value => value + 25), moved[25..]);
            return string.Join(',', moved);
        }).ToList();
        Assert.Equal(8, images.Distinct().Count());
    }

    [Fact]
    public void An_oblong_keeps_its_rows_and_is_flipped_as_the_part_of_a_square_would_be()
    {
        var size = new PixelSize(5, 3);
        var source = Enumerable.Range(0, 2 * 15).ToArray();
        Assert.Equal([Symmetry.Identity, Symmetry.FlipRows, Symmetry.FlipColumns, Symmetry.Rotate180], Symmetries.OfOblong);
        Assert.All(Symmetries.OfOblong, symmetry =>
        {
            var moved = new int[30];
            symmetry.Apply(source, moved, size);
            for (var i = 0; i < 30; i++)
            {
                var (plane, y, x) = (i / 15, i / 5 % 3, i % 5);
                var fromY = symmetry is Symmetry.FlipRows or Symmetry.Rotate180 ? 2 - y : y;
                var fromX = symmetry is Symmetry.FlipColumns or Symmetry.Rotate180 ? 4 - x : x;
                Assert.Equal((plane * 15) + (fromY * 5) + fromX, moved[i]);
            }
        });
        Assert.All(Enum.GetValues<Symmetry>().Except(Symmetries.OfOblong), symmetry =>
            Assert.Contains("5 x 3", Assert.Throws<ArgumentException>(() => symmetry.Apply(source, new int[30], size)).Message, StringComparison.Ordinal));
    }

    [Fact]
    public void The_inverse_brings_every_pixel_back()
    {
        var source = Enumerable.Range(0, 25).ToArray();
        Assert.All(Enum.GetValues<Symmetry>(), symmetry =>
        {
            var (moved, back) = (new int[25], new int[25]);
            symmetry.Apply(source, moved, 5);
            symmetry.Inverse().Apply<int>(moved, back, 5);
            Assert.Equal(source, back);
        });
    }
}
