namespace EoOnnx.Raster.Tiling;

/// <summary>
/// The plan along one axis: where tiles start, which cells each owns, and how it is weighted. Pure arithmetic that depends on
/// the scene's length and the options only, so every run of a scene uses the same plan.
/// </summary>
public sealed class TileAxis
{
    private readonly int[] _starts;
    private readonly int[] _bounds;
    private readonly int _tile;

    private TileAxis(int length, TilePlanOptions options, int[] starts, int[] bounds) => (Length, Options, _tile, _starts, _bounds) = (length, options, options.Tile, starts, bounds);

    /// <summary>Length of the scene along this axis, in pixels.</summary>
    public int Length { get; }

    /// <summary>The options the axis was planned with.</summary>
    public TilePlanOptions Options { get; }

    /// <summary>Number of tiles.</summary>
    public int Count => _starts.Length;

    /// <summary>Extent of an output pixel in pixels of the scene: the patch of plans that are aligned to it, else 1.</summary>
    public int Cell => Options.AlignToPatch ? Options.Patch : 1;

    /// <summary>How far the first tile hangs over the start, and the last one over the end.</summary>
    public (int Before, int After) Overhang => (Math.Max(0, -_starts[0]), Math.Max(0, _starts[^1] + _tile - Length));

    /// <summary>First pixel of the scene that a tile answers for: not 0 where a margin has only zeros before it.</summary>
    public int AnsweredStart => Options.Edge == EdgeMode.Zero ? Math.Clamp(_starts[0] + Options.Margin, 0, Length) : 0;

    /// <summary>The pixel behind the last that a tile answers for.</summary>
    public int AnsweredEnd => Options.Edge == EdgeMode.Zero ? Math.Clamp(_starts[^1] + _tile - Options.Margin, AnsweredStart, Length) : Length;

    /// <summary>Plans an axis of <paramref name="length"/> pixels.</summary>
    /// <exception cref="RasterException">The options contradict each other.</exception>
    public static TileAxis Create(int length, TilePlanOptions options)
    {
        options.Validate();
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 1);
        var extension = options.Edge == EdgeMode.Reflect ? options.Overlap / 2 : 0;
        var (tile, stride, extended) = (options.Tile, options.Tile - options.Overlap, length + (2 * extension));
        var (step, moves) = (options.AlignToPatch ? options.Patch : 1, options.Edge != EdgeMode.Zero);
        var count = extended <= tile ? 1 : ((extended - tile + stride - 1) / stride) + 1;
        var before = extension + (options.HangsOverStart ? Math.Max(0, ((count - 1) * stride) + tile - length) : 0);
        var starts = new int[count];
        for (var i = 0; i < count; i++)
        {
            // Shifted back to fit, then up to the patch grid: an aligned last tile may hang over the scene.
            starts[i] = RoundUp((moves ? Math.Min(i * stride, Math.Max(0, extended - tile)) : i * stride) - before, step);
        }

        var bounds = new int[count + 1];
        for (var i = 1; i < count; i++)
        {
            // Deepness cuts twice the margin off half the overlap, and the later tile overwrites the earlier one. Source: its processing/tile_params.py.
            var bound = moves || options.Margin == 0 ? FloorHalf(starts[i - 1] + tile + starts[i]) : starts[i] + Math.Max(options.Margin, (options.Overlap / 2) - options.Margin);
            bounds[i] = Math.Min(length, RoundUp(bound, step));
        }

        bounds[count] = length;
        return new TileAxis(length, options, starts, bounds);
    }

    /// <summary>First pixel that tile <paramref name="index"/> reads; negative where it hangs over the start.</summary>
    public int Start(int index) => _starts[index];

    /// <summary>First cell that the tile owns.</summary>
    public int OwnedStart(int index) => _bounds[index];

    /// <summary>The cell behind the last that the tile owns.</summary>
    public int OwnedEnd(int index) => _bounds[index + 1];

    /// <summary>The pixels of the scene that the tile reads: from the first to the one behind the last, reflected ones included.</summary>
    public (int First, int End) Reads(int index)
    {
        var (first, end) = (_starts[index], _starts[index] + _tile);
        if (Options.Edge == EdgeMode.Zero || (first >= 0 && end <= Length))
        {
            return (Math.Max(0, first), Math.Min(Length, end));
        }

        var (low, high) = (int.MaxValue, 0);
        for (var position = first; position < end; position++)
        {
            var pixel = Reflect(position, Length);
            (low, high) = (Math.Min(low, pixel), Math.Max(high, pixel));
        }

        return (low, high + 1);
    }

    /// <summary>The pixel that stands for position <paramref name="i"/>, any integer: reflection without repeating the edge pixel.</summary>
    public static int Reflect(int i, int length)
    {
        var q = length - 1;
        if (q == 0)
        {
            return 0;
        }

        var phase = i % (2 * q);
        phase = phase < 0 ? phase + (2 * q) : phase;
        return q - Math.Abs(phase - q);
    }

    /// <summary>
    /// Weights of tile <paramref name="index"/> for each of its pixels, normalised so that at every pixel of the scene the
    /// weights of all tiles sum to 1; 0 for tile pixels outside the scene.
    /// </summary>
    /// <param name="index">The tile.</param>
    /// <param name="blend">The shape of the ramp; with <see cref="BlendMode.None"/> a pixel weighs 1 for its owner.</param>
    /// <param name="margin">Pixels cut off on every inner side first, 0 to half the overlap.</param>
    /// <param name="weights">One a tile pixel; every element is written.</param>
    public void Weights(int index, BlendMode blend, int margin, Span<float> weights)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(weights.Length, _tile);
        for (var u = 0; u < _tile; u++)
        {
            var x = _starts[index] + u;
            if (x < 0 || x >= Length)
            {
                weights[u] = 0;
            }
            else if (blend == BlendMode.None)
            {
                weights[u] = x >= _bounds[index] && x < _bounds[index + 1] ? 1 : 0;
            }
            else
            {
                var own = Raw(index, x, blend, margin);
                var sum = own;
                for (var j = index - 1; j >= 0 && _starts[j] + _tile > x; j--)
                {
                    sum += Raw(j, x, blend, margin);
                }

                for (var j = index + 1; j < _starts.Length && _starts[j] <= x; j++)
                {
                    sum += Raw(j, x, blend, margin);
                }

                weights[u] = (float)(own / sum);
            }
        }
    }

    private double Raw(int index, int x, BlendMode blend, int margin)
    {
        var u = x - _starts[index];
        var left = index == 0 ? 0 : _starts[index - 1] + _tile - _starts[index];
        var right = index == _starts.Length - 1 ? 0 : _starts[index] + _tile - _starts[index + 1];
        // With left = 2 · margin the ramp becomes a step: division by zero gives ±∞ and the clamp does it.
        return Ramp(left, (u + 0.5 - margin) / (left - (2.0 * margin)), blend) * Ramp(right, (_tile - u - 0.5 - margin) / (right - (2.0 * margin)), blend);
    }

    private static double Ramp(int overlap, double t, BlendMode blend)
    {
        if (overlap <= 0)
        {
            return 1;
        }

        t = Math.Clamp(t, 0, 1);
        return blend == BlendMode.Linear ? t : Math.Pow(Math.Sin(Math.PI * t / 2), 2);
    }

    private static int RoundUp(int value, int step) => step == 1 ? value : (int)(Math.Ceiling(value / (double)step) * step);

    private static int FloorHalf(int value) => value >> 1;
}
