using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class SceneEmbeddingTests : IDisposable
{
    private const int Tile = 32, Patch = 8, Bands = 2, Width = 5, Side = Tile / Patch;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-embed-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Output => Path.Combine(_folder, "embedding.tif");

    [Theory, InlineData("tokens", 1), InlineData("tokens", 2), InlineData("map", 1)]
    public async Task Each_pixel_is_the_direct_answer_of_the_encoder_for_its_patch(string kind, int frames)
    {
        using var model = Encoder(kind, frames);
        var (scene, pixels) = Scene(100, 75, frames);
        using var opened = scene;
        var report = await new ScenePipeline(model).RunAsync(scene, Output, new SceneOptions { Embedding = new EmbeddingOptions(), Overlap = 2 * Patch });
        var embedding = TestScenes.Read<float>(Output);
        using var map = RasterDataset.Open(Output);
        Assert.Equal(new PixelSize(13, 10), map.Size);
        Assert.Equal(scene.Transform!.Value.Moved(0, 0, Patch), map.Transform);
        Assert.Equal((frames * Width, Patch), (report.Embedding!.Channels, report.Embedding.Cell));
        AssertDirect(model, kind, frames, pixels, scene.Size, embedding, map.Size);
    }

    [Theory, InlineData("tokens", 2), InlineData("map", 1)]
    public async Task A_large_scene_in_many_strips_and_panels_holds_the_direct_answers_everywhere(string kind, int frames)
    {
        using var model = Encoder(kind, frames);
        var (scene, pixels) = Scene(611, 502, frames);
        using var opened = scene;
        var report = await new ScenePipeline(model).RunAsync(scene, Output, new SceneOptions { Embedding = new EmbeddingOptions(), Overlap = 2 * Patch, Batch = 5, Readers = 3, PanelTiles = 7 });
        using var map = RasterDataset.Open(Output);
        Assert.Equal(new PixelSize(77, 63), map.Size);
        Assert.True(report.Plan is { Panels: > 3, Tiles: > 1000 }, $"{report.Plan.Panels} panels, {report.Plan.Tiles} tiles");
        AssertDirect(model, kind, frames, pixels, scene.Size, TestScenes.Read<float>(Output), map.Size);
    }

    // Every patch of every tile, where the tile owns it.
    private static void AssertDirect(EoModel model, string kind, int frames, float[] pixels, PixelSize scene, float[] embedding, PixelSize size)
    {
        var plan = TilePlan.Create(scene, new TilePlanOptions { Tile = Tile, Overlap = 2 * Patch, Patch = Patch, AlignToPatch = true });
        var compared = 0;
        foreach (var tile in plan.Tiles())
        {
            var direct = Direct(model, kind, frames, pixels, scene, tile.Read);
            for (var y = tile.Own.Y; y < tile.Own.Bottom; y += Patch)
            {
                for (var x = tile.Own.X; x < tile.Own.Right; x += Patch, compared++)
                {
                    for (var band = 0; band < frames * Width; band++)
                    {
                        Assert.Equal(direct(band, (y - tile.Read.Y) / Patch, (x - tile.Read.X) / Patch), embedding[(((band * size.Height) + (y / Patch)) * size.Width) + (x / Patch)]);
                    }
                }
            }
        }

        Assert.Equal(size.Width * size.Height, compared);
    }

    [Theory, InlineData(EmbeddingPool.Mean), InlineData(EmbeddingPool.Class)]
    public async Task With_one_pixel_a_tile_it_is_the_mean_of_the_patches_or_the_class_token(EmbeddingPool pool)
    {
        using var model = Encoder("tokens", 1);
        var (scene, pixels) = Scene(70, 40, 1);
        using var opened = scene;
        var embedding = await new ScenePipeline(model).MapAsync(scene, new SceneOptions { Embedding = new EmbeddingOptions { Pool = pool } });
        Assert.Equal((new PixelSize(3, 2), scene.Transform!.Value.Moved(0, 0, Tile)), (embedding.Profile.Size, embedding.Profile.Transform));
        for (var row = 0; row < 2; row++)
        {
            for (var column = 0; column < 3; column++)
            {
                var tokens = Tokens(model, pixels, scene.Size, new PixelWindow(column * Tile, row * Tile, Tile, Tile));
                for (var band = 0; band < Width; band++)
                {
                    var expected = pool == EmbeddingPool.Class ? tokens[band] : Enumerable.Range(1, Side * Side).Average(token => tokens[(token * Width) + band]);
                    Assert.Equal(expected, embedding.Band<float>(band + 1)[(row * 3) + column], 1e-4f);
                }
            }
        }
    }

    [Fact]
    public async Task Half_precision_is_stored_in_16_bits_and_bytes_with_a_scale_for_each_band_come_back_within_half_a_step()
    {
        using var model = Encoder("tokens", 1);
        var (scene, _) = Scene(150, 130, 1);
        using var opened = scene;
        var pipeline = new ScenePipeline(model);
        await pipeline.RunAsync(scene, Output, new SceneOptions { Embedding = new EmbeddingOptions() });
        var exact = TestScenes.Read<float>(Output);
        var (half, bytes) = (Path.Combine(_folder, "half.tif"), Path.Combine(_folder, "bytes.tif"));
        await pipeline.RunAsync(scene, half, new SceneOptions { Embedding = new EmbeddingOptions { Storage = EmbeddingStorage.Half } });
        Assert.Equal(exact.Select(value => (float)(Half)value), TestScenes.Read<float>(half));
        Assert.Contains("NBITS=16", GdalInfo(half), StringComparison.Ordinal);
        var report = await pipeline.RunAsync(scene, bytes, new SceneOptions { Embedding = new EmbeddingOptions { Storage = EmbeddingStorage.Byte } });
        var stored = TestScenes.Read<byte>(bytes);
        using var map = RasterDataset.Open(bytes);
        Assert.Equal(255, map.Bands[0].NoData);
        for (var i = 0; i < stored.Length; i++)
        {
            var band = map.Bands[i / (stored.Length / Width)];
            if (stored[i] is > 0 and < 254)
            {
                Assert.InRange(Math.Abs((stored[i] * band.Scale) + band.Offset - exact[i]), 0, 0.501 * band.Scale);
            }
        }

        Assert.All(report.Warnings, warning => Assert.DoesNotContain("NaN", warning, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_patch_with_less_than_half_of_its_pixels_is_missing()
    {
        using var model = Encoder("map", 1);
        var pixels = TestScenes.Pixels(64, 64, Bands, seed: 3, holes: 0);
        for (var i = 0; i < Patch * Patch; i++)
        {
            // Patch (1, 0) keeps half of its pixels, patch (2, 0) one less, patch (3, 3) none.
            Clear(Patch + (i % Patch), i / Patch, i >= Patch * Patch / 2);
            Clear((2 * Patch) + (i % Patch), i / Patch, i >= (Patch * Patch / 2) - 1);
            Clear((3 * Patch) + (i % Patch), (3 * Patch) + (i / Patch), true);
        }

        using var scene = RasterDataset.Open(TestScenes.Write(_folder, "holes", 64, 64, Bands, pixels));
        var report = await new ScenePipeline(model).RunAsync(scene, Output, new SceneOptions { Embedding = new EmbeddingOptions() });
        var embedding = TestScenes.Read<float>(Output);
        Assert.Equal([(2, 0), (3, 3)], Enumerable.Range(0, 64).Where(i => float.IsNaN(embedding[i])).Select(i => (i % 8, i / 8)));
        Assert.Equal((64, 62), (report.Pixels.Total, report.Pixels.Predicted));

        void Clear(int x, int y, bool clears)
        {
            for (var band = 0; band < Bands && clears; band++)
            {
                pixels[(((band * 64) + y) * 64) + x] = TestScenes.Missing;
            }
        }
    }

    [Theory, InlineData(EmbeddingStorage.Single), InlineData(EmbeddingStorage.Byte)]
    public async Task Panels_and_a_cancelled_run_give_the_same_bytes(EmbeddingStorage storage)
    {
        using var model = Encoder("tokens", 1);
        var (scene, _) = Scene(190, 210, 1);
        using var opened = scene;
        var options = new SceneOptions { Embedding = new EmbeddingOptions { Storage = storage }, Batch = 3, Deterministic = true, Companions = new MapCompanions { QuickLook = MapCompanions.Beside } };
        await new ScenePipeline(model).RunAsync(scene, Output, options);
        var (panels, resumed) = (Path.Combine(_folder, "panels.tif"), Path.Combine(_folder, "resumed.tif"));
        await new ScenePipeline(model).RunAsync(scene, panels, options with { PanelTiles = 2 });
        Assert.Equal(File.ReadAllBytes(Output), File.ReadAllBytes(panels));
        var random = new Random(2);
        for (var attempts = 0; !File.Exists(resumed); attempts++)
        {
            Assert.True(attempts < 100);
            using var stop = new CancellationTokenSource();
            var progress = new StopAfter(random.Next(2, 30), stop);
            try
            {
                await new ScenePipeline(model).RunAsync(scene, resumed, options, progress, stop.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.False(File.Exists(resumed));
            }
        }

        Assert.Equal(File.ReadAllBytes(Output), File.ReadAllBytes(resumed));
        Assert.Equal(File.ReadAllBytes(Path.ChangeExtension(Output, ".png")), File.ReadAllBytes(Path.ChangeExtension(resumed, ".png")));
    }

    [Fact]
    public async Task What_an_embedding_cannot_be_is_refused_by_name()
    {
        using var model = Encoder("map", 1);
        var (scene, _) = Scene(64, 64, 1);
        using var opened = scene;
        await Refused<ModelException>("has no class token", new SceneOptions { Embedding = new EmbeddingOptions { Pool = EmbeddingPool.Class } });
        await Refused<ArgumentException>("--tta", new SceneOptions { Embedding = new EmbeddingOptions(), Augmentation = TestTimeAugmentation.D4 });
        await Refused<ArgumentException>("choose one", new SceneOptions { Embedding = new EmbeddingOptions(), Content = MapContent.Class });
        await Refused<ArgumentException>("do not overlap", new SceneOptions { Embedding = new EmbeddingOptions { Pool = EmbeddingPool.Mean }, Overlap = 8 });
        await Refused<RasterException>("tile 32, overlap 4, patch 8", new SceneOptions { Embedding = new EmbeddingOptions(), Overlap = 4 });
        using var classes = EoModel.Load(TestScenes.Threshold(_folder, Tile));
        var failure = await Assert.ThrowsAsync<ModelException>(() => new ScenePipeline(classes).MapAsync(scene, new SceneOptions { Embedding = new EmbeddingOptions() }));
        Assert.Contains("names no features", failure.Message, StringComparison.Ordinal);

        async Task Refused<T>(string expected, SceneOptions options) where T : Exception =>
            Assert.Contains(expected, (await Assert.ThrowsAsync<T>(() => new ScenePipeline(model).MapAsync(scene, options))).Message, StringComparison.Ordinal);
    }

    // A patch embedding: a convolution whose kernel is the patch, frame by frame.
    private EoModel Encoder(string kind, int frames)
    {
        var builder = new GraphBuilder("encoder");
        var image = builder.Input("image", ElementType.Float, frames == 1 ? new TensorShape((Dim)"batch", Bands, Tile, Tile) : new TensorShape((Dim)"batch", Bands, frames, Tile, Tile));
        var random = new Random(5);
        var kernel = builder.Initializer("kernel", TensorData.FromValues<float>([Width, Bands, Patch, Patch], [.. Enumerable.Range(0, Width * Bands * Patch * Patch).Select(_ => random.NextSingle() - 0.5f)]));
        var maps = Enumerable.Range(0, frames).Select(frame => builder.Conv(frames == 1 ? image : builder.Reshape(builder.Slice(image, 2, frame, frame + 1), 0, Bands, Tile, Tile), kernel, null, [Patch, Patch], [0, 0, 0, 0])).ToList();
        if (kind == "map")
        {
            builder.Output(maps[0], "features");
        }
        else
        {
            var patches = maps.Select(map => builder.Transpose(builder.Reshape(map, 0, Width, Side * Side), 0, 2, 1)).ToArray();
            builder.Output(builder.Concat(1, [builder.Mul(builder.Slice(patches[0], 1, 0, 1), 3), .. patches]), "features");
        }

        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = (TestModels.Manifest(ModelTask.Features, Bands, Tile) with
        {
            Patch = Patch, Frames = frames, Bands = [new ManifestBand("B01"), new ManifestBand("B02")],
            Features = [new ManifestFeature("features", kind, Width, kind == "map" ? 0 : 1, Side, Side)],
        }).ToJson();
        var path = Path.Combine(_folder, $"{kind}-{frames}.onnx");
        model.Save(path);
        return EoModel.Load(path);
    }

    private (RasterDataset Scene, float[] Pixels) Scene(int width, int height, int frames)
    {
        var pixels = TestScenes.Pixels(width, height, Bands * frames, seed: 8, holes: 0);
        return (RasterDataset.Open(TestScenes.Write(_folder, $"scene-{width}-{frames}", width, height, Bands * frames, pixels)), pixels);
    }

    private static Func<int, int, int, float> Direct(EoModel model, string kind, int frames, float[] pixels, PixelSize size, PixelWindow read)
    {
        var answer = Tokens(model, pixels, size, read, frames);
        return kind == "map"
            ? (band, row, column) => answer[(((band * Side) + row) * Side) + column]
            : (band, row, column) => answer[((1 + (band / Width * Side * Side) + (row * Side) + column) * Width) + (band % Width)];
    }

    // What the encoder says about a tile, reflected at the scene's edge.
    private static float[] Tokens(EoModel model, float[] pixels, PixelSize size, PixelWindow read, int frames = 1)
    {
        var channels = pixels.Length / (size.Width * size.Height);
        var image = new float[channels * Tile * Tile];
        for (var i = 0; i < image.Length; i++)
        {
            var (x, y) = (TileAxis.Reflect(read.X + (i % Tile), size.Width), TileAxis.Reflect(read.Y + (i / Tile % Tile), size.Height));
            var plane = i / (Tile * Tile); // [channel, frame] of the model, [frame, channel] of the scene
            image[i] = pixels[((((plane % frames * Bands) + (plane / frames)) * size.Height + y) * size.Width) + x];
        }

        return model.Run(image, frames == 1 ? [1, channels, Tile, Tile] : [1, Bands, frames, Tile, Tile], ["features"])[0].ToSingles();
    }

    private static string GdalInfo(string path)
    {
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("gdalinfo", [path]) { RedirectStandardOutput = true })!;
        return process.StandardOutput.ReadToEnd();
    }

    private sealed class StopAfter(int reports, CancellationTokenSource stop) : IProgress<SceneProgress>
    {
        private int _seen;

        public void Report(SceneProgress value)
        {
            if (Interlocked.Increment(ref _seen) == reports)
            {
                stop.Cancel();
            }
        }
    }
}
