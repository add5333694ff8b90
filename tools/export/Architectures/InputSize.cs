using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>Height and width of a model's input in pixels.</summary>
internal readonly record struct InputSize(int Height, int Width)
{
    /// <summary>The size that the options ask for: <see cref="BackboneOptions.Tile"/> high and <see cref="BackboneOptions.TileWidth"/> wide.</summary>
    /// <param name="options">What is exported.</param>
    /// <param name="usual">Edge where the options say nothing.</param>
    public static InputSize Of(BackboneOptions options, int usual) => new(options.Tile ?? usual, options.TileWidth ?? options.Tile ?? usual);

    /// <summary>Edge of a square input; null when it is not square.</summary>
    public int? Edge => Height == Width ? Height : null;

    /// <summary>What the manifest says of an input that is not square; null when it is.</summary>
    public ManifestTileSize? Oblong => Edge is null ? new ManifestTileSize(Height, Width) : null;

    /// <summary>Rows and columns of patches.</summary>
    /// <exception cref="ExportException">A side is no multiple of the patch.</exception>
    public (int Rows, int Columns) Patches(int patch) =>
        (Count(Height, patch, "--tile"), Count(Width, patch, Edge is null ? "--tile-width" : "--tile"));

    private static int Count(int pixels, int patch, string option) => pixels % patch == 0 ? pixels / patch : throw new ExportException(
        $"A tile of {pixels} pixels is not a multiple of the patch, {patch} pixels; choose {option} {Math.Max(1, pixels / patch) * patch}.");
}
