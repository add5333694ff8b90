using System.Text.Json;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>Names and shapes of the weights of a published variant.</summary>
internal static class OfficialShapes
{
    public static void AssertEqual(string file, IEnumerable<(string Name, long[] Shape)> shapes)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(file));
        var official = document.RootElement.GetProperty("tensors").EnumerateObject()
            .Select(tensor => $"{tensor.Name} [{string.Join(", ", tensor.Value.EnumerateArray().Select(extent => extent.GetInt64()))}]");
        Assert.Equal(official.Order(StringComparer.Ordinal), shapes.Select(item => $"{item.Name} [{string.Join(", ", item.Shape)}]").Order(StringComparer.Ordinal));
    }
}
