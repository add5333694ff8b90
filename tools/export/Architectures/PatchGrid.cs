namespace EoOnnx.Export.Architectures;

/// <summary>The grid of patches of a square input.</summary>
internal static class PatchGrid
{
    /// <summary>Patches along an edge.</summary>
    /// <exception cref="ExportException">The tile is no multiple of the patch.</exception>
    public static int Of(int tile, int patch) => tile % patch == 0 ? tile / patch : throw new ExportException(
        $"A tile of {tile} pixels is not a multiple of the patch, {patch} pixels; choose --tile {Math.Max(1, tile / patch) * patch}.");
}
