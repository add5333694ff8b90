using System.Text.Json;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>Names and shapes of the weights of a published variant.</summary>
internal static class OfficialShapes
{
    /// <param name="file">The names and shapes of a whole checkpoint.</param>
    /// <param name="shapes">What we make.</param>
    /// <param name="ignored">Beginning of names that an encoder rightly lacks.</param>
    public static void AssertEqual(string file, IEnumerable<(string Name, long[] Shape)> shapes, string? ignored = null)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        var official = document.RootElement.GetProperty("tensors").EnumerateObject()
            .Where(tensor => ignored is null || !tensor.Name.StartsWith(ignored, StringComparison.Ordinal))
            .Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Value.EnumerateArray().Select(extent => extent.GetInt64()))}]");
        Assert.Equal(official.Order(StringComparer.Ordinal), shapes.Select(item => $"{item.Name} [{string.Join(", ", item.Shape)}]").Order(StringComparer.Ordinal));
    }
}
