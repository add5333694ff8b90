using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// BEiT's relative positions: for each head, a learnt number for each offset of rows and columns, added to the attention scores of all pairs
/// of patches that far apart; and one each for class token to patch, patch to class token, and class token to itself. Tables are
/// [(2·grid − 1)² + 3, heads], one for all blocks or one a block. Reference: <c>modeling_finetune.py</c> of microsoft/unilm, <c>beit</c>.
/// </summary>
internal sealed class RelativePositions
{
    private const string Shared = "rel_pos_bias.relative_position_bias_table";
    private const int OfClassToken = 3, MostTokens = 4097;

    private readonly WeightedGraph _graph;
    private readonly bool _isShared;
    private readonly int _grid, _rows, _columns;
    private readonly Dictionary<string, Value> _biases = new(StringComparer.Ordinal);
    private Value? _pairs;

    private RelativePositions(WeightedGraph graph, int rows, int columns)
    {
        (_graph, _isShared, _rows, _columns) = (graph, graph.Weights.Contains(Shared), rows, columns);
        (_grid, Heads) = SizesOf(graph.Weights)!.Value;
        if (Tokens > MostTokens)
        {
            throw new ExportException($"{graph.Weights.Source} has relative positions, a number for each pair of tokens; {rows} x {columns} patches have {Tokens} tokens, and at most {MostTokens} are supported. Choose a smaller --tile.");
        }
    }

    /// <summary>Attention heads, which the tables tell.</summary>
    public int Heads { get; }

    private int Tokens => 1 + (_rows * _columns);

    /// <summary>Edge of the grid of patches that the tables were made for, and the number of heads; null when the weights have no such tables.</summary>
    /// <exception cref="FileFormatException">The table is not that of a square grid.</exception>
    public static (int Grid, int Heads)? SizesOf(StateDict weights) => NameIn(weights) is not { } name ? null : Guess(weights) ?? throw new FileFormatException(
        $"{weights.Source}: '{weights.Prefix}{name}' has the shape [{string.Join(", ", weights.Peek(name)!.Shape)}]; expected [(2·grid − 1)² + {OfClassToken}, heads].");

    /// <summary>The same without a refusal: null for a table of another form, too.</summary>
    public static (int Grid, int Heads)? Guess(StateDict weights)
    {
        var shape = NameIn(weights) is { } name ? weights.Peek(name)!.Shape : [];
        var offsets = shape.Length == 2 ? (long)Math.Round(Math.Sqrt(Math.Max(0, shape[0] - OfClassToken))) : 0;
        return offsets % 2 == 1 && (offsets * offsets) + OfClassToken == shape[0] && offsets < MostTokens && shape[1] is > 0 and <= int.MaxValue ? ((int)(offsets + 1) / 2, (int)shape[1]) : null;
    }

    /// <summary>The relative positions of weights for a grid of patches; null when they have none.</summary>
    /// <exception cref="ExportException">The grid has too many patches.</exception>
    public static RelativePositions? Of(WeightedGraph graph, int rows, int columns) => SizesOf(graph.Weights) is null ? null : new RelativePositions(graph, rows, columns);

    /// <summary>What is added to the scores of a block: [1, heads, tokens, tokens].</summary>
    /// <exception cref="FileFormatException">A block's table is absent or has another shape.</exception>
    public Value Bias(int layer)
    {
        var (name, op) = (_isShared ? Shared : OfBlock(layer), _graph.Op);
        if (_biases.TryGetValue(name, out var known))
        {
            return known;
        }

        using var scope = op.Scope(name[..name.LastIndexOf('.')]);
        var table = WeightedGraph.Single(_graph.Weights.Take(name, Offsets(_grid, _grid) + OfClassToken, Heads));
        var resized = op.Initializer(name, Resize(table, _grid, _rows, _columns));
        _pairs ??= op.Constant(TensorData.FromValues<long>([(long)Tokens * Tokens], Pairs(_rows, _columns)));
        return _biases[name] = op.Unsqueeze(op.Transpose(op.Reshape(op.Gather(resized, _pairs), Tokens, Tokens, Heads), 2, 0, 1), 0);
    }

