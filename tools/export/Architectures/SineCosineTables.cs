using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// Fixed sine-cosine position tables. A position x is encoded to d numbers: sin(x·ω₀) … sin(x·ω_{d/2−1}), then the cosines, with
/// ω_k = 10000^(−k/(d/2)). Computed in double precision, stored in single.
/// </summary>
internal static class SineCosineTables
{
    /// <summary>Positions on a line: [1, length, width].</summary>
    public static TensorData Line(int length, int width)
    {
        Require(width, 2, "one axis");
        var table = new float[TensorData.CountOf(length, width)];
        for (var position = 0; position < length; position++)
        {
            Encode(position, table.AsSpan(position * width, width));
        }

        return TensorData.FromValues<float>([1, length, width], table);
    }

    /// <summary>Positions on a plane: [1, rows · columns, width]; half of the width encodes one axis, half the other.</summary>
    /// <remarks>The first half encodes the axis that varies slowest. Source: <c>build_2d_sincos_posemb</c> of TerraMind and 4M; they call
    /// it w, which for the square grids in use is only a name.</remarks>
    public static TensorData Plane(int rows, int columns, int width)
    {
        Require(width, 4, "two axes");
        var table = new float[TensorData.CountOf(rows * (long)columns, width)];
        for (var token = 0; token < rows * columns; token++)
        {
            var row = table.AsSpan(token * width, width);
            Encode(token / columns, row[..(width / 2)]);
            Encode(token % columns, row[(width / 2)..]);
        }

        return TensorData.FromValues<float>([1, rows * (long)columns, width], table);
    }

    /// <summary>Positions in a stack of frames, tokens in the order frame, row, column: [frames · rows · columns, width].</summary>
    /// <remarks>Six sixteenths of the width encode the column, six the row, four the frame, in this order. Source:
    /// <c>get_3d_sincos_pos_embed</c> of Prithvi.</remarks>
    public static TensorData Volume(int frames, int rows, int columns, int width)
    {
        Require(width, 16, "three axes");
        var (plane, sixteenth) = (rows * columns, width / 16);
        var table = new float[TensorData.CountOf(frames * (long)plane, width)];
        for (var token = 0; token < frames * plane; token++)
        {
            var row = table.AsSpan(token * width, width);
            Encode(token % columns, row[..(6 * sixteenth)]);
            Encode(token % plane / columns, row[(6 * sixteenth)..(12 * sixteenth)]);
            Encode(token / plane, row[(12 * sixteenth)..]);
        }

        return TensorData.FromValues<float>([frames * (long)plane, width], table);
    }

    private static void Encode(int position, Span<float> destination)
    {
        var half = destination.Length / 2;
        for (var k = 0; k < half; k++)
        {
            var (sine, cosine) = Math.SinCos(position * (1 / Math.Pow(10_000, (double)k / half)));
            (destination[k], destination[half + k]) = ((float)sine, (float)cosine);
        }
    }

    private static void Require(int width, int divisor, string axes)
    {
        if (width % divisor != 0)
        {
            throw new ExportException($"A width of {width} cannot hold sine-cosine positions of {axes}; it must be a multiple of {divisor}.");
        }
    }
}
