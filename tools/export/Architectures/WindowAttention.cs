using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>Attention of Swin v2: cosine similarity within windows of a map, shifted by half a window in every second block.</summary>
internal static class WindowAttention
{
    private const int Window = 8, Hidden = 512, MlpRatio = 4;

    /// <summary>What separates neighbours that only the cyclic shift has put into one window.</summary>
    private const float Apart = -100;

    /// <summary>[batch, rows, columns, width] to the same shape.</summary>
    /// <param name="graph">The graph and its weights.</param>
    /// <param name="x">The map.</param>
    /// <param name="path">Where the weights are, for example <c>features.1.0.attn</c>.</param>
    /// <param name="isShifted">True in every second block.</param>
    /// <exception cref="FileFormatException">A weight is absent or has another shape.</exception>
    public static Value Build(WeightedGraph graph, Value x, string path, bool isShifted)
    {
        var op = graph.Op;
        using var scope = op.Scope("attn");
        var (rows, columns, width) = (x.KnownShape[1].Value!.Value, x.KnownShape[2].Value!.Value, x.KnownShape[3].Value!.Value);
        var heads = graph.Extent($"{path}.logit_scale");
        var window = (graph.Extent($"{path}.relative_coords_table", 1) + 1) / 2;
        var (paddedRows, paddedColumns) = ((rows + window - 1) / window * window, (columns + window - 1) / window * window);
        var shift = (Rows: isShifted && window < paddedRows ? window / 2 : 0, Columns: isShifted && window < paddedColumns ? window / 2 : 0);

        var padded = paddedRows == rows && paddedColumns == columns ? x : op.Pad(x, [0, 0, 0, 0, 0, paddedRows - rows, paddedColumns - columns, 0]);
        padded = Roll(op, Roll(op, padded, 1, shift.Rows), 2, shift.Columns);
        var (down, across, area) = (paddedRows / window, paddedColumns / window, window * window);
        var windows = op.Reshape(op.Transpose(op.Reshape(padded, -1, down, window, across, window, width), 0, 1, 3, 2, 4, 5), -1, down * across, area, width);

        var mixed = Attend(graph, windows, path, heads, window, shift == (0, 0) ? null : Mask(op, (int)paddedRows, (int)paddedColumns, (int)window, shift));
        var map = op.Reshape(op.Transpose(op.Reshape(mixed, -1, down, across, window, window, width), 0, 1, 3, 2, 4, 5), -1, paddedRows, paddedColumns, width);
        map = Roll(op, Roll(op, map, 1, -shift.Rows), 2, -shift.Columns);
        map = paddedRows == rows ? map : op.Slice(map, 1, 0, rows);
        return paddedColumns == columns ? map : op.Slice(map, 2, 0, columns);
    }

    /// <summary>Names and shapes of the weights of one block, with windows of 8 pixels.</summary>
    public static IEnumerable<(string Name, long[] Shape)> Shapes(string path, long width, long heads)
    {
        foreach (var (layer, shape) in new (string, long[])[]
        {
            ("norm1", [width]), ("attn.qkv", [3 * width, width]), ("attn.proj", [width, width]), ("attn.cpb_mlp.0", [Hidden, 2]), ("norm2", [width]), ("mlp.0", [MlpRatio * width, width]), ("mlp.3", [width, MlpRatio * width]),
        })
        {
            yield return ($"{path}.{layer}.weight", shape);
            yield return ($"{path}.{layer}.bias", [shape[0]]);
        }

        yield return ($"{path}.attn.cpb_mlp.2.weight", [heads, Hidden]);
        yield return ($"{path}.attn.logit_scale", [heads, 1, 1]);
        yield return ($"{path}.attn.relative_coords_table", [1, (2 * Window) - 1, (2 * Window) - 1, 2]);
    }

