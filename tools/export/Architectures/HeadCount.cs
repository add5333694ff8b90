namespace EoOnnx.Export.Architectures;

/// <summary>The number of attention heads, which the shapes of the weights cannot tell.</summary>
internal static class HeadCount
{
    // ViT-Ti, S, B, L and H, in which all families publish.
    private static readonly SortedDictionary<long, int> Published = new() { [192] = 3, [384] = 6, [768] = 12, [1024] = 16, [1280] = 16 };

    /// <summary>The number that every published vision transformer of a width has.</summary>
    /// <exception cref="ExportException">No published one has this width.</exception>
    public static int Usual(string source, long width) => Published.TryGetValue(width, out var heads) ? heads : throw new ExportException(
        $"{source}: the number of attention heads is not known. Shapes do not tell it, and no published model is {width} wide (they are {string.Join(", ", Published.Keys)}); give it with --heads.");
}
