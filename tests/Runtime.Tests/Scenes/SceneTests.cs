using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class SceneTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-scene-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData("B02", "B04"), InlineData("B04", "B02")]
    public async Task Files_become_one_scene_matched_by_name_in_any_order(string first, string second)
    {
        using var model = Sum(1, 10);
        Constant("x_B02_10m.tif", 20, 20, 10, 3);
        Constant("x_B04_10m.tif", 20, 20, 10, 5);
        using var scene = Open(model, new SceneRequest { Sources = [In($"x_{first}_10m.tif"), In($"x_{second}_10m.tif")] });
        Assert.Equal(["B02", "B04"], scene.Channels.Select(channel => channel.Band));
        Assert.All(await MapAsync(model, scene), value => Assert.Equal(3 + 50, value));
    }

    [Fact]
    public async Task A_folder_is_its_files_and_a_coarse_band_lies_on_the_fine_grid()
    {
        using var model = Sum(1, 10);
        Constant("B02.tif", 40, 40, 10, 3);
        Constant("B04.tif", 20, 20, 20, 5);
        using var scene = Open(model, new SceneRequest { Sources = [_folder] });
        Assert.Equal(new PixelSize(40, 40), scene.Dataset.Size);
        Assert.All(await MapAsync(model, scene), value => Assert.Equal(3 + 50, value));
    }

    [Fact]
    public void Resolution_model_resolution_and_another_system_choose_the_grid()
    {
        using var model = Sum(1, 10);
        var files = new[] { Constant("B02.tif", 40, 40, 10, 3), Constant("B04.tif", 20, 20, 20, 5) };
        using (var coarse = Open(model, new SceneRequest { Sources = files, Resolution = 25 }))
        {
            Assert.Equal((new PixelSize(16, 16), 25d), (coarse.Dataset.Size, coarse.Dataset.Transform!.Value.PixelWidth));
        }

        using (var trained = Open(model, new SceneRequest { Sources = files, ResampleToModel = true }))
        {
            Assert.Equal(new PixelSize(20, 20), trained.Dataset.Size);
            Assert.Empty(trained.Options.Opening!.Warnings);
        }

        using (var plain = Open(model, new SceneRequest { Sources = [files[0], files[1]] }))
        {
            Assert.Contains("--resample-to-model", Assert.Single(plain.Options.Opening!.Warnings), StringComparison.Ordinal);
        }

        using var moved = Open(model, new SceneRequest { Sources = files, Grid = "EPSG:32632" });
        Assert.Contains("zone 32N", moved.Dataset.Projection, StringComparison.Ordinal);
        Assert.True(moved.Dataset.Transform!.Value.IsNorthUp);
    }

    [Fact]
    public void Another_system_is_refused_with_both_names_and_the_flag_and_accepted_with_it()
    {
        using var model = Sum(1, 10);
        var one = Constant("B02.tif", 40, 40, 10, 3);
        var other = Constant("B04.tif", 40, 40, 10, 5, "EPSG:32632");
        var message = Assert.Throws<RasterException>(() => Open(model, new SceneRequest { Sources = [one, other] })).Message;
        Assert.All(["zone 33N", "zone 32N", "--grid"], part => Assert.Contains(part, message, StringComparison.Ordinal));
        using var scene = Open(model, new SceneRequest { Sources = [one, other], Grid = "utm" });
        Assert.Contains("UTM", scene.Dataset.Projection, StringComparison.Ordinal);
    }

    [Fact]
    public void A_rotated_scene_needs_a_grid()
    {
        using var model = Sum(1);
        var path = In("B02.tif");
        GeoTiffWriter.Write<ushort>(path, TestScenes.Profile(30, 30, 1, RasterType.UInt16) with { Transform = new GeoTransform(300_000, 8, 6, 5_000_000, 6, -8) }, new ushort[900]);
        using var scene = Open(model, new SceneRequest { Sources = [path], Grid = "EPSG:32633" });
        Assert.True(scene.Dataset.Transform!.Value.IsNorthUp);
        Assert.True(scene.Dataset.Size.Width > 30);
    }

    [Fact]
    public async Task Dates_become_the_time_axis_in_the_order_given()
    {
        using var model = Series(frames: 3);
        string[] files = [Constant("t1.tif", 20, 20, 10, 1, names: ["B02"]), Constant("t2.tif", 20, 20, 10, 2, names: ["blue"]), Constant("t3.tif", 20, 20, 10, 3, names: ["B2"])];
        using var scene = Open(model, new SceneRequest { Sources = files });
        Assert.Equal(["B02 @1", "blue @2", "B2 @3"], scene.Channels.Select(channel => channel.Band));
        // The model weighs the frames 1, 10, 100 and adds what the dates are.
        Assert.All(await MapAsync(model, scene), value => Assert.Equal(321, value));

        using var dated = Open(model, new SceneRequest { Sources = files, Dates = [Day(2024, 1, 1), Day(2024, 2, 1), Day(2024, 12, 31)] });
        Assert.All(await MapAsync(model, dated), value => Assert.Equal(321 + 2024 + 1 + 2024 + 32 + 2024 + 366, value));
    }

    [Fact]
    public async Task Frames_choose_among_the_sources_and_put_them_in_order_with_their_dates()
    {
        using var model = Series(frames: 3);
        string[] files = [.. Enumerable.Range(1, 5).Select(i => Constant($"t{i}.tif", 20, 20, 10, (ushort)i, names: ["B02"]))];
        using var scene = Open(model, new SceneRequest { Sources = files, Frames = [5, 1, 2], Dates = [.. Enumerable.Range(1, 5).Select(month => Day(2023, 1, month))] });
        Assert.All(await MapAsync(model, scene), value => Assert.Equal(5 + 10 + 200 + (3 * 2023) + 5 + 1 + 2, value));
        Assert.Empty(scene.Options.Opening!.Warnings);
        Assert.Contains("names the source 6; there are 5", Refusal(new SceneRequest { Sources = files, Frames = [1, 2, 6] }), StringComparison.Ordinal);
        Assert.Contains("takes 3 dates; 2 sources", Refusal(new SceneRequest { Sources = files, Frames = [1, 2] }), StringComparison.Ordinal);
        using var single = Sum(1);
        Assert.Contains("takes one date", Assert.Throws<ArgumentException>(() => Open(single, new SceneRequest { Sources = [files[0]], Frames = [1] })).Message, StringComparison.Ordinal);

        string Refusal(SceneRequest request) => Assert.Throws<ArgumentException>(() => Open(model, request)).Message;
    }

    [Fact]
    public void Dates_that_do_not_ascend_are_told_with_the_flag_that_orders_them()
    {
        using var model = Series(frames: 3);
        var file = Constant("t.tif", 20, 20, 10, 1, names: ["B02"]);
        using var scene = Open(model, new SceneRequest { Sources = [file, file, file], Dates = [Day(2024, 3, 1), Day(2024, 1, 1), Day(2024, 2, 1)] });
        Assert.Contains("--frames", Assert.Single(scene.Options.Opening!.Warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(2, 0, "takes 3 dates; 2 sources")]
    [InlineData(3, 2, "--dates has 2 dates for 3 sources")]
    public void The_count_of_dates_must_match(int sources, int dates, string expected)
    {
        using var model = Series(frames: 3);
        var file = Constant("t.tif", 20, 20, 10, 1, names: ["B02"]);
        var request = new SceneRequest { Sources = [.. Enumerable.Repeat(file, sources)], Dates = [.. Enumerable.Repeat(Day(2024, 1, 1), dates)] };
        Assert.Contains(expected, Assert.Throws<ArgumentException>(() => Open(model, request)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Each_modality_feeds_its_own_input_on_one_grid()
    {
        using var model = Modalities();
        var optical = Constant("s2.tif", 40, 40, 10, 3, names: ["B02", "B04"]);
        var height = Constant("dem.tif", 20, 20, 20, 7, names: ["DEM"]);
        using var scene = Open(model, new SceneRequest { Modalities = new Dictionary<string, string> { ["DEM"] = height, ["S2L2A"] = optical } });
        Assert.Equal(["B02 of S2L2A", "B04 of S2L2A", "DEM of DEM"], scene.Channels.Select(channel => channel.Band));
        Assert.All(await MapAsync(model, scene), value => Assert.Equal((3 * 1) + (3 * 10) + (7 * 100), value));
    }

    [Fact]
    public async Task Bands_of_a_modality_are_chosen_behind_its_name()
    {
        using var model = Modalities();
        var optical = Constant("s2.tif", 20, 20, 10, 0, names: ["first", "second", "third"], values: [3, 4, 5]);
        var height = Constant("dem.tif", 20, 20, 10, 7, names: ["DEM"]);
        var request = new SceneRequest { Modalities = new Dictionary<string, string> { ["DEM"] = height, ["S2L2A"] = optical } };
        using var scene = Scene.Open(model, request, new SceneOptions { Bands = ["s2l2a:third", "1"], Overwrite = true, Overlap = TileOverlap.Parse("0") });
        Assert.All(await MapAsync(model, scene), value => Assert.Equal(5 + (3 * 10) + (7 * 100), value));
        Assert.Contains("'S1'", Refusal("S1:1"), StringComparison.Ordinal);
        Assert.Contains("--bands S2L2A:third,…", Refusal("third"), StringComparison.Ordinal);

        string Refusal(string band) => Assert.Throws<ArgumentException>(() => Scene.Open(model, request, new SceneOptions { Bands = [band] })).Message;
    }

    [Theory]
    [InlineData("S2L2A", "needs the modalities S2L2A, DEM; DEM is not given")]
    [InlineData("S2L2A,DEM,LULC", "has no modality 'LULC'")]
    [InlineData("", "name the source of each: --modality S2L2A=FILE --modality DEM=FILE")]
    public void A_missing_or_unknown_modality_is_named(string given, string expected)
    {
        using var model = Modalities();
        var file = Constant("s2.tif", 20, 20, 10, 3, names: ["B02", "B04"]);
        var request = given.Length == 0 ? new SceneRequest { Sources = [file] } : new SceneRequest { Modalities = given.Split(',').ToDictionary(name => name, _ => file) };
        Assert.Contains(expected, Assert.ThrowsAny<Exception>(() => Open(model, request)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_scene_of_files_resumes_and_tags_alike_whatever_its_name_in_memory()
    {
        using var model = Sum(1, 10);
        string[] files = [Constant("B02.tif", 40, 40, 10, 3), Constant("B04.tif", 20, 20, 20, 5)];
        var digests = new List<string>();
        for (var i = 0; i < 2; i++)
        {
            using var scene = Open(model, new SceneRequest { Sources = files });
            await MapAsync(model, scene);
            using var map = RasterDataset.Open(In("map.tif"));
            digests.Add(map.Metadata["EOONNX_SOURCE"] + map.Metadata["EOONNX_SOURCE_DIGEST"]);
        }

        Assert.Equal(digests[0], digests[1]);
        Assert.DoesNotContain("vsimem", digests[0], StringComparison.Ordinal);
    }

    private static DateTimeOffset Day(int year, int month, int day) => new(year, month, day, 0, 0, 0, TimeSpan.Zero);

    private static Scene Open(EoModel model, SceneRequest request) => Scene.Open(model, request, new SceneOptions { Overwrite = true, Overlap = TileOverlap.Parse("0") });

    private async Task<float[]> MapAsync(EoModel model, Scene scene)
    {
        await new ScenePipeline(model).RunAsync(scene, In("map.tif"), cancellation: TestContext.Current.CancellationToken);
        return TestScenes.Read<float>(In("map.tif"));
    }

    // Sum of its bands B02, B04, … times the weights; trained on 20 m.
    private EoModel Sum(params float[] weights)
    {
        string[] names = ["B02", "B04", "B08"];
        return EoModel.Load(TestModels.Save(_folder, $"sum-{weights.Length}", weights.Length, Tile, (op, x) => Weighted(op, x, weights), TestModels.Manifest(ModelTask.Regression, weights.Length, Tile) with
        {
            Bands = [.. weights.Select((_, i) => new ManifestBand(names[i]))], GroundResolutionMetres = 20,
        }));
    }

    private EoModel Series(int frames)
    {
        var op = new GraphBuilder("series");
        var image = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, frames, Tile, Tile));
        var dates = op.OverridableInput("temporal_coords", RandomTensors.Constant([1, frames, 2], 0), new TensorShape((Dim)"dates", frames, 2));
        op.Output(op.Add(Weighted(op, op.Reshape(image, -1, frames, Tile, Tile), [.. Enumerable.Range(0, frames).Select(i => MathF.Pow(10, i))]), op.ReduceSum(dates, keepDims: false, 0, 1, 2)), "logits");
        return Load("series", op, TestModels.Manifest(ModelTask.Regression, 1, Tile) with { Bands = [new ManifestBand("B02")], Frames = frames, OptionalInputs = [new ManifestInput("temporal_coords", "")] });
    }

    private EoModel Modalities()
    {
        var op = new GraphBuilder("modalities");
        var optical = op.Input("S2L2A", ElementType.Float, new TensorShape((Dim)"batch", 2, Tile, Tile));
        var height = op.Input("DEM", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        op.Output(op.Add(Weighted(op, optical, [1, 10]), op.Mul(height, 100)), "logits");
        return Load("modalities", op, TestModels.Manifest(ModelTask.Regression, 2, Tile) with
        {
            Modalities = [new ManifestModality("S2L2A", "S2L2A", "image", [new ManifestBand("B02"), new ManifestBand("B04")]), new ManifestModality("DEM", "DEM", "image", [new ManifestBand("DEM")])],
        });
    }

    private EoModel Load(string name, GraphBuilder builder, ModelManifest manifest)
    {
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = manifest.ToJson();
        model.Save(In(name + ".onnx"));
        return EoModel.Load(In(name + ".onnx"));
    }

    private static Value Weighted(GraphBuilder op, Value x, float[] weights) =>
        weights.Select((weight, i) => op.Mul(op.Slice(x, 1, i, i + 1), weight)).Aggregate((sum, next) => op.Add(sum, next));

    private string In(string name) => Path.Combine(_folder, name);

    private string Constant(string name, int width, int height, double metres, ushort value, string projection = "EPSG:32633", string[]? names = null, ushort[]? values = null)
    {
        var bands = names?.Length ?? 1;
        GeoTiffWriter.Write<ushort>(In(name), TestScenes.Profile(width, height, bands, RasterType.UInt16) with { Projection = projection, BandNames = names ?? [], Transform = new GeoTransform(300_000, metres, 0, 5_000_000, 0, -metres) },
            [.. Enumerable.Range(0, bands).SelectMany(band => Enumerable.Repeat(values?[band] ?? value, width * height))]);
        return In(name);
    }
}
