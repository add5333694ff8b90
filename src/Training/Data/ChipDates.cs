using System.Globalization;
using System.Text.RegularExpressions;

namespace EoOnnx.Training.Data;

/// <summary>Dates in names of files: <c>20200904</c>, <c>2020-09-04</c>, <c>2020_09_04</c>, and year with day of the year as in names of HLS, <c>2020248</c>.</summary>
internal static partial class ChipDates
{
    /// <summary>All dates in a text, in order.</summary>
    public static IReadOnlyList<DateOnly> In(string text)
    {
        var dates = new List<DateOnly>();
        foreach (Match match in Written().Matches(text))
        {
            var digits = string.Concat(match.Value.Where(char.IsAsciiDigit));
            if (digits.Length == 7)
            {
                var (year, day) = (int.Parse(digits[..4], CultureInfo.InvariantCulture), int.Parse(digits[4..], CultureInfo.InvariantCulture));
                if (day >= 1 && day <= (DateTime.IsLeapYear(year) ? 366 : 365))
                {
                    dates.Add(new DateOnly(year, 1, 1).AddDays(day - 1));
                }
            }
            else if (DateOnly.TryParseExact(digits, "yyyyMMdd", CultureInfo.InvariantCulture, DateTimeStyles.None, out var date))
            {
                dates.Add(date);
            }
        }

        return dates;
    }

    // Eight or seven digits that begin with a year of satellites, with nothing but a time of day behind them.
    [GeneratedRegex(@"(?<![0-9])(?:(?:19[7-9]|20[0-9])[0-9]([-_]?)[0-9]{2}\1[0-9]{2}|(?:19[7-9]|20[0-9])[0-9][0-3][0-9]{2})(?![0-9])", RegexOptions.CultureInvariant)]
    private static partial Regex Written();
}
