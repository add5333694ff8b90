namespace EoOnnx.Training.Recipes.Import;

/// <summary>A part of a foreign configuration without an equal counterpart.</summary>
/// <param name="Key">Its path.</param>
/// <param name="Line">Its line, from 1.</param>
/// <param name="Why">What is different.</param>
/// <param name="Nearest">What the recipe has instead, or what to do.</param>
public sealed record ImportGap(string Key, long Line, string Why, string Nearest);

/// <summary>What a configuration says about its backbone.</summary>
/// <param name="Name">Its name there.</param>
/// <param name="Bands">Names of its bands; empty are those of its pretraining.</param>
/// <param name="Frames">Dates of an image.</param>
/// <param name="Layers">Blocks whose tokens the decoder takes; empty takes the usual ones.</param>
public sealed record ImportedBackbone(string Name, IReadOnlyList<string> Bands, int Frames, IReadOnlyList<int> Layers)
{
    /// <summary>A checkpoint of its own; null takes the published weights.</summary>
    public string? Weights { get; init; }
}

/// <summary>A recipe made of a TerraTorch configuration.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Backbone">The encoder that must be exported for it.</param>
/// <param name="Gaps">What has no equal counterpart; empty when everything was converted.</param>
/// <param name="Steps">What remains to be done, as command lines or sentences.</param>
public sealed record ImportedRecipe(TrainingRecipe Recipe, ImportedBackbone Backbone, IReadOnlyList<ImportGap> Gaps, IReadOnlyList<string> Steps);
