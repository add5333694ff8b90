using System.Text.Json.Serialization;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A map that is made of a scene.</summary>
/// <param name="Path">The file.</param>
/// <param name="Adapter">The adapter it is made with; borrowed. Null uses the model's own weights.</param>
/// <param name="Output">The output of the graph that it shows; null follows <see cref="SceneOptions.Output"/>.</param>
public sealed record SceneOutput(string Path, EoAdapter? Adapter = null, string? Output = null)
{
    /// <summary>Stands for the adapter's name in the name of a map.</summary>
    public const string Placeholder = "{adapter}";

    /// <summary>Stands for the output's name in the name of a map, where a model makes several maps.</summary>
    public const string OutputPlaceholder = "{output}";

    /// <summary>Names the maps of several adapters or outputs: <paramref name="output"/> holds <c>{adapter}</c> or <c>{output}</c>, or is a
    /// folder that gets a file for each. With at most one of each it is the file itself.</summary>
    /// <param name="output">The file, the pattern or the folder.</param>
    /// <param name="adapters">A map is made with each; none takes the model's own weights.</param>
    /// <param name="outputs">Outputs of the graph that are maps; a file that does not tell them apart shows the one that <see cref="SceneOptions.Output"/> says. Null is one map.</param>
    /// <exception cref="ArgumentException">Several adapters would have one name.</exception>
    public static IReadOnlyList<SceneOutput> For(string output, IReadOnlyList<EoAdapter> adapters, IReadOnlyList<string>? outputs = null)
    {
        var isFolder = Directory.Exists(output) || System.IO.Path.EndsInDirectorySeparator(output);
        if (outputs is { Count: > 0 } && (output.Contains(OutputPlaceholder, StringComparison.Ordinal) || (isFolder && outputs.Count > 1)))
        {
            // Names in graphs hold slashes and colons, names of files do not.
            var outputPattern = isFolder ? System.IO.Path.Combine(output, (adapters.Count > 1 ? Placeholder + "-" : "") + OutputPlaceholder + ".tif") : output;
            return [.. outputs.SelectMany(name => For(outputPattern.Replace(OutputPlaceholder, FileName(name), StringComparison.Ordinal), adapters).Select(map => map with { Output = name }))];
        }

        var pattern = isFolder ? System.IO.Path.Combine(output, Placeholder + ".tif") : output;
        if (adapters.Count > 1 && !pattern.Contains(Placeholder, StringComparison.Ordinal))
        {
            throw new ArgumentException($"{adapters.Count} adapters make {adapters.Count} maps, but --out names one file, {output}. Name a folder, or a pattern such as map-{Placeholder}.tif.");
        }

        return adapters.Count == 0 ? [new SceneOutput(output)] : [.. adapters.Select(adapter => new SceneOutput(pattern.Replace(Placeholder, NameOf(adapter), StringComparison.Ordinal), adapter))];
    }

    /// <summary>The name of a file that belongs to this map: {adapter} and {output} are replaced.</summary>
    internal string Named(string pattern)
    {
        var named = Adapter is null ? pattern : pattern.Replace(Placeholder, NameOf(Adapter), StringComparison.Ordinal);
        return Output is null ? named : named.Replace(OutputPlaceholder, FileName(Output), StringComparison.Ordinal);
    }

    private static string FileName(string output) => string.Concat(output.Select(character => char.IsAsciiLetterOrDigit(character) || character is '-' or '_' or '.' ? character : '_'));

    // Training writes RUN/adapter.safetensors: the folder tells adapters apart.
    private static string NameOf(EoAdapter adapter)
    {
        var name = System.IO.Path.GetFileNameWithoutExtension(System.IO.Path.TrimEndingDirectorySeparator(adapter.Path));
        return name.Equals("adapter", StringComparison.OrdinalIgnoreCase) && System.IO.Path.GetFileName(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(adapter.Path))) is { Length: > 0 } folder ? folder : name;
    }
}

/// <summary>What a run would need.</summary>
/// <param name="Width">Columns of the map.</param>
/// <param name="Height">Rows of the map.</param>
/// <param name="Tile">Tile edge; the width of tiles that are not square.</param>
/// <param name="Overlap">Pixels that neighbours share; those beside each other where the two numbers differ.</param>
/// <param name="Tiles">Tiles of the plan.</param>
/// <param name="TileRuns">How often a tile goes through the model: every tile, symmetry and map.</param>
/// <param name="DiskBytes">What maps and work areas may take on disk while they are made.</param>
/// <param name="Memory">What the memory is for.</param>
/// <param name="Warnings">What the user should know before.</param>
public sealed record ScenePlan(int Width, int Height, int Tile, int Overlap, long Tiles, long TileRuns, long DiskBytes, MemoryPlan Memory, IReadOnlyList<string> Warnings)
{
    /// <summary>Height of tiles that are not square; null for squares.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TileHeight { get; init; }

    /// <summary>Pixels that tiles below each other share, where it is another number; null where it is not.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? OverlapHeight { get; init; }

    /// <summary>Size of a tile.</summary>
    [JsonIgnore]
    public PixelSize TileSize => new(Tile, TileHeight ?? Tile);

    /// <summary>Pixels that neighbours share, beside and below each other.</summary>
    [JsonIgnore]
    public PixelSize OverlapSize => new(Overlap, OverlapHeight ?? Overlap);
}