    /// <summary>Fits a table to another grid as BEiT does: between offsets that lie the farther apart the larger they are, so that near neighbours keep
    /// their numbers, by a cubic spline of rows and one of columns.</summary>
    /// <remarks>The reference does it for squares only; here either axis has its own spacing, which for squares is the same.</remarks>
    public static TensorData Resize(TensorData table, int grid, int rows, int columns)
    {
        if (rows == grid && columns == grid)
        {
            return table;
        }

        if ((2 * grid) - 1 < CubicSpline.FewestKnots)
        {
            throw new ExportException($"Relative positions of {grid} x {grid} patches are too few to be fitted to {rows} x {columns}; leave out --tile.");
        }

        var (heads, source, width) = ((int)table.Shape[1], (2 * grid) - 1, (2 * columns) - 1);
        var (vertical, horizontal) = (AxisWeights(grid, rows), AxisWeights(grid, columns));
        var values = table.AsSpan<float>().ToArray();
        var across = new double[source, width, heads];
        for (var i = 0; i < source * width * source * heads; i++)
        {
            var (row, column, knot, head) = (i / (width * source * heads), i / (source * heads) % width, i / heads % source, i % heads);
            across[row, column, head] += horizontal[column][knot] * values[(((row * source) + knot) * heads) + head];
        }

        var result = new float[(Offsets(rows, columns) + OfClassToken) * heads];
        for (var i = 0; i < Offsets(rows, columns) * heads; i++)
        {
            var (row, column, head) = (i / (width * heads), i / heads % width, i % heads);
            result[i] = (float)Enumerable.Range(0, source).Sum(knot => vertical[row][knot] * across[knot, column, head]);
        }

        values.AsSpan(source * source * heads).CopyTo(result.AsSpan(Offsets(rows, columns) * heads));
        return TensorData.FromValues<float>([Offsets(rows, columns) + OfClassToken, heads], result);
    }

    /// <summary>Where the offsets 1 … <paramref name="grid"/> − 1 of a table lie on the axis of <paramref name="target"/> patches: a geometric series that
    /// ends at its last offset, with a ratio of 1.01 to 1.5 that the reference finds by halving.</summary>
    internal static double[] Spacing(int grid, int target)
    {
        var (left, right, ratio) = (1.01, 1.5, 0.0);
        while (right - left > 1e-6)
        {
            ratio = (left + right) / 2;
            (left, right) = (1 - Math.Pow(ratio, grid - 1)) / (1 - ratio) > target - 1 ? (left, ratio) : (ratio, right);
        }

        var (positions, next) = (new double[grid - 1], 1.0);
        for (var i = 0; i < positions.Length; i++, next += Math.Pow(ratio, i))
        {
            positions[i] = next;
        }

        return positions;
    }

    private static double[][] AxisWeights(int grid, int target)
    {
        if (grid == target)
        {
            return [.. Enumerable.Range(0, (2 * grid) - 1).Select(i => Enumerable.Range(0, (2 * grid) - 1).Select(knot => knot == i ? 1.0 : 0).ToArray())];
        }

        var positions = Spacing(grid, target);
        return CubicSpline.Weights([.. positions.Reverse().Select(position => -position), 0, .. positions], [.. Enumerable.Range(1 - target, (2 * target) - 1).Select(offset => (double)offset)]);
    }

    // Row of the table for each pair of tokens, the class token first.
    private static long[] Pairs(int rows, int columns)
    {
        var (tokens, offsets) = (1 + (rows * columns), Offsets(rows, columns));
        var pairs = new long[tokens * tokens];
        for (var query = 0; query < tokens; query++)
        {
            for (var key = 0; key < tokens; key++)
            {
                var (down, right) = (((query - 1) / columns) - ((key - 1) / columns), ((query - 1) % columns) - ((key - 1) % columns));
                pairs[(query * tokens) + key] = (query, key) switch
                {
                    (0, 0) => offsets + 2,
                    (_, 0) => offsets + 1,
                    (0, _) => offsets,
                    _ => ((down + rows - 1) * ((2 * columns) - 1)) + right + columns - 1,
                };
            }
        }

        return pairs;
    }

    private static int Offsets(int rows, int columns) => ((2 * rows) - 1) * ((2 * columns) - 1);

    private static string? NameIn(StateDict weights) => Array.Find([Shared, OfBlock(0)], weights.Contains);

    private static string OfBlock(int layer) => $"blocks.{layer}.attn.relative_position_bias_table";
}
