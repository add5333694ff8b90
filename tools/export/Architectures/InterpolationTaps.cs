namespace EoOnnx.Export.Architectures;

/// <summary>How PyTorch's <c>interpolate</c> lays two grids over each other.</summary>
internal enum InterpolationForm
{
    /// <summary>Half-pixel centres; cubic with a = −0.75 and repeated edges.</summary>
    Plain,

    /// <summary><c>align_corners=True</c>: the corners of both grids are the same points.</summary>
    CornersAligned,

    /// <summary><c>antialias=True</c>, as Pillow: cubic with a = −0.5, the kernel widened where the grid shrinks, and weights beyond the edge left out.</summary>
    Antialiased,
}

/// <summary>Which source positions, with which weights, make each position of a resized axis.</summary>
internal static class InterpolationTaps
{
    private const double PlainCubic = -0.75, AntialiasedCubic = -0.5;

    /// <summary>The taps of every target position.</summary>
    /// <param name="source">Length of the axis.</param>
    /// <param name="target">Its new length.</param>
    /// <param name="resampling">Between which neighbours to interpolate.</param>
    /// <param name="form">How the two grids lie over each other.</param>
    public static (int Position, double Weight)[][] Of(int source, int target, PositionResampling resampling, InterpolationForm form)
    {
        var (reach, kernel) = resampling == PositionResampling.Bilinear ? (1, (Func<double, double>)Triangle) : (2, x => Cubic(x, form == InterpolationForm.Antialiased ? AntialiasedCubic : PlainCubic));
        return [.. Enumerable.Range(0, target).Select(i => form == InterpolationForm.Antialiased ? Antialiased(i, source, target, reach, kernel) : Plain(i, source, target, reach, kernel, form))];
    }

    private static (int, double)[] Plain(int index, int source, int target, int reach, Func<double, double> kernel, InterpolationForm form)
    {
        var centre = form == InterpolationForm.CornersAligned
            ? target > 1 ? (double)index * (source - 1) / (target - 1) : 0
            : ((index + 0.5) * source / target) - 0.5;
        centre = reach == 1 ? Math.Max(0, centre) : centre;
        var start = (int)Math.Floor(centre) - reach + 1;
        return [.. Enumerable.Range(start, 2 * reach).Select(position => (Math.Clamp(position, 0, source - 1), kernel(position - centre)))];
    }

    private static (int, double)[] Antialiased(int index, int source, int target, int reach, Func<double, double> kernel)
    {
        var scale = (double)source / target;
        var (centre, stretch) = ((index + 0.5) * scale, Math.Max(1, scale));
        var first = Math.Max(0, (int)(centre - (reach * stretch) + 0.5));
        var end = Math.Min(source, (int)(centre + (reach * stretch) + 0.5));
        var weights = Enumerable.Range(first, end - first).Select(position => kernel((position + 0.5 - centre) / stretch)).ToArray();
        var sum = weights.Sum();
        return [.. weights.Select((weight, tap) => (first + tap, weight / sum))];
    }

    private static double Triangle(double x) => Math.Max(0, 1 - Math.Abs(x));

    // Keys' convolution: (a+2)|x|³ − (a+3)|x|² + 1 up to 1, a|x|³ − 5a|x|² + 8a|x| − 4a up to 2.
    private static double Cubic(double x, double a) => Math.Abs(x) switch
    {
        < 1 and var near => ((((a + 2) * near) - (a + 3)) * near * near) + 1,
        < 2 and var far => ((((((a * far) - (5 * a)) * far) + (8 * a)) * far) - (4 * a)),
        _ => 0,
    };
}
