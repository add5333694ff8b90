using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>PyTorch's AdaptiveAvgPool2d: cell i of s averages the rows floor(i·H/s) … ceil((i+1)·H/s) − 1, and columns likewise. As cells
/// may overlap and repeat, it is two products with constant matrices: A · x · Bᵀ.</summary>
internal static class AdaptivePooling
{
    /// <summary>[batch, channels, rows, columns] → [batch, channels, size, size].</summary>
    /// <exception cref="DecoderException">More than one cell is asked for and the size of the map is not fixed.</exception>
    public static Value Apply(GraphBuilder op, Value x, int size)
    {
        if (size == 1)
        {
            return op.GlobalAveragePool(x);
        }

        if (x.KnownShape[-2].Value is not { } height || x.KnownShape[-1].Value is not { } width)
        {
            throw new DecoderException($"Pooling to {size}×{size} cells needs a map of fixed size; found {x.KnownShape}. Export the encoder for one tile size.");
        }

        var rows = op.Floats([size, height], Windows(size, checked((int)height), transposed: false));
        var columns = op.Floats([width, size], Windows(size, checked((int)width), transposed: true));
        return op.MatMul(op.MatMul(rows, x), columns);
    }

    private static float[] Windows(int cells, int length, bool transposed)
    {
        var matrix = new float[cells * length];
        for (var cell = 0; cell < cells; cell++)
        {
            var (start, end) = ((int)((long)cell * length / cells), (int)((((cell + 1L) * length) + cells - 1) / cells));
            for (var position = start; position < end; position++)
            {
                matrix[transposed ? (position * cells) + cell : (cell * length) + position] = 1f / (end - start);
            }
        }

        return matrix;
    }
}
