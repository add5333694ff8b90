using System.CommandLine.Parsing;
using System.Globalization;

namespace EoOnnx.Cli;

/// <summary>Values that a user writes with commas between them.</summary>
internal static class Lists
{
    /// <summary><c>1,2,3</c> as numbers.</summary>
    public static int[] Integers(ArgumentResult argument)
    {
        var numbers = new List<int>();
        foreach (var text in Texts(argument))
        {
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                argument.AddError($"'{text}' is not a whole number; expected a list such as 1,2,3.");
                return [];
            }

            numbers.Add(number);
        }

        return [.. numbers];
    }

    /// <summary><c>a,b,c</c> as texts.</summary>
    public static string[] Texts(ArgumentResult argument) =>
        [.. argument.Tokens.SelectMany(token => token.Value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))];
}
