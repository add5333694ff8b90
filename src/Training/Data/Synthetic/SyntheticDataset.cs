using System.Globalization;

namespace EoOnnx.Training.Data.Synthetic;

/// <summary>What the labels of an invented data set say.</summary>
public enum SyntheticLabels
{
    /// <summary>Burned or not (<see cref="SyntheticScene.Truth"/>).</summary>
    Burns,

    /// <summary>What covered the ground before any fire (<see cref="SyntheticScene.LandCover"/>).</summary>
    LandCover,
}

/// <summary>Invented scenes as a labelled data set: <c>images/scene_SEED.tif</c> and <c>labels/scene_SEED.tif</c>.</summary>
/// <param name="Folder">The folder with <c>images</c> and <c>labels</c>.</param>
/// <param name="Images">The scenes, in the order of their options.</param>
/// <param name="Labels">Their labels.</param>
/// <param name="ClassNames">Names of the labels by value.</param>
public sealed record SyntheticDataset(string Folder, IReadOnlyList<string> Images, IReadOnlyList<string> Labels, IReadOnlyList<string> ClassNames)
{
    /// <summary>Makes and writes scenes.</summary>
    /// <param name="folder">Made when it does not exist; files of equal names are replaced.</param>
    /// <param name="scenes">The scenes, each with a seed of its own.</param>
    /// <param name="labels">What the labels say.</param>
    /// <param name="progress">Told the number of scenes written.</param>
    /// <param name="cancellation">Stops between scenes.</param>
    /// <exception cref="ArgumentException">Two scenes have the same seed.</exception>
    /// <exception cref="EoOnnx.Raster.RasterException">GDAL cannot write a scene; the file is not left behind.</exception>
    public static SyntheticDataset Write(
        string folder, IReadOnlyList<SyntheticSceneOptions> scenes, SyntheticLabels labels, IProgress<int>? progress = null, CancellationToken cancellation = default)
    {
        if (scenes.GroupBy(scene => scene.Seed).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"The seed {twice.Key} was given twice; each scene needs its own.", nameof(scenes));
        }

        var (imageFolder, labelFolder) = (Directory.CreateDirectory(Path.Combine(folder, "images")).FullName, Directory.CreateDirectory(Path.Combine(folder, "labels")).FullName);
        var (imageFiles, labelFiles) = (new List<string>(), new List<string>());
        foreach (var options in scenes)
        {
            cancellation.ThrowIfCancellationRequested();
            var scene = SyntheticScene.Create(options);
            var name = string.Create(CultureInfo.InvariantCulture, $"scene_{options.Seed}.tif");
            imageFiles.Add(Path.Combine(imageFolder, name));
            labelFiles.Add(Path.Combine(labelFolder, name));
            scene.WritePixels(imageFiles[^1]);
            if (labels == SyntheticLabels.Burns)
            {
                scene.WriteTruth(labelFiles[^1]);
            }
            else
            {
                scene.WriteLandCover(labelFiles[^1]);
            }

            progress?.Report(imageFiles.Count);
        }

        return new SyntheticDataset(folder, imageFiles, labelFiles, labels == SyntheticLabels.Burns ? SyntheticScene.ClassNames : SyntheticScene.LandCoverNames);
    }
}
