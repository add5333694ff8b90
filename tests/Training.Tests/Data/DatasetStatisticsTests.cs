using EoOnnx.Training.Data;
using EoOnnx.Training.Data.Synthetic;

namespace EoOnnx.Training.Tests.Data;

public sealed class DatasetStatisticsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-statistics-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Bands_and_labels_of_all_chips_are_counted_once()
    {
        var scene = SyntheticScene.Create(SyntheticSceneOptions.Hard(5) with { Size = 128 });
        scene.WriteChips(_folder, 64, scene.Truth);
        var statistics = DatasetStatistics.Of(new RasterChipSource(ChipFolder.Find(new ChipFolderOptions { Folder = _folder })));

        Assert.Equal(4, statistics.Chips);
        Assert.Equal(SyntheticScene.BandNames, statistics.BandNames);
        Assert.Equal(scene.Pixels.ToArray().Take(128 * 128).Average(value => (double)value), statistics.Bands[0].Mean, 1e-6 * statistics.Bands[0].Mean);
        var truth = scene.Truth.ToArray();
        Assert.Equal(truth.Count(value => value == SyntheticScene.Unknown), statistics.MissingLabels);
        Assert.Equal(truth.Count(value => value == SyntheticScene.Burned), statistics.Labels.Single(label => label.Value == SyntheticScene.Burned).Pixels);
        Assert.Equal(1, statistics.Labels.Sum(label => label.Share), 12);
    }
}
