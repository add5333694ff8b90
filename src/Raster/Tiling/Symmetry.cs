namespace EoOnnx.Raster.Tiling;

/// <summary>The eight symmetries of a square (the group D4), applied alike to an image and its labels.</summary>
public enum Symmetry
{
    /// <summary>Unchanged.</summary>
    Identity,

    /// <summary>A quarter turn counter-clockwise.</summary>
    Rotate90,

    /// <summary>Half a turn.</summary>
    Rotate180,

    /// <summary>A quarter turn clockwise.</summary>
    Rotate270,

    /// <summary>Rows reversed.</summary>
    FlipRows,

    /// <summary>Columns reversed.</summary>
    FlipColumns,

    /// <summary>Rows and columns exchanged.</summary>
    Transpose,

    /// <summary>Mirrored on the other diagonal.</summary>
    AntiTranspose,
}

/// <summary>Moves the pixels of square planes.</summary>
public static class Symmetries
{
    /// <summary>The symmetry that undoes this one.</summary>
    public static Symmetry Inverse(this Symmetry symmetry) => symmetry switch
    {
        Symmetry.Rotate90 => Symmetry.Rotate270,
        Symmetry.Rotate270 => Symmetry.Rotate90,
        _ => symmetry,
    };

    /// <summary>Copies planes [plane, row, column] of side <paramref name="side"/> under a symmetry.</summary>
    public static void Apply<T>(this Symmetry symmetry, ReadOnlySpan<T> source, Span<T> destination, int side)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, source.Length);
        var last = side - 1;
        // destination (row, column) takes source start + row·rowStep + column·columnStep
        var (start, rowStep, columnStep) = symmetry switch
        {
            Symmetry.Rotate90 => (last, -1, side),
            Symmetry.Rotate180 => (side * side - 1, -side, -1),
            Symmetry.Rotate270 => (last * side, 1, -side),
            Symmetry.FlipRows => (last * side, -side, 1),
            Symmetry.FlipColumns => (last, side, -1),
            Symmetry.Transpose => (0, 1, side),
            Symmetry.AntiTranspose => (side * side - 1, -1, -side),
            _ => (0, side, 1),
        };
        for (var plane = 0; plane < source.Length; plane += side * side)
        {
            var position = plane;
            for (var row = 0; row < side; row++)
            {
                var from = plane + start + row * rowStep;
                for (var column = 0; column < side; column++, from += columnStep)
                {
                    destination[position++] = source[from];
                }
            }
        }
    }
}
