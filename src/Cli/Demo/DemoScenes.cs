using EoOnnx.Training.Data.Synthetic;

namespace EoOnnx.Cli.Demo;

/// <summary>The files that the demo works on: chips of scene A to train on, scene B to be mapped, and the truth of both.</summary>
internal sealed record DemoScenes
{
    /// <summary>Edge of a training chip in pixels.</summary>
    public const int Chip = 64;

    private const int TrainingSeed = 2, EvaluationSeed = 3;

    /// <summary>Folder with <c>images</c> and <c>labels</c> of scene A.</summary>
    public required string TrainingFolder { get; init; }

    /// <summary>Number of chips in it.</summary>
    public required int Chips { get; init; }

    /// <summary>Folder with <c>images</c> and <c>labels</c> of scene B, as one chip.</summary>
    public required string EvaluationFolder { get; init; }

    /// <summary>Scene B.</summary>
    public required string Scene { get; init; }

    /// <summary>What burned in scene B.</summary>
    public required string Truth { get; init; }

    /// <summary>Scene B.</summary>
    /// <exception cref="ArgumentOutOfRangeException">No scene can have this edge.</exception>
    public static SyntheticSceneOptions SceneOf(int size) => SyntheticSceneOptions.Hard(EvaluationSeed) with { Size = size };

    /// <summary>Makes both scenes and writes them below <paramref name="folder"/>; A's edge is twice that of B, so that there is enough to learn from.</summary>
    public static DemoScenes Write(string folder, SyntheticSceneOptions options, IProgress<Step> progress, CancellationToken cancellation)
    {
        var (training, evaluation) = (Path.Combine(folder, "train"), Path.Combine(folder, "evaluate"));
        progress.Report(new Step("scenes", 0, "making scene A"));
        var a = SyntheticScene.Create(options with { Seed = TrainingSeed, Size = 2 * options.Size });
        cancellation.ThrowIfCancellationRequested();
        progress.Report(new Step("scenes", 0.4, "cutting scene A into chips"));
        Directory.CreateDirectory(folder);
        var chips = a.WriteChips(training, Chip, a.Truth);
        a.WritePixels(Path.Combine(folder, "scene_a.tif"));
        cancellation.ThrowIfCancellationRequested();
        progress.Report(new Step("scenes", 0.6, "making scene B"));
        var b = SyntheticScene.Create(options);
        var (images, labels) = (Directory.CreateDirectory(Path.Combine(evaluation, "images")).FullName, Directory.CreateDirectory(Path.Combine(evaluation, "labels")).FullName);
        var (scene, truth) = (Path.Combine(images, "scene_b.tif"), Path.Combine(labels, "scene_b.tif"));
        b.WritePixels(scene);
        b.WriteTruth(truth);
        progress.Report(new Step("scenes", 1, $"{chips} chips of scene A, scene B of {options.Size} x {options.Size} pixels"));
        return new DemoScenes { TrainingFolder = training, Chips = chips, EvaluationFolder = evaluation, Scene = scene, Truth = truth };
    }
}
