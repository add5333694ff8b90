using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using nietras.SeparatedValues;

namespace EoOnnx.Runtime;

/// <summary>What became of a scene.</summary>
public enum SceneStatus
{
    /// <summary>It was mapped in this run.</summary>
    Done,

    /// <summary>The same job had finished its map before.</summary>
    Skipped,

    /// <summary>It could not be mapped.</summary>
    Failed,

    /// <summary>The batch ended before it was mapped.</summary>
    Cancelled,
}

/// <summary>One scene of a summary.</summary>
/// <param name="Scene">Its name.</param>
/// <param name="Status">What became of it.</param>
/// <param name="Map">Its map.</param>
/// <param name="Pixels">Pixels of the map; null without one.</param>
/// <param name="Seconds">How long it took in this run.</param>
/// <param name="SquareKilometres">Area with a value in the map; null when it is not known.</param>
/// <param name="Classes">The classes of a class map with their areas.</param>
/// <param name="Error">Why it failed.</param>
public sealed record SceneOutcome(string Scene, SceneStatus Status, string Map, long? Pixels, double Seconds, double? SquareKilometres, IReadOnlyList<ClassReport> Classes, string? Error)
{
    /// <summary>An outcome without a map.</summary>
    public static SceneOutcome Without(BatchScene scene, SceneStatus status, double seconds = 0, string? error = null) =>
        new(scene.Name, status, scene.Map, null, seconds, null, [], error);
}

/// <summary>What was done to many scenes: <c>summary.json</c> and <c>summary.csv</c>.</summary>
/// <param name="Scenes">Every scene of the batch, in its order.</param>
/// <param name="Seconds">From start to end.</param>
public sealed record BatchReport(IReadOnlyList<SceneOutcome> Scenes, double Seconds)
{
    /// <summary>Version of this structure.</summary>
    public int Version { get; init; } = 1;

    /// <summary>How many scenes ended so.</summary>
    public int Count(SceneStatus status) => Scenes.Count(scene => scene.Status == status);

    /// <summary>Writes <c>summary.csv</c> and <c>summary.json</c> to a folder, each atomically.</summary>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public void Save(string folder)
    {
        Directory.CreateDirectory(folder);
        AtomicFile.WriteText(Path.Combine(folder, "summary.json"), JsonSerializer.Serialize(this, BatchReportJson.Default.BatchReport) + "\n");
        AtomicFile.WriteText(Path.Combine(folder, "summary.csv"), ToCsv());
    }

    /// <summary>One line a scene: name, status, pixels, seconds, area, area of each class in km², error, map.</summary>
    public string ToCsv()
    {
        var classes = Scenes.SelectMany(scene => scene.Classes).OrderBy(item => item.Id).Select(item => item.Name).Distinct(StringComparer.Ordinal).ToArray();
        using var writer = Sep.New(',').Writer(options => options with { Escape = true }).ToText();
        foreach (var scene in Scenes)
        {
            using var row = writer.NewRow();
            row["scene"].Set(scene.Scene);
            row["status"].Set(JsonNamingPolicy.CamelCase.ConvertName(scene.Status.ToString()));
            row["px"].Set(Number(scene.Pixels));
            row["seconds"].Format(Math.Round(scene.Seconds, 3));
            row["km2"].Set(Number(scene.SquareKilometres));
            foreach (var name in classes)
            {
                row["km2 " + name].Set(Number(scene.Classes.FirstOrDefault(item => item.Name == name)?.SquareKilometres));
            }

            row["error"].Set(scene.Error ?? "");
            row["map"].Set(scene.Map);
        }

        return writer.ToString();
    }

    private static string Number<T>(T? value) where T : struct, IFormattable => value?.ToString(null, CultureInfo.InvariantCulture) ?? "";
}
