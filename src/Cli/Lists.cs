using System.CommandLine.Parsing;
using System.Globalization;
using System.Numerics;

namespace EoOnnx.Cli;

/// <summary>Values that a user writes with commas between them.</summary>
internal static class Lists
{
    /// <summary><c>1,2,3</c> as whole numbers from 0.</summary>
    public static int[] Integers(ArgumentResult argument) => Parse<int>(argument, NumberStyles.None, "is not a whole number; expected a list such as 1,2,3.");

    /// <summary><c>2,5,-1</c> as whole numbers.</summary>
    public static int[] SignedIntegers(ArgumentResult argument) => Parse<int>(argument, NumberStyles.AllowLeadingSign, "is not a whole number; expected a list such as 2,5,-1.");

    /// <summary><c>0.49,0.56</c> as numbers.</summary>
    public static double[] Numbers(ArgumentResult argument) => Parse<double>(argument, NumberStyles.Float, "is not a number; expected a list such as 0.49,0.56.");

    /// <summary><c>a,b,c</c> as texts.</summary>
    public static string[] Texts(ArgumentResult argument) =>
        [.. argument.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];

    /// <summary><c>2024-05-01,2024-06-01</c> as dates, in UTC.</summary>
    public static DateTimeOffset[] Dates(ArgumentResult argument)
    {
        var dates = new List<DateTimeOffset>();
        foreach (var text in Texts(argument))
        {
            if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var date))
            {
                argument.AddError($"'{text}' is no date; expected a list such as 2024-05-01,2024-06-01.");
                return [];
            }

            dates.Add(date);
        }

        return [.. dates];
    }

    private static T[] Parse<T>(ArgumentResult argument, NumberStyles styles, string complaint) where T : INumberBase<T>
    {
        var numbers = new List<T>();
        foreach (var text in Texts(argument))
        {
            if (!T.TryParse(text, styles, CultureInfo.InvariantCulture, out var number))
            {
                argument.AddError($"'{text}' {complaint}");
                return [];
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }
}
