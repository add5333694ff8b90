using System.Text.Json;

namespace EoOnnx.Training.Adapters;

/// <summary>A setting in which two recipes differ.</summary>
/// <param name="Setting">Its path, as <c>optimizer.learningRate</c>.</param>
/// <param name="First">Its JSON in the first recipe; null when it is not set there.</param>
/// <param name="Second">Its JSON in the second.</param>
public sealed record RecipeDifference(string Setting, string? First, string? Second)
{
    /// <summary>All settings in which two recipes differ, in ordinal order.</summary>
    /// <param name="first">A recipe as JSON, or null.</param>
    /// <param name="second">Another.</param>
    public static IReadOnlyList<RecipeDifference> Between(string? first, string? second)
    {
        var (before, now) = (Settings(first), Settings(second));
        return [.. before.Keys.Union(now.Keys).Order(StringComparer.Ordinal).Where(key => before.GetValueOrDefault(key) != now.GetValueOrDefault(key))
            .Select(key => new RecipeDifference(key, before.GetValueOrDefault(key), now.GetValueOrDefault(key)))];
    }

    private static Dictionary<string, string> Settings(string? json)
    {
        var settings = new Dictionary<string, string>(StringComparer.Ordinal);
        if (json is not null)
        {
            using var document = JsonDocument.Parse(json);
            Add("", document.RootElement);
        }

        return settings;

        void Add(string path, JsonElement element)
        {
            if (element.ValueKind == JsonValueKind.Object)
            {
                foreach (var member in element.EnumerateObject())
                {
                    Add(path.Length == 0 ? member.Name : $"{path}.{member.Name}", member.Value);
                }
            }
            else
            {
                settings[path] = element.GetRawText();
            }
        }
    }
}
