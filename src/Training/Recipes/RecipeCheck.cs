using System.Text.Json.Serialization;
using EoOnnx.Raster;

namespace EoOnnx.Training.Recipes;

/// <summary>What a recipe amounts to, found without training.</summary>
/// <param name="TrainingChips">Samples to train on.</param>
/// <param name="ValidationChips">Samples that are held out.</param>
/// <param name="Split">How they were divided.</param>
/// <param name="Bands">Channels of the model's images.</param>
/// <param name="Tile">Their edge in pixels; their width where they are not square.</param>
/// <param name="Labels">Labels of each class among the training chips; empty for measured values.</param>
public sealed record RecipeCheck(int TrainingChips, int ValidationChips, string Split, int Bands, int Tile, IReadOnlyDictionary<string, long> Labels)
{
    /// <summary>Height of the images where they are not square; null for squares.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)]
    public int? TileHeight { get; init; }

    /// <summary>Size of the images.</summary>
    [JsonIgnore]
    public PixelSize TileSize => new(Tile, TileHeight ?? Tile);

    /// <summary>Does what a run does before its first step.</summary>
    /// <exception cref="EoOnnx.Formats.EoOnnxException">Model, chips or recipe cannot be used; the message says what to change.</exception>
    public static RecipeCheck Of(TrainingRecipe recipe, CancellationToken cancellation = default)
    {
        var job = TrainingJob.Prepare(recipe, cancellation);
        var shape = job.Data.TrainingSamples.Inputs[0].Shape;
        return new RecipeCheck(
            job.Data.TrainingSamples.Count, job.Data.ValidationSamples.Count, job.Data.How, job.Data.TrainingSamples.Inputs.Where(input => !input.MayBeMissing).Sum(input => (int)input.Shape[0]), (int)shape[^1],
            job.Counts is null ? new Dictionary<string, long>() : job.Model.Manifest!.Classes.Zip(job.Counts).ToDictionary(item => item.First.Name, item => item.Second))
        {
            TileHeight = shape is [.., var rows, var columns] && rows != columns && shape.Count == 3 ? (int)rows : null,
        };
    }
}
