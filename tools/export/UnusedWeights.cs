using EoOnnx.Export.Checkpoints;

namespace EoOnnx.Export;

/// <summary>Tensors of a checkpoint that no part of the exported model wanted.</summary>
internal static class UnusedWeights
{
    private const int MostNamed = 5;

    /// <summary>One sentence about them, or nothing when there are none.</summary>
    /// <param name="weights">The weights, after the graph has been built.</param>
    /// <param name="expected">Beginnings of names that an encoder rightly leaves aside: heads, decoders, blocks behind the last output.</param>
    public static IReadOnlyList<string> Warn(StateDict weights, params IReadOnlyList<string> expected)
    {
        var unused = weights.Unused.Where(name => !expected.Any(beginning => name.StartsWith(beginning, StringComparison.Ordinal))).ToList();
        return unused.Count == 0 ? [] :
            [$"{unused.Count} tensors of {weights.Source} are not part of the exported model: {string.Join(", ", unused.Take(MostNamed))}{(unused.Count > MostNamed ? ", …" : "")}."];
    }
}
