namespace EoOnnx.Raster;

/// <summary>Width and height in pixels.</summary>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PixelSize(int Width, int Height)
{
    /// <summary>Number of pixels.</summary>
    public long Area => (long)Width * Height;

    /// <summary>For example <c>224</c> for a square, <c>96 x 64</c> otherwise.</summary>
    public override string ToString() => Width == Height ? Width.ToString(System.Globalization.CultureInfo.InvariantCulture) : FormattableString.Invariant($"{Width} x {Height}");
}

/// <summary>A rectangle of pixels of a grid; it may reach past the grid's edges.</summary>
/// <param name="X">First column.</param>
/// <param name="Y">First row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
public readonly record struct PixelWindow(int X, int Y, int Width, int Height)
{
    /// <summary>The column behind the last.</summary>
    public int Right => X + Width;

    /// <summary>The row behind the last.</summary>
    public int Bottom => Y + Height;

    /// <summary>Number of pixels.</summary>
    public long Area => (long)Width * Height;

    /// <summary>The part that lies within a grid of the given size; empty (zero width or height) when there is none.</summary>
    public PixelWindow Within(PixelSize grid)
    {
        var (left, top) = (Math.Clamp(X, 0, grid.Width), Math.Clamp(Y, 0, grid.Height));
        return new PixelWindow(left, top, Math.Max(0, Math.Clamp(Right, 0, grid.Width) - left), Math.Max(0, Math.Clamp(Bottom, 0, grid.Height) - top));
    }

    /// <summary>For example <c>224 x 224 at (0, 448)</c>.</summary>
    public override string ToString() => $"{Width} x {Height} at ({X}, {Y})";
}

/// <summary>A rectangle in map coordinates.</summary>
/// <param name="West">Smallest x.</param>
/// <param name="South">Smallest y.</param>
/// <param name="East">Largest x.</param>
/// <param name="North">Largest y.</param>
public readonly record struct MapBounds(double West, double South, double East, double North);

/// <summary>GDAL's affine transform: map x = OriginX + column · PixelWidth + row · RowRotation, map y likewise.</summary>
/// <param name="OriginX">Map x of the upper left corner, in units of the CRS.</param>
/// <param name="PixelWidth">Map x per column.</param>
/// <param name="RowRotation">Map x per row; 0 for north-up grids.</param>
/// <param name="OriginY">Map y of the upper left corner.</param>
/// <param name="ColumnRotation">Map y per column; 0 for north-up grids.</param>
/// <param name="PixelHeight">Map y per row; negative for north-up grids.</param>
public readonly record struct GeoTransform(double OriginX, double PixelWidth, double RowRotation, double OriginY, double ColumnRotation, double PixelHeight)
{
    /// <summary>True when the grid is aligned with the axes of its CRS.</summary>
    public bool IsNorthUp => RowRotation == 0 && ColumnRotation == 0;

    /// <summary>Area of one pixel in square units of the CRS.</summary>
    public double PixelArea => Math.Abs((PixelWidth * PixelHeight) - (RowRotation * ColumnRotation));

    /// <summary>The transform of a grid whose pixel (0, 0) is this grid's (<paramref name="column"/>, <paramref name="row"/>) and whose
    /// pixels are <paramref name="factor"/> times as long.</summary>
    public GeoTransform Moved(double column, double row, double factor = 1) => Moved(column, row, factor, factor);

    /// <summary>The transform of a grid whose pixel (0, 0) is this grid's (<paramref name="column"/>, <paramref name="row"/>) and whose
    /// pixels are <paramref name="across"/> times as wide and <paramref name="down"/> times as high.</summary>
    public GeoTransform Moved(double column, double row, double across, double down) => new(
        OriginX + (column * PixelWidth) + (row * RowRotation), PixelWidth * across, RowRotation * down,
        OriginY + (column * ColumnRotation) + (row * PixelHeight), ColumnRotation * across, PixelHeight * down);

    /// <summary>The pixels that a rectangle touches, of a grid along the axes; may reach past the grid's edges.</summary>
    /// <exception cref="RasterException">The grid is rotated, or the rectangle is empty or too far away to be counted in pixels.</exception>
    public PixelWindow Covering(MapBounds bounds)
    {
        if (!IsNorthUp || !(bounds.East > bounds.West && bounds.North > bounds.South))
        {
            throw new RasterException($"The rectangle {bounds} cannot be found in the grid: it needs west < east and south < north, and the grid must lie along the axes.");
        }

        var (left, right) = Span((bounds.West - OriginX) / PixelWidth, (bounds.East - OriginX) / PixelWidth);
        var (top, bottom) = Span((bounds.North - OriginY) / PixelHeight, (bounds.South - OriginY) / PixelHeight);
        return new PixelWindow(left, top, right - left, bottom - top);

        // Bounds that were computed from pixel edges come back as those edges.
        static (int First, int End) Span(double a, double b)
        {
            const double rounding = 1e-6;
            var (first, end) = (Math.Floor(Math.Min(a, b) + rounding), Math.Ceiling(Math.Max(a, b) - rounding));
            return Math.Abs(first) < 1e9 && Math.Abs(end) < 1e9 ? ((int)first, (int)end)
                : throw new RasterException("The rectangle lies too far from the scene. Check the coordinate reference system of --bbox (--bbox-crs).");
        }
    }

    internal static GeoTransform From(ReadOnlySpan<double> numbers) => new(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5]);

    internal double[] ToArray() => [OriginX, PixelWidth, RowRotation, OriginY, ColumnRotation, PixelHeight];
}

