using EoOnnx.Raster;
using EoOnnx.Training.Data;
using EoOnnx.Training.Data.Synthetic;

namespace EoOnnx.Training.Tests.Data.Synthetic;

public sealed class SyntheticDatasetTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-synthetic-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(SyntheticLabels.Burns), InlineData(SyntheticLabels.LandCover)]
    public void Every_scene_becomes_a_labelled_image_that_training_reads(SyntheticLabels labels)
    {
        var dataset = SyntheticDataset.Write(_folder, [.. new[] { 5, 6 }.Select(seed => SyntheticSceneOptions.Hard(seed) with { Size = 64 })], labels);
        var source = new RasterChipSource(ChipFolder.Find(new ChipFolderOptions { Folder = _folder }), new RasterChipOptions());
        Assert.Equal(["scene_5", "scene_6"], source.Chips.Select(chip => chip.Name));
        var (image, values) = (new float[6 * 64 * 64], new float[64 * 64]);
        source.Read(1, new PixelWindow(0, 0, 64, 64), image, values);
        var scene = SyntheticScene.Create(SyntheticSceneOptions.Hard(6) with { Size = 64 });
        Assert.Equal(scene.Pixels.ToArray().Select(value => (float)value), image);
        var expected = labels == SyntheticLabels.Burns ? scene.Truth : scene.LandCover;
        Assert.Equal(expected.ToArray().Select(value => value == SyntheticScene.Unknown && labels == SyntheticLabels.Burns ? float.NaN : value), values);
        Assert.All(values.Where(float.IsFinite), value => Assert.InRange(value, 0, dataset.ClassNames.Count - 1));
    }

    [Fact]
    public void Two_scenes_of_one_seed_are_refused_with_the_seed() => Assert.Contains(
        "seed 7", Assert.Throws<ArgumentException>(() => SyntheticDataset.Write(_folder, [SyntheticSceneOptions.Hard(7), SyntheticSceneOptions.Plain(7)], SyntheticLabels.Burns)).Message, StringComparison.Ordinal);
}
