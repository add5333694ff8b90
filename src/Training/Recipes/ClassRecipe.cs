namespace EoOnnx.Training.Recipes;

/// <summary>A class of a recipe.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Value">Its value in the label files; null is its place in the list, from 0.</param>
public sealed record ClassRecipe(string Name, int? Value = null)
{
    /// <summary>Reads <c>water</c> or <c>water=80</c>.</summary>
    /// <exception cref="ArgumentException">There is no name, or the value is no whole number.</exception>
    public static ClassRecipe Parse(string text)
    {
        var parts = text.Split('=', 2, StringSplitOptions.TrimEntries);
        return parts[0].Length == 0 ? throw new ArgumentException($"The class '{text}' has no name; write water or water=80.", nameof(text))
            : parts.Length == 1 ? new ClassRecipe(parts[0])
            : int.TryParse(parts[1], System.Globalization.NumberStyles.AllowLeadingSign, System.Globalization.CultureInfo.InvariantCulture, out var value) ? new ClassRecipe(parts[0], value)
            : throw new ArgumentException($"The class '{text}' has the label value '{parts[1]}', which is no whole number.", nameof(text));
    }
}