/// <summary>The type of a raster's pixels. Values are GDAL's.</summary>
public enum RasterType
{
    /// <summary>Unsigned 8-bit integer.</summary>
    Byte = 1,

    /// <summary>Unsigned 16-bit integer.</summary>
    UInt16 = 2,

    /// <summary>Signed 16-bit integer.</summary>
    Int16 = 3,

    /// <summary>Unsigned 32-bit integer.</summary>
    UInt32 = 4,

    /// <summary>Signed 32-bit integer.</summary>
    Int32 = 5,

    /// <summary>Single precision.</summary>
    Float32 = 6,

    /// <summary>Double precision.</summary>
    Float64 = 7,
}

/// <summary>Sizes and ranges of <see cref="RasterType"/>.</summary>
public static class RasterTypes
{
    /// <summary>Bytes of one pixel of one band.</summary>
    public static int SizeInBytes(this RasterType type) => type switch
    {
        RasterType.Byte => 1,
        RasterType.UInt16 or RasterType.Int16 => 2,
        RasterType.Float64 => 8,
        _ => 4,
    };

    /// <summary>True when the type can store the number exactly (NaN only in floating-point types).</summary>
    public static bool CanHold(this RasterType type, double number) => type switch
    {
        RasterType.Byte => Integral(number, byte.MinValue, byte.MaxValue),
        RasterType.UInt16 => Integral(number, ushort.MinValue, ushort.MaxValue),
        RasterType.Int16 => Integral(number, short.MinValue, short.MaxValue),
        RasterType.UInt32 => Integral(number, uint.MinValue, uint.MaxValue),
        RasterType.Int32 => Integral(number, int.MinValue, int.MaxValue),
        _ => true,
    };

    /// <summary>The raster type of .NET values of <typeparamref name="T"/>.</summary>
    /// <exception cref="NotSupportedException">GDAL has no such type.</exception>
    public static RasterType Of<T>() where T : unmanaged => default(T) switch
    {
        byte => RasterType.Byte,
        ushort => RasterType.UInt16,
        short => RasterType.Int16,
        uint => RasterType.UInt32,
        int => RasterType.Int32,
        float => RasterType.Float32,
        double => RasterType.Float64,
        _ => throw new NotSupportedException($"{typeof(T)} is not a pixel type of GDAL."),
    };

    private static bool Integral(double number, double minimum, double maximum) => number >= minimum && number <= maximum && Math.Floor(number) == number;
}
