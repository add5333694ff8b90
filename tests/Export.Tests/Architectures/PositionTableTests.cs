using EoOnnx.Export.Architectures;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>Tables of positions that are fitted to another grid, against what PyTorch 2.10 gave (<c>torch.nn.functional.interpolate</c>).</summary>
public class PositionTableTests
{
    [Theory]
    [InlineData("Antialiased", PositionResampling.Bicubic, 3, 4, 5, -5.63151, -4.2622, -1.84328, 0.22828, 1.32695, -0.02194, -1.96727, -4.44153, -1.81534, 0.21348, 1.24135, -0.14732, -2.22451, -2.14955, -1.86132, -2.63362, 0.05669, 3.41791, -0.56483, -3.59673)]
    [InlineData("Antialiased", PositionResampling.Bicubic, 4, 2, 3, -2.21423, -1.6756, 2.67997, 1.83437, -1.71161, -0.01865)]
    [InlineData("Antialiased", PositionResampling.Bicubic, 5, 6, 2, -2.11046, 0.65595, -1.65826, -0.2866, -0.56211, -0.88852, 0.41247, -1.72937, 0.62623, -2.01542, 0.1642, -0.48389)]
    [InlineData("Antialiased", PositionResampling.Bilinear, 3, 4, 5, -5.0, -3.8, -2.0, -0.2, 1.0, -0.625, -1.925, -3.875, -1.7, -0.25, 0.5, -0.5, -2.0, -1.85, -1.75, -2.0, 0.0, 3.0, -0.6, -3.0)]
    [InlineData("Antialiased", PositionResampling.Bilinear, 4, 2, 3, -1.87143, -1.5, 2.17143, 1.27143, -1.5, 0.12857)]
    [InlineData("Antialiased", PositionResampling.Bilinear, 5, 6, 2, -2.0, 0.5, -1.625, -0.25, -0.625, -0.79167, 0.20833, -1.41667, 0.375, -1.625, 0.0, -0.5)]
    [InlineData("Plain", PositionResampling.Bicubic, 3, 4, 5, -5.85935, -4.27078, -1.78467, 0.27508, 1.42466, 0.36962, -2.25352, -4.79785, -2.23749, 0.3953, 1.68998, -0.17329, -2.44678, -2.40865, -1.89182, -2.8498, 0.47077, 3.57422, -0.11504, -3.78846)]
    [InlineData("Plain", PositionResampling.Bicubic, 4, 2, 3, -1.65054, -2.64355, 3.18193, 1.39822, -1.3877, 0.49168)]
    [InlineData("Plain", PositionResampling.Bicubic, 5, 6, 2, -2.95199, 2.53899, -4.3139, 2.05772, -0.05029, 1.45982, 3.17352, 0.96424, 0.55382, 0.01537, -3.06795, -1.42413)]
    [InlineData("Plain", PositionResampling.Bilinear, 3, 4, 5, -5.0, -3.8, -2.0, -0.2, 1.0, -0.625, -1.925, -3.875, -1.7, -0.25, 0.5, -0.5, -2.0, -1.85, -1.75, -2.0, 0.0, 3.0, -0.6, -3.0)]
    [InlineData("Plain", PositionResampling.Bilinear, 4, 2, 3, -1.83333, -1.75, 2.91667, 1.5, -1.25, 0.58333)]
    [InlineData("Plain", PositionResampling.Bilinear, 5, 6, 2, -2.75, 2.0, -3.125, 1.4375, -0.33333, 0.8125, 1.54167, 0.1875, 0.4375, -0.4375, -2.0, -1.0)]
    public void A_table_is_resized_as_PyTorch_resizes_it(string form, PositionResampling resampling, int edge, int rows, int columns, params double[] expected)
    {
        // Two units a token: the second is the first times −2, so that a mixture of units would show. A prefix token stays.
        float[] source = [9, 7, .. Enumerable.Range(0, edge * edge).Select(i => (((7 * (i / edge)) + (3 * (i % edge)) + (i / edge * (i % edge))) % 11) - 5).SelectMany(value => new float[] { value, -2 * value })];
        var resized = PositionTable.Resize(TensorData.FromValues<float>([1, 1 + (edge * edge), 2], source), 1, rows, columns, resampling, Enum.Parse<InterpolationForm>(form));
        Assert.Equal([1, 1 + (rows * columns), 2], resized.Shape);
        var values = resized.ToSingles();
        Assert.Equal([9, 7], values[..2]);
        Assert.All(expected.Index(), item => Assert.Equal(item.Item, values[2 + (2 * item.Index)], 2e-5));
        Assert.All(expected.Index(), item => Assert.Equal(-2 * item.Item, values[3 + (2 * item.Index)], 4e-5));
    }

    [Theory, InlineData("Plain"), InlineData("CornersAligned"), InlineData("Antialiased")]
    public void A_table_of_equal_positions_stays_so_on_any_grid(string form)
    {
        var table = TensorData.FromValues<float>([1, 9, 1], [.. Enumerable.Repeat(3f, 9)]);
        foreach (var (rows, columns) in new[] { (1, 1), (1, 7), (2, 3), (5, 4), (11, 2) })
        {
            Assert.All(PositionTable.Resize(table, 0, rows, columns, PositionResampling.Bicubic, Enum.Parse<InterpolationForm>(form)).ToSingles(), value => Assert.Equal(3, value, 1e-6f));
        }
    }

    [Fact]
    public void Its_own_grid_leaves_a_table_as_it_is()
    {
        var table = TensorData.FromValues<float>([1, 5, 1], [8, 1, 2, 3, 4]);
        Assert.Same(table, PositionTable.Resize(table, 1, 2, 2, PositionResampling.Bicubic, InterpolationForm.Antialiased));
    }
}
