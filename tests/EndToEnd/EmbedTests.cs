using System.Diagnostics;
using System.Text.Json;
using EoOnnx.Export;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Runtime;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx embed</c> through the real program, with encoders as the exporter writes them.</summary>
public sealed class EmbedTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-embed-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Every family of images that has a small size with random weights.</summary>
    public static TheoryData<string> Families() => [.. Backbones.All.Where(family => family.Sizes is ["tiny" or "18", ..]).Select(family => family.Name)];

    [Theory, MemberData(nameof(Families))]
    public async Task Every_patch_of_a_scene_is_what_the_exported_encoder_says_about_the_tile_that_owns_it(string family)
    {
        var backbone = Backbones.Find(family);
        var exported = BackboneExport.FromRandom(backbone, backbone.Sizes[0], 3, new BackboneOptions { Bands = backbone.DefaultBands.Count > 0 ? null : ["B02", "B03", "B04"], Layers = [-1] });
        exported.Model.Save(Path.Combine(_folder, "encoder.onnx"));
        using var model = EoModel.Load(Path.Combine(_folder, "encoder.onnx"));
        var (tile, bands, feature) = (exported.Manifest.Tile!.Value, exported.Manifest.Bands.Count, exported.Manifest.Features[^1]);
        var side = feature.GridHeight;
        var (cell, overlap) = (tile / side, 2 * (tile / side));
        Assert.Equal(side * cell, tile);
        // Three tiles across and two down, neither a multiple of a patch: the last ones hang over the scene.
        var scene = new PixelSize((2 * tile) + (tile / 4) + 3, tile + (tile / 3) + 1);
        var pixels = Enumerable.Range(0, bands * scene.Width * scene.Height).Select(i => (ushort)(1 + (i * 7919L % 3000))).ToArray();
        WriteScene(scene.Width, scene.Height, [.. exported.Manifest.Bands.Select(band => band.Id)], pixels);
        (await Eoonnx.RunAsync(_folder, "embed", "scene.tif", "--model", "encoder.onnx", "--out", "embedding.tif", "--input-check", "off", "--scale", "1", "--offset", "0", "--overlap", $"{overlap}")).Succeeded();

        var (read, size) = ReadEmbedding();
        Assert.Equal(((scene.Width + cell - 1) / cell, (scene.Height + cell - 1) / cell), (size.Width, size.Height));
        var compared = 0;
        foreach (var place in TilePlan.Create(scene, new TilePlanOptions { Tile = tile, Overlap = overlap, Patch = cell, AlignToPatch = true }).Tiles())
        {
            var image = new float[bands * tile * tile];
            for (var i = 0; i < image.Length; i++)
            {
                var (band, y, x) = (i / (tile * tile), TileAxis.Reflect(place.Read.Y + (i / tile % tile), scene.Height), TileAxis.Reflect(place.Read.X + (i % tile), scene.Width));
                var statistics = exported.Manifest.Bands[band];
                image[i] = (float)((pixels[(((band * scene.Height) + y) * scene.Width) + x] - statistics.Mean) / statistics.StandardDeviation);
            }

            var answer = model.Run(image, [1, bands, tile, tile], [feature.Output])[0].ToSingles();
            for (var y = place.Own.Y; y < place.Own.Bottom; y += cell)
            {
                for (var x = place.Own.X; x < place.Own.Right; x += cell, compared++)
                {
                    var patch = ((y - place.Read.Y) / cell * side) + ((x - place.Read.X) / cell);
                    for (var band = 0; band < feature.Channels; band++)
                    {
                        var expected = feature.Kind == "map" ? answer[(band * side * side) + patch] : answer[((feature.PrefixTokens + patch) * feature.Channels) + band];
                        Assert.Equal(expected, read[(((band * size.Height) + (y / cell)) * size.Width) + (x / cell)], 2e-3f * Math.Max(1, Math.Abs(expected)));
                    }
                }
            }
        }

        Assert.Equal(size.Width * size.Height, compared);
    }

    [Fact]
    public async Task The_shipped_encoder_embeds_a_scene_with_picture_report_and_place_and_a_second_run_is_refused()
    {
        var encoder = Path.Combine(AppContext.BaseDirectory, "models", "demo-encoder.onnx");
        using (var model = EoModel.Load(encoder))
        {
            WriteScene(200, 150, [.. model.Manifest.Bands.Select(band => band.Id)], [.. Enumerable.Range(0, model.Manifest.Bands.Count * 200 * 150).Select(i => (ushort)(1 + (i * 7919L % 3000)))]);
        }

        string[] command = ["embed", "scene.tif", "--model", encoder, "--out", "embedding.tif", "--type", "int8", "--quicklook", "--stac", "--input-check", "off"];
        var run = (await Eoonnx.RunAsync(_folder, [.. command, "--json"])).Succeeded();
        using var report = JsonDocument.Parse(run.Output);
        var embedding = report.RootElement.GetProperty("embedding");
        Assert.Equal("embedding", report.RootElement.GetProperty("content").GetString());
        var cell = embedding.GetProperty("cell").GetInt32();
        using var info = GdalInfo("embedding.tif");
        Assert.Equal(embedding.GetProperty("channels").GetInt32(), info.RootElement.GetProperty("bands").GetArrayLength());
        Assert.Equal([300_000, 10.0 * cell, 0, 5_000_000, 0, -10.0 * cell], info.RootElement.GetProperty("geoTransform").EnumerateArray().Select(item => item.GetDouble()));
        Assert.Equal("COG", info.RootElement.GetProperty("metadata").GetProperty("IMAGE_STRUCTURE").GetProperty("LAYOUT").GetString());
        Assert.True(info.RootElement.GetProperty("bands")[0].GetProperty("scale").GetDouble() > 0);
        Assert.All(["embedding.png", "embedding.report.html", "embedding.stac.json"], file => Assert.True(File.Exists(Path.Combine(_folder, file)), file));
        Assert.DoesNotContain("thinned", File.ReadAllText(Path.Combine(_folder, "embedding.report.html")), StringComparison.Ordinal);

        var again = await Eoonnx.RunAsync(_folder, command);
        Assert.Equal(1, again.ExitCode);
        Assert.Contains("--overwrite", again.Error, StringComparison.Ordinal);
        var pooled = (await Eoonnx.RunAsync(_folder, "embed", "scene.tif", "--model", encoder, "--out", "tiles.tif", "--pool", "mean", "--input-check", "off")).Succeeded();
        Assert.Contains("one pixel for", pooled.Output, StringComparison.Ordinal);
        Assert.Equal(2, (await Eoonnx.RunAsync(_folder, "embed", "scene.tif", "--model", encoder, "--out", "x.tif", "--pool", "max")).ExitCode);
    }

    private (float[] Values, PixelSize Size) ReadEmbedding()
    {
        using var map = RasterDataset.Open(Path.Combine(_folder, "embedding.tif"));
        using var reader = map.OpenReader();
        var values = new float[map.Size.Width * map.Size.Height * map.Bands.Count];
        reader.Read(new PixelWindow(0, 0, map.Size.Width, map.Size.Height), [.. Enumerable.Range(1, map.Bands.Count)], values);
        return (values, map.Size);
    }

    private void WriteScene(int width, int height, IReadOnlyList<string> bands, ushort[] pixels) => GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), new RasterProfile
    {
        Size = new PixelSize(width, height), BandCount = bands.Count, Type = RasterType.UInt16, NoData = 0, Projection = "EPSG:32633", BandNames = bands,
        Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    }, pixels);

    private JsonDocument GdalInfo(string file)
    {
        using var process = Process.Start(new ProcessStartInfo("gdalinfo", ["-json", Path.Combine(_folder, file)]) { RedirectStandardOutput = true })!;
        return JsonDocument.Parse(process.StandardOutput.ReadToEnd());
    }
}
