using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>The pixels that neighbouring tiles share: a number, or a share of the tile edge.</summary>
public readonly record struct TileOverlap
{
    private TileOverlap(int pixels, double percent) => (Pixels, Percent) = (pixels, percent);

    private int Pixels { get; }

    private double Percent { get; }

    /// <summary>A number of pixels.</summary>
    public static implicit operator TileOverlap(int pixels) => FromInt32(pixels);

    /// <summary>A number of pixels: even, 0 to half the tile, checked against the tile when the scene is planned.</summary>
    public static TileOverlap FromInt32(int pixels) => new(pixels, 0);

    /// <summary>Reads <c>32</c> or <c>15%</c>.</summary>
    /// <exception cref="ArgumentException">The text is neither.</exception>
    public static TileOverlap Parse(string text)
    {
        if (text.EndsWith('%') && double.TryParse(text.AsSpan(0, text.Length - 1), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent <= 50)
        {
            return new TileOverlap(0, percent);
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var pixels)
            ? new TileOverlap(pixels, 0)
            : throw new ArgumentException($"'{text}' is no overlap; expected pixels such as 32, or a share of the tile up to 50% such as 15%.");
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => Percent > 0 ? Percent.ToString(CultureInfo.InvariantCulture) + "%" : Pixels.ToString(CultureInfo.InvariantCulture);

    /// <summary>In pixels of a tile; a share is rounded to the nearest even number.</summary>
    public int Of(int tile) => Percent > 0 ? 2 * (int)Math.Round(tile * Percent / 200) : Pixels;
}
