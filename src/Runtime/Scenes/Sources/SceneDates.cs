using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>Dates of scenes as text.</summary>
internal static class SceneDates
{
    // EXIF and TIFF write colons; HLS and Landsat write year and day of the year.
    private static readonly string[] Forms = ["yyyy:MM:dd HH:mm:ss", "yyyyMMdd", "yyyyMMdd'T'HHmmss", "yyyy-MM-dd"];

    /// <summary>Reads ISO 8601, <c>yyyymmdd</c> or the form of TIFF tags; UTC where no zone is given.</summary>
    public static bool TryParse(string text, out DateTimeOffset date)
    {
        const DateTimeStyles styles = DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal | DateTimeStyles.AllowWhiteSpaces;
        return DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, styles, out date) || DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, styles, out date);
    }

    /// <summary>Year and day of the year, as in <c>2020123</c>, optionally followed by a time.</summary>
    public static DateTimeOffset? OfDayOfYear(string text) =>
        text.Length >= 7 && int.TryParse(text.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture, out var year) && year is > 1900 and < 3000
        && int.TryParse(text.AsSpan(4, 3), NumberStyles.None, CultureInfo.InvariantCulture, out var day) && day is >= 1 and <= 366
            ? new DateTimeOffset(year, 1, 1, 0, 0, 0, TimeSpan.Zero).AddDays(day - 1)
            : null;
}
