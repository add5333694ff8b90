using System.Globalization;

namespace EoOnnx.Export.Checkpoints;

/// <summary>Explains why names are missing: another prefix, or a name that is nearly the same.</summary>
internal static class ClosestNames
{
    private const int MostCompared = 20_000;

    /// <summary>A sentence, or null when nothing is close.</summary>
    /// <param name="missing">The names that are looked for; at least one.</param>
    /// <param name="present">The names that exist.</param>
    public static string? Explain(IReadOnlyList<string> missing, IReadOnlyList<string> present)
    {
        var wanted = missing[0];
        foreach (var name in present)
        {
            if (name.Length > wanted.Length && name.EndsWith('.' + wanted, StringComparison.Ordinal))
            {
                var prefix = name[..^wanted.Length];
                var known = present.ToHashSet(StringComparer.Ordinal);
                return missing.Count == 1
                    ? $"There is '{name}': does the prefix '{prefix}' differ?"
                    : string.Create(CultureInfo.InvariantCulture, $"With the prefix '{prefix}' there are {missing.Count(item => known.Contains(prefix + item))} of them: does a prefix differ?");
            }

            if (wanted.Length > name.Length && wanted.EndsWith('.' + name, StringComparison.Ordinal))
            {
                return $"There is '{name}': does the prefix '{wanted[..^name.Length]}' differ?";
            }
        }

        var (closest, distance) = ("", (wanted.Length / 4) + 1);
        foreach (var name in present.Where(name => Math.Abs(name.Length - wanted.Length) < distance).Take(MostCompared))
        {
            if (Distance(wanted, name, distance) is var found && found < distance)
            {
                (closest, distance) = (name, found);
            }
        }

        return closest.Length > 0 ? $"The closest name is '{closest}'." : null;
    }

    /// <summary>Levenshtein's distance, or <paramref name="limit"/> when it is not below that.</summary>
    private static int Distance(string left, string right, int limit)
    {
        var (previous, current) = (new int[right.Length + 1], new int[right.Length + 1]);
        for (var column = 0; column <= right.Length; column++)
        {
            previous[column] = column;
        }

        for (var row = 1; row <= left.Length; row++)
        {
            var least = current[0] = row;
            for (var column = 1; column <= right.Length; column++)
            {
                var change = previous[column - 1] + (left[row - 1] == right[column - 1] ? 0 : 1);
                current[column] = Math.Min(change, 1 + Math.Min(previous[column], current[column - 1]));
                least = Math.Min(least, current[column]);
            }

            if (least >= limit)
            {
                return limit;
            }

            (previous, current) = (current, previous);
        }

        return Math.Min(previous[right.Length], limit);
    }
}
