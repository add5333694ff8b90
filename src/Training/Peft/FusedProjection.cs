namespace EoOnnx.Training.Peft;

/// <summary>Parts of a fused query-key-value projection, named as TerraTorch names them after splitting it.</summary>
internal static class FusedProjection
{
    /// <summary>Which third of the outputs a part is.</summary>
    public static readonly SortedDictionary<string, int> Parts = new(StringComparer.Ordinal) { ["q"] = 0, ["k"] = 1, ["v"] = 2 };

    public static bool IsPart(string path) => Parts.Keys.Any(part => path.EndsWith($".{part}_linear", StringComparison.Ordinal));
}
