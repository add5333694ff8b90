using EoOnnx.Raster;
using EoOnnx.Training.Baselines;
using EoOnnx.Training.Data;
using EoOnnx.Training.Data.Synthetic;

namespace EoOnnx.Training.Tests.Baselines;

public sealed class IndexThresholdTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-threshold-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_rule_fitted_on_one_plain_scene_works_on_another()
    {
        var (training, evaluation) = (Chips("a", SyntheticSceneOptions.Plain(1)), Chips("b", SyntheticSceneOptions.Plain(4)));
        var rule = IndexThreshold.Fit(training, 3, 5);
        Assert.InRange(rule.Threshold, -0.3, 0.1);
        Assert.True(rule.Evaluate(training).IoU[1] > 0.75, $"{rule.Evaluate(training).IoU[1]}");
        Assert.True(rule.Evaluate(evaluation).IoU[1] > 0.5, $"{rule.Evaluate(evaluation).IoU[1]}");
    }

    [Fact]
    public void No_neighbouring_threshold_is_better_on_the_chips_it_was_fitted_on()
    {
        var chips = Chips("a", SyntheticSceneOptions.Hard(2));
        var rule = IndexThreshold.Fit(chips, 3, 5);
        var best = rule.Evaluate(chips).IoU[1];
        Assert.All([-0.05, -0.01, 0.01, 0.05], step => Assert.True((rule with { Threshold = rule.Threshold + step }).Evaluate(chips).IoU[1] <= best + 1e-9));
    }

    [Fact]
    public void Missing_bands_and_missing_classes_are_refused_by_name()
    {
        var chips = Chips("a", SyntheticSceneOptions.Plain(1));
        Assert.Contains("the chips have 6", Assert.Throws<TrainingDataException>(() => IndexThreshold.Fit(chips, 3, 6)).Message, StringComparison.Ordinal);
        var bare = new ArrayChipSource([new ArrayChip("empty", new PixelSize(2, 2), new float[8], new float[4])]);
        Assert.Contains("class 1", Assert.Throws<TrainingDataException>(() => IndexThreshold.Fit(bare, 0, 1)).Message, StringComparison.Ordinal);
    }

    private RasterChipSource Chips(string name, SyntheticSceneOptions options)
    {
        var scene = SyntheticScene.Create(options with { Size = 256 });
        var folder = Path.Combine(_folder, name);
        scene.WriteChips(folder, 128, scene.Truth);
        return new RasterChipSource(ChipFolder.Find(new ChipFolderOptions { Folder = folder }));
    }
}
