using System.Text.Json;
using System.Text.RegularExpressions;

namespace EoOnnx.Formats;

/// <summary>Maps of PEFT configurations from the ends of paths to numbers: <c>rank_pattern</c> and <c>alpha_pattern</c>.</summary>
public static class PeftPattern
{
    /// <summary>The number of the first pattern that is the end of a layer's path, as PEFT matches: <c>(.*\.)?(pattern)$</c>; null when none is.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="property">Name of the map in it.</param>
    /// <param name="layer">Path of the layer.</param>
    /// <exception cref="FileFormatException">A pattern is no plain regular expression, or its value no number.</exception>
    public static double? Find(JsonElement config, string property, string layer)
    {
        if (!config.TryGetProperty(property, out var patterns) || patterns.ValueKind != JsonValueKind.Object)
        {
            return null;
        }

        foreach (var pattern in patterns.EnumerateObject())
        {
            try
            {
                if (Regex.IsMatch(layer, $@"^(.*\.)?({pattern.Name})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant))
                {
                    return pattern.Value.GetDouble();
                }
            }
            catch (Exception failure) when (failure is ArgumentException or NotSupportedException or InvalidOperationException)
            {
                throw new FileFormatException($"The {property} of the adapter has the pattern '{pattern.Name}', which is not a plain regular expression with a number: {failure.Message}", failure);
            }
        }

        return null;
    }
}