    // [batch, windows, area, width] to the same shape.
    private static Value Attend(WeightedGraph graph, Value x, string path, long heads, long window, Value? mask)
    {
        var op = graph.Op;
        var width = x.KnownShape[3].Value!.Value;
        var qkv = op.Add(op.MatMul(x, graph.Op.Initializer($"{path}.qkv.weight", WeightedGraph.Single(graph.Weights.Take($"{path}.qkv.weight", 3 * width, width)).Transposed())),
            op.Initializer($"{path}.qkv.bias", WithoutKeys(graph.Weights.Take($"{path}.qkv.bias", 3 * width))));
        var parts = op.Split(qkv, -1, width, width, width).Select(part => op.Transpose(op.Reshape(part, 0, 0, 0, heads, width / heads), 0, 1, 3, 2, 4)).ToArray();
        var scale = op.Exp(op.Clip(graph.Weight($"{path}.logit_scale", heads, 1, 1), null, Math.Log(100)));
        var scores = op.Mul(op.MatMul(Unit(op, parts[0]), op.Transpose(Unit(op, parts[1]), 0, 1, 2, 4, 3)), scale);
        scores = op.Add(scores, RelativeBias(graph, path, heads, (int)window));
        var mixed = op.MatMul(op.Softmax(mask is null ? scores : op.Add(scores, mask)), parts[2]);
        return graph.Linear(op.Reshape(op.Transpose(mixed, 0, 1, 3, 2, 4), 0, 0, 0, width), $"{path}.proj");
    }

    // The reference sets the bias of the keys to zero at every run.
    private static TensorData WithoutKeys(TensorData bias)
    {
        var values = bias.ToSingles();
        values.AsSpan(values.Length / 3, values.Length / 3).Clear();
        return TensorData.FromValues<float>([values.Length], values);
    }

    private static Value Unit(GraphBuilder op, Value x) =>
        op.Div(x, op.Max(op.Node("ReduceL2", [x, op.Int64s(-1)], ("keepdims", 1L)), op.Scalar(1e-12)));

    // 16·sigmoid(mlp(log-spaced offset)) for every pair of pixels of a window: [heads, area, area]. Constant until someone trains it.
    private static Value RelativeBias(WeightedGraph graph, string path, long heads, int window)
    {
        var op = graph.Op;
        var (area, edge) = (window * window, (2 * window) - 1);
        var pairs = new long[area * area];
        for (var from = 0; from < area; from++)
        {
            for (var to = 0; to < area; to++)
            {
                pairs[(from * area) + to] = (((from / window) - (to / window) + window - 1) * edge) + (from % window) - (to % window) + window - 1;
            }
        }

        var offsets = op.Reshape(graph.Weight($"{path}.relative_coords_table", 1, edge, edge, 2), -1, 2);
        var table = graph.Linear(op.Relu(graph.Linear(offsets, $"{path}.cpb_mlp.0")), $"{path}.cpb_mlp.2", bias: false);
        var bias = op.Gather(table, op.Constant(TensorData.FromValues<long>([pairs.Length], pairs)));
        return op.Mul(op.Sigmoid(op.Reshape(op.Transpose(bias, 1, 0), heads, area, area)), 16);
    }

    // Adds −100 between pixels of one window that come from different sides of the map: [windows, 1, area, area].
    private static Value Mask(GraphBuilder op, int rows, int columns, int window, (long Rows, long Columns) shift)
    {
        var (down, across, area) = (rows / window, columns / window, window * window);
        var values = new float[down * across * area * area];
        for (var index = 0; index < values.Length; index++)
        {
            var (place, from, to) = (index / (area * area), index / area % area, index % area);
            values[index] = Region(place, from) == Region(place, to) ? 0 : Apart;
        }

        return op.Constant(TensorData.FromValues<float>([down * across, 1, area, area], values));

        (int, int) Region(int place, int pixel) =>
            (Side((place / across * window) + (pixel / window), rows, shift.Rows), Side((place % across * window) + (pixel % window), columns, shift.Columns));

        // Of the last window one part comes from the other side; without a shift along an axis all is one side.
        int Side(int position, int length, long by) => by == 0 || position < length - window ? 0 : position < length - by ? 1 : 2;
    }

    // What lies at position `by` moves to 0.
    private static Value Roll(GraphBuilder op, Value x, long axis, long by) => by == 0 ? x
        : op.Concat(axis, op.Slice(x, axis, by, long.MaxValue), op.Slice(x, axis, 0, by));
}
