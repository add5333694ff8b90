namespace EoOnnx.Runtime;

/// <summary>A map that is made of a scene.</summary>
/// <param name="Path">The file.</param>
/// <param name="Adapter">The adapter it is made with; borrowed. Null uses the model's own weights.</param>
public sealed record SceneOutput(string Path, EoAdapter? Adapter = null)
{
    /// <summary>Stands for the adapter's name in the name of a map.</summary>
    public const string Placeholder = "{adapter}";

    /// <summary>Names the maps of several adapters: <paramref name="output"/> holds <c>{adapter}</c>, or is a folder that gets a file for
    /// each. With at most one adapter it is the file itself.</summary>
    /// <exception cref="ArgumentException">It is neither, so that all maps would have one name.</exception>
    public static IReadOnlyList<SceneOutput> For(string output, IReadOnlyList<EoAdapter> adapters)
    {
        var pattern = Directory.Exists(output) || System.IO.Path.EndsInDirectorySeparator(output) ? System.IO.Path.Combine(output, Placeholder + ".tif") : output;
        if (adapters.Count > 1 && !pattern.Contains(Placeholder, StringComparison.Ordinal))
        {
            throw new ArgumentException($"{adapters.Count} adapters make {adapters.Count} maps, but --out names one file, {output}. Name a folder, or a pattern such as map-{Placeholder}.tif.");
        }

        return adapters.Count == 0 ? [new SceneOutput(output)] : [.. adapters.Select(adapter => new SceneOutput(pattern.Replace(Placeholder, NameOf(adapter), StringComparison.Ordinal), adapter))];
    }

    /// <summary>The name of a file that belongs to this map: {adapter} is replaced.</summary>
    internal string Named(string pattern) => Adapter is null ? pattern : pattern.Replace(Placeholder, NameOf(Adapter), StringComparison.Ordinal);

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
/// <param name="Tile">Tile edge.</param>
/// <param name="Overlap">Pixels that neighbours share.</param>
/// <param name="Tiles">Tiles of the plan.</param>
/// <param name="TileRuns">How often a tile goes through the model: every tile, symmetry and map.</param>
/// <param name="DiskBytes">What maps and work areas may take on disk while they are made.</param>
/// <param name="Memory">What the memory is for.</param>
/// <param name="Warnings">What the user should know before.</param>
public sealed record ScenePlan(int Width, int Height, int Tile, int Overlap, long Tiles, long TileRuns, long DiskBytes, MemoryPlan Memory, IReadOnlyList<string> Warnings);
