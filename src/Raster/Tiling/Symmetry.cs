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

/// <summary>Moves the pixels of planes.</summary>
public static class Symmetries
{
    /// <summary>The symmetry that undoes this one.</summary>
    public static Symmetry Inverse(this Symmetry symmetry) => symmetry switch
    {
        Symmetry.Rotate90 => Symmetry.Rotate270,
        Symmetry.Rotate270 => Symmetry.Rotate90,
        _ => symmetry,
    };

    /// <summary>The symmetries that an oblong has, too: those that exchange no rows with columns.</summary>
    public static IReadOnlyList<Symmetry> OfOblong { get; } = [Symmetry.Identity, Symmetry.FlipRows, Symmetry.FlipColumns, Symmetry.Rotate180];

    /// <summary>Copies planes [plane, row, column] of any size under a symmetry.</summary>
    /// <exception cref="ArgumentException">Rows would become columns, and the planes are not square.</exception>
    public static void Apply<T>(this Symmetry symmetry, ReadOnlySpan<T> source, Span<T> destination, PixelSize size)
    {
        if (size.Width == size.Height)
        {
            symmetry.Apply(source, destination, size.Width);
            return;
        }

        if (!OfOblong.Contains(symmetry))
        {
            throw new ArgumentException($"{symmetry} exchanges rows with columns, which needs square planes; found {size.Width} x {size.Height}. Choose one of {string.Join(", ", OfOblong)}.", nameof(symmetry));
        }

        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, source.Length);
        for (var row = 0; row < source.Length / size.Width; row++)
        {
            var (plane, y) = (row / size.Height, row % size.Height);
            var from = symmetry is Symmetry.FlipRows or Symmetry.Rotate180 ? (plane * size.Height) + size.Height - 1 - y : row;
            var moved = destination.Slice(row * size.Width, size.Width);
            source.Slice(from * size.Width, size.Width).CopyTo(moved);
            if (symmetry is Symmetry.FlipColumns or Symmetry.Rotate180)
            {
                moved.Reverse();
            }
        }
    }

    /// <summary>Copies square planes [plane, row, column] of side <paramref name="side"/> under a symmetry.</summary>
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
