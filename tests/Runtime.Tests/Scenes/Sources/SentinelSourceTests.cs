using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes.Sources;

public sealed class SentinelSourceTests(SentinelSourceTests.Images images) : IClassFixture<SentinelSourceTests.Images>, IDisposable
{
    private const int Mean = 1000;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-safe-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("05.10", -1000, SentinelOffset.Auto, -1000)]
    [InlineData("05.10", null, SentinelOffset.Auto, -1000)]
    [InlineData("02.14", null, SentinelOffset.Auto, 0)]
    [InlineData("02.14", -1000, SentinelOffset.Auto, -1000)]
    [InlineData("05.10", -1000, SentinelOffset.No, 0)]
    [InlineData("02.14", null, SentinelOffset.Yes, -1000)]
    public void The_offset_is_applied_once_by_baseline_list_or_the_users_word(string baseline, int? list, SentinelOffset choice, float offset)
    {
        var safe = images.With(baseline, list);
        using var model = Model(digitalNumbers: true);
        using var reflectance = Model(digitalNumbers: false);
        using var scene = Scene.Open(model, new SceneRequest { Sources = [safe], SentinelOffset = choice });
        Assert.All(scene.Channels, channel => Assert.Equal((1f, offset), (channel.Scaling.Scale, channel.Scaling.Offset)));
        using var same = Scene.Open(reflectance, new SceneRequest { Sources = [safe], SentinelOffset = choice });
        Assert.All(same.Channels, channel => Assert.Equal((0.0001f, offset / 10_000), (channel.Scaling.Scale, channel.Scaling.Offset)));
        Assert.Contains(offset == 0 ? "no offset" : "-1000 offset", Assert.Single(scene.Notes), StringComparison.Ordinal);
        var doubtful = (baseline == "05.10") != (list is not null) && choice == SentinelOffset.Auto;
        Assert.Equal(doubtful, scene.Options.Opening!.Warnings.Any(warning => warning.Contains("--s2-offset", StringComparison.Ordinal)));
    }

    [Theory, InlineData("safe"), InlineData("xml"), InlineData("zip")]
    public async Task A_product_is_mapped_by_band_name_on_the_finest_grid_with_its_cloud_mask(string form)
    {
        var safe = images.With("05.10", -1000);
        var source = form switch { "xml" => Path.Combine(safe, "MTD_MSIL2A.xml"), "zip" => SentinelProducts.Zip(safe, _folder), _ => safe };
        using var model = Model(digitalNumbers: true);
        using var scene = Scene.Open(model, new SceneRequest { Sources = [source] }, new SceneOptions { Masks = [SceneMask.Parse("scl:9")], Overlap = TileOverlap.Parse("0") });
        Assert.Equal(["B04", "B8A", "B01"], scene.Channels.Select(channel => channel.Band));
        Assert.Equal(new PixelSize(SentinelProducts.Edge, SentinelProducts.Edge), scene.Dataset.Size);

        var map = Path.Combine(_folder, "map.tif");
        var report = await new ScenePipeline(model).RunAsync(scene, map, cancellation: TestContext.Current.CancellationToken);
        var values = TestScenes.Read<float>(map);
        for (var row = 0; row < SentinelProducts.Edge; row++)
        {
            for (var column = 0; column < SentinelProducts.Edge; column++)
            {
                var value = values[(row * SentinelProducts.Edge) + column];
                Assert.Equal(SentinelProducts.Class(column / 2, row / 2) == 9 ? float.NaN : SentinelProducts.Number("B04", column, row) - 1000 - Mean, value);
            }
        }

        Assert.Contains("once", Assert.Single(report.Notes), StringComparison.Ordinal);
        Assert.Equal(source, report.Source);
    }

    [Fact]
    public void A_product_without_its_images_or_with_another_file_is_refused_by_name()
    {
        using var model = Model(digitalNumbers: true);
        var safe = Directory.CreateDirectory(Path.Combine(_folder, "S2A_MSIL2A_X.SAFE")).FullName;
        File.WriteAllText(Path.Combine(safe, "MTD_MSIL2A.xml"), "<a><PROCESSING_BASELINE>05.10</PROCESSING_BASELINE></a>");
        Assert.Contains("MTD_MSIL2A.xml", Assert.Throws<RasterException>(() => Scene.Open(model, new SceneRequest { Sources = [safe] })).Message, StringComparison.Ordinal);
        File.WriteAllText(Path.Combine(safe, "MTD_MSIL2A.xml"), "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>");
        Assert.Contains("XML", Assert.Throws<RasterException>(() => Scene.Open(model, new SceneRequest { Sources = [safe] })).Message, StringComparison.Ordinal);
    }

    // Gives back its first channel.
    private EoModel Model(bool digitalNumbers) => EoModel.Load(TestModels.Save(_folder, $"model-{digitalNumbers}", 3, 40, (op, x) => op.Slice(x, 1, 0, 1), TestModels.Manifest(ModelTask.Regression, 3, 40) with
    {
        Bands = [new ManifestBand("red", digitalNumbers ? Mean : 0, 1), new ManifestBand("NIR_NARROW", digitalNumbers ? Mean : 0, 1), new ManifestBand("coastal", digitalNumbers ? Mean : 0, 1)],
    }));

    /// <summary>One product, whose metadata the tests rewrite: JPEG 2000 takes a while.</summary>
    public sealed class Images : IDisposable
    {
        private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-safe-images-").FullName;
        private string? _safe;

        public string With(string baseline, int? offset)
        {
            _safe ??= SentinelProducts.Write(_folder);
            SentinelProducts.Describe(_safe, baseline, offset);
            return _safe;
        }

        public void Dispose() => Directory.Delete(_folder, recursive: true);
    }
}
