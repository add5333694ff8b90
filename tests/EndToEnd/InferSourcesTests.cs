using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Runtime.Tests.Scenes.Sources;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>Every kind of scene that <c>infer</c> and <c>batch</c> take, through the real program.</summary>
public sealed class InferSourcesTests(InferSourcesTests.Products products) : IClassFixture<InferSourcesTests.Products>, IDisposable
{
    private const int Tile = 20;
    private const double Difference = SmallProducts.Red - SmallProducts.NearInfrared;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-infer-sources-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("landsat", "LANDSAT 8"), InlineData("mtl", "LANDSAT 8"), InlineData("hls", "HLS S30"), InlineData("item", "Sentinel-2 item"), InlineData("url", "Sentinel-2 item"), InlineData("list", "Sentinel-2 item")]
    public async Task Products_of_different_makers_give_one_map(string kind, string note)
    {
        SaveDifference();
        using var server = SmallProducts.Serve(products.Folder);
        var source = kind switch
        {
            "landsat" => products.Landsat,
            "mtl" => Directory.GetFiles(products.Landsat, "*_MTL.json")[0],
            "hls" => products.Hls,
            "item" => Path.Combine(products.Folder, "item.json"),
            "list" => Path.Combine(products.Folder, "items.json#two"),
            _ => $"{server.Address}item.json?sig=secret",
        };
        var run = (await Eoonnx.RunAsync(_folder, "infer", source, "--model", "difference.onnx", "--out", "map.tif")).Succeeded();
        Assert.Contains(note, run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", run.Output + run.Error, StringComparison.Ordinal);
        Assert.All(Read("map.tif"), value => Assert.Equal(Difference, value, 3e-5));
    }

    [Theory, InlineData("safe"), InlineData("zip"), InlineData("xml")]
    public async Task A_Sentinel_2_product_is_mapped_in_each_of_its_forms_without_its_clouds(string form)
    {
        SaveDifference();
        var source = form switch { "safe" => products.Safe, "zip" => products.Zip, _ => Path.Combine(products.Safe, "MTD_MSIL2A.xml") };
        var run = (await Eoonnx.RunAsync(_folder, "infer", source, "--model", "difference.onnx", "--out", "map.tif", "--mask", "scl:9", "--input-check", "off", "--window", "0,0,60,40")).Succeeded();
        Assert.Contains("-1000 offset", run.Output, StringComparison.Ordinal);
        var values = Read("map.tif");
        for (var i = 0; i < values.Length; i++)
        {
            var (column, row) = (i % 60, i / 60);
            Assert.Equal(SentinelProducts.Class(column / 2, row / 2) == 9, float.IsNaN(values[i]));
        }
    }

    [Fact]
    public async Task Several_files_and_a_folder_of_them_are_one_scene_on_the_grid_that_is_asked_for()
    {
        SaveDifference();
        var images = Directory.CreateDirectory(Path.Combine(_folder, "bands")).FullName;
        SmallProducts.ItemImages(images);
        string[] scaling = ["--scale", "0.0001", "--offset", "-0.1", "--model", "difference.onnx"];
        (await Eoonnx.RunAsync(_folder, ["infer", "bands/nir08.tif", "bands/red.tif", "--out", "files.tif", .. scaling])).Succeeded();
        (await Eoonnx.RunAsync(_folder, ["infer", "bands", "--out", "folder.tif", "--grid", "EPSG:32632", "--resolution", "20", .. scaling])).Succeeded();
        Assert.All(Read("files.tif"), value => Assert.Equal(Difference, value, 3e-5));
        Assert.All(Read("folder.tif").Where(value => !float.IsNaN(value)), value => Assert.Equal(Difference, value, 3e-5));
        using var moved = RasterDataset.Open(Path.Combine(_folder, "folder.tif"));
        Assert.Contains("zone 32N", moved.Projection, StringComparison.Ordinal);
        Assert.Equal(20, moved.Transform!.Value.PixelWidth);
    }

    [Fact]
    public async Task Dates_and_modalities_reach_the_model_from_the_command_line_and_from_the_list_of_a_batch()
    {
        SaveSeries();
        SaveModalities();
        foreach (var (name, value) in ((string, ushort)[])[("t1", 1), ("t2", 2), ("dem", 7)])
        {
            Constant(name, value, name == "dem" ? "DEM" : "B02");
        }

        (await Eoonnx.RunAsync(_folder, "infer", "t1.tif", "t2.tif", "--dates", "2024-01-01,2024-02-01", "--model", "series.onnx", "--out", "series.tif")).Succeeded();
        Assert.All(Read("series.tif"), value => Assert.Equal(21 + 2024 + 1 + 2024 + 32, value));
        (await Eoonnx.RunAsync(_folder, "infer", "--modality", "S2L2A=t2.tif", "--modality", "DEM=dem.tif", "--model", "modalities.onnx", "--out", "both.tif")).Succeeded();
        Assert.All(Read("both.tif"), value => Assert.Equal(2 + 700, value));

        File.WriteAllText(Path.Combine(_folder, "series.csv"), "name,sources,dates\nspring,t1.tif;t2.tif,2024-01-01;2024-02-01\nback,t2.tif;t1.tif,2024-01-01;2024-02-01\n");
        (await Eoonnx.RunAsync(_folder, "batch", "--list", "series.csv", "--model", "series.onnx", "--out-dir", "maps")).Succeeded();
        Assert.Equal(Read("series.tif"), Read("maps/spring.tif"));
        Assert.All(Read("maps/back.tif"), value => Assert.Equal(12 + 2024 + 1 + 2024 + 32, value));
        File.WriteAllText(Path.Combine(_folder, "both.csv"), "name,modality:S2L2A,modality:DEM\nboth,t2.tif,dem.tif\n");
        (await Eoonnx.RunAsync(_folder, "batch", "--list", "both.csv", "--model", "modalities.onnx", "--out-dir", "maps")).Succeeded();
        Assert.Equal(Read("both.tif"), Read("maps/both.tif"));
    }

    [Fact]
    public async Task A_batch_maps_the_products_of_a_folder_and_the_items_of_a_server()
    {
        SaveDifference();
        using var server = SmallProducts.Serve(products.Folder);
        var run = (await Eoonnx.RunAsync(_folder, "batch", $"{server.Address}items.json", "--model", "difference.onnx", "--out-dir", "maps", "--json")).Succeeded();
        Assert.Equal(["one", "two"], Statuses(run.Output).Keys);
        run = (await Eoonnx.RunAsync(_folder, "batch", products.Scenes, "--model", "difference.onnx", "--out-dir", "maps", "--resolution", "20", "--input-check", "off", "--json")).Succeeded();
        Assert.Equal(["HLS.S30.T33UUP.2020123T101031.v2.0", Path.GetFileName(products.Landsat), Path.GetFileName(products.Safe)], Statuses(run.Output).Keys);
        Assert.All(Statuses(run.Output).Values, status => Assert.Equal("done", status));
        foreach (var map in (string[])["one", "two", Path.GetFileName(products.Landsat), Path.GetFileName(products.Hls)])
        {
            Assert.All(Read($"maps/{map}.tif"), value => Assert.Equal(Difference, value, 3e-5));
        }
    }

    private static SortedDictionary<string, string> Statuses(string json)
    {
        using var summary = JsonDocument.Parse(json);
        return new SortedDictionary<string, string>(summary.RootElement.GetProperty("scenes").EnumerateArray().ToDictionary(scene => scene.GetProperty("scene").GetString()!, scene => scene.GetProperty("status").GetString()!), StringComparer.Ordinal);
    }

    private float[] Read(string map)
    {
        using var raster = RasterDataset.Open(Path.Combine(_folder, map));
        using var reader = raster.OpenReader();
        var values = new float[raster.Size.Width * raster.Size.Height];
        reader.Read<float>(new PixelWindow(0, 0, raster.Size.Width, raster.Size.Height), [1], values);
        return values;
    }

    private void Constant(string name, ushort value, string band) => GeoTiffWriter.Write<ushort>(Path.Combine(_folder, name + ".tif"), new RasterProfile
    {
        Size = new PixelSize(Tile, Tile), Type = RasterType.UInt16, Projection = "EPSG:32633", BandNames = [band], Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    }, [.. Enumerable.Repeat(value, Tile * Tile)]);

    // Red less near infrared, in reflectance.
    private void SaveDifference()
    {
        var op = new GraphBuilder("difference");
        var image = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 2, Tile, Tile));
        op.Output(op.Sub(op.Slice(image, 1, 0, 1), op.Slice(image, 1, 1, 2)), "logits");
        Save(op, "difference", new ModelManifest { Name = "difference", Family = "test", Task = ModelTask.Regression, Tile = Tile, ValueScale = 0.0001, Bands = [new ManifestBand("red", 0.1, 1), new ManifestBand("nir08", 0.1, 1)] });
    }

    // The first date, 10 times the second, and what the dates are.
    private void SaveSeries()
    {
        var op = new GraphBuilder("series");
        var image = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, 2, Tile, Tile));
        var dates = op.OverridableInput("temporal_coords", TensorData.FromValues<float>([1, 2, 2], new float[4]), new TensorShape((Dim)"dates", 2, 2));
        var frames = op.Reshape(image, -1, 2, Tile, Tile);
        op.Output(op.Add(op.Add(op.Slice(frames, 1, 0, 1), op.Mul(op.Slice(frames, 1, 1, 2), 10)), op.ReduceSum(dates, keepDims: false, 0, 1, 2)), "logits");
        Save(op, "series", new ModelManifest { Name = "series", Family = "test", Task = ModelTask.Regression, Tile = Tile, Frames = 2, Bands = [new ManifestBand("B02")], OptionalInputs = [new ManifestInput("temporal_coords", "")] });
    }

    private void SaveModalities()
    {
        var op = new GraphBuilder("modalities");
        var optical = op.Input("S2L2A", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        var height = op.Input("DEM", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        op.Output(op.Add(optical, op.Mul(height, 100)), "logits");
        Save(op, "modalities", new ModelManifest
        {
            Name = "modalities", Family = "test", Task = ModelTask.Regression, Tile = Tile, Bands = [new ManifestBand("B02")],
            Modalities = [new ManifestModality("S2L2A", "S2L2A", "image", [new ManifestBand("B02")]), new ManifestModality("DEM", "DEM", "image", [new ManifestBand("DEM")])],
        });
    }

    private void Save(GraphBuilder builder, string name, ModelManifest manifest)
    {
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = manifest.ToJson();
        model.Save(Path.Combine(_folder, name + ".onnx"));
    }

    /// <summary>The products, written once: JPEG 2000 takes a while.</summary>
    public sealed class Products : IDisposable
    {
        public Products()
        {
            Scenes = Directory.CreateDirectory(Path.Combine(Folder, "scenes")).FullName;
            (Landsat, Hls) = (SmallProducts.Landsat(Scenes), SmallProducts.Hls(Scenes));
            Safe = SentinelProducts.Write(Scenes);
            Directory.GetFiles(Scenes, "*.tif*").ToList().ForEach(File.Delete);
            SentinelProducts.Describe(Safe, "05.10", -1000);
            Zip = SentinelProducts.Zip(Safe, Folder);
            SmallProducts.ItemImages(Folder);
            File.WriteAllText(Path.Combine(Folder, "item.json"), SmallProducts.Item("alone"));
            File.WriteAllText(Path.Combine(Folder, "items.json"), SmallProducts.ItemCollection(SmallProducts.Item("one"), SmallProducts.Item("two")));
        }

        public string Folder { get; } = Directory.CreateTempSubdirectory("eoonnx-products-").FullName;

        public string Scenes { get; }

        public string Landsat { get; }

        public string Hls { get; }

        public string Safe { get; }

        public string Zip { get; }

        public void Dispose() => Directory.Delete(Folder, recursive: true);
    }
}
