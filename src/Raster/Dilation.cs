namespace EoOnnx.Raster;

/// <summary>Grows marked regions of a raster.</summary>
public static class Dilation
{
    /// <summary>Marks every pixel within <paramref name="distance"/> rows and columns of a marked one (a square). In place.</summary>
    /// <param name="marked">[row, column]: 0 or 1.</param>
    /// <param name="width">Columns.</param>
    /// <param name="distance">Pixels to every side.</param>
    public static void Grow(Span<byte> marked, int width, int distance)
    {
        if (distance == 0 || width == 0)
        {
            return;
        }

        var height = marked.Length / width;
        for (var row = 0; row < height; row++)
        {
            Grow(marked, row * width, 1, width, distance);
        }

        for (var column = 0; column < width; column++)
        {
            Grow(marked, column, width, height, distance);
        }
    }

    // Marked pixels are 1; those that a pass adds are 2 until it ends, so that they do not grow themselves.
    private static void Grow(Span<byte> marked, int start, int step, int count, int distance)
    {
        var (ahead, behind) = (0, 0);
        for (var i = 0; i < count; i++)
        {
            Visit(marked, start + (i * step), ref ahead, distance);
            Visit(marked, start + ((count - 1 - i) * step), ref behind, distance);
        }

        for (var i = 0; i < count; i++)
        {
            ref var pixel = ref marked[start + (i * step)];
            pixel = pixel != 0 ? (byte)1 : (byte)0;
        }
    }

    private static void Visit(Span<byte> marked, int position, ref int left, int distance)
    {
        if (marked[position] == 1)
        {
            left = distance;
        }
        else if (left > 0)
        {
            marked[position] = 2;
            left--;
        }
    }
}
