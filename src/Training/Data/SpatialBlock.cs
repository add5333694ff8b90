namespace EoOnnx.Training.Data;

/// <summary>A block of a grid over the earth whose sides are about equally long everywhere; independent of the reference systems of the chips.</summary>
/// <param name="Row">Counted north from the equator.</param>
/// <param name="Column">Counted east from Greenwich.</param>
internal readonly record struct SpatialBlock(int Row, int Column)
{
    private const double EarthRadius = 6_371_007.2;   // metres; of the sphere with the earth's surface (GRS 80)

    /// <summary>The block that a chip's centre lies in.</summary>
    /// <param name="chip">The chip.</param>
    /// <param name="metres">Side of the blocks.</param>
    public static SpatialBlock Of(ChipOutline chip, double metres)
    {
        var row = (int)Math.Floor(double.DegreesToRadians(chip.Latitude) * EarthRadius / metres);
        var middle = Math.Clamp((row + 0.5) * metres / EarthRadius, -Math.PI / 2, Math.PI / 2);
        return new SpatialBlock(row, (int)Math.Floor(double.DegreesToRadians(chip.Longitude) * Math.Cos(middle) * EarthRadius / metres));
    }

    /// <summary>For example <c>521/-97</c>.</summary>
    public override string ToString() => FormattableString.Invariant($"{Row}/{Column}");
}
