using System.Globalization;

namespace EoOnnx.Formats;

/// <summary>Colours of reports.</summary>
internal static class ReportColors
{
    // Distinguishable also with the common colour blindnesses. Source: Okabe and Ito, Color Universal Design (2008).
    private static readonly string[] Palette = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#7f7f7f"];

    /// <summary>The colour of the n-th thing of a chart.</summary>
    public static string Of(int index) => Palette[index % Palette.Length];

    /// <summary>A colour out of a file, when it is one: what is put into a style must not be more than that.</summary>
    /// <exception cref="ArgumentException">It is not <c>#rrggbb</c>.</exception>
    public static string Checked(string color) =>
        color is ['#', .. { Length: 6 } digits] && int.TryParse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out _) ? color
        : throw new ArgumentException($"'{color}' is no colour; expected #rrggbb, for example #1f77b4.", nameof(color));
}
