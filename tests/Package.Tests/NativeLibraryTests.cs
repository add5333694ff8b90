using System.Runtime.InteropServices;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.Package.Tests;

public sealed class NativeLibraryTests : IDisposable
{
    private const int Tile = 16, Bias = 5;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-native-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_C_program_opens_models_runs_scenes_follows_and_cancels_them_and_reads_errors()
    {
        Assert.SkipUnless(RuntimeInformation.IsOSPlatform(OSPlatform.Linux), "The C program is compiled and linked as on Linux.");
        var compiler = Tool.Find("gcc", "gcc libc6-dev");
        var library = Path.Combine(_folder, "library");
        await Tool.RunAsync(SharedData.Repository, "dotnet", "publish", "src/Native", "-c", PackedFeed.Configuration, "--no-build", "-o", library, "-nologo", "-v", "quiet");
        var program = Path.Combine(_folder, "host");
        await Tool.RunAsync(_folder, compiler, "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I", library, "-o", program,
            Path.Combine(AppContext.BaseDirectory, "Native", "host.c"), "-L", library, "-leoonnx_native", $"-Wl,-rpath,{library}", "-lpthread");
        var said = await Tool.RunAsync(_folder, program, Model(), Scene("scene", 50), Path.Combine(_folder, "map.tif"), Scene("big", 1500), Path.Combine(_folder, "big-map.tif"),
            Adapter(), Path.Combine(_folder, "adapted.tif"));
        Assert.Equal("0 failures", said.Trim());
        Assert.Equal(Pixels(50).Select(value => 2 * value), Read("map.tif"));
        Assert.Equal(Pixels(50).Select(value => (2 * value) + Bias), Read("adapted.tif"));
        using var quantised = RasterDataset.Open(Path.Combine(_folder, "map.tif.quantised.tif"));
        Assert.Equal(RasterType.Int16, quantised.Bands[0].Type);
    }

    [Fact]
    public void The_header_names_every_option_that_the_library_takes()
    {
        var header = File.ReadAllText(Path.Combine(SharedData.Repository, "src", "Native", "include", "eoonnx.h"));
        var source = File.ReadAllText(Path.Combine(SharedData.Repository, "src", "Native", "NativeOptions.cs"));
        var members = System.Text.RegularExpressions.Regex.Matches(source, @"internal sealed record \w+Options\((?<members>[^)]*)\)").SelectMany(record =>
            System.Text.RegularExpressions.Regex.Matches(record.Groups["members"].Value, @"(\w+) =").Select(member => System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(member.Groups[1].Value))).ToList();
        Assert.Contains("keepWork", members);
        Assert.All(members, member => Assert.Contains($"\"{member}\"", header, StringComparison.Ordinal));
    }

    private float[] Read(string name)
    {
        using var map = RasterDataset.Open(Path.Combine(_folder, name));
        using var reader = map.OpenReader();
        var pixels = new float[50 * 50];
        reader.Read(new PixelWindow(0, 0, 50, 50), [1], pixels);
        return pixels;
    }

    [Fact]
    public void Header_and_library_export_the_same_functions()
    {
        var header = File.ReadAllText(Path.Combine(SharedData.Repository, "src", "Native", "include", "eoonnx.h"));
        var exports = System.Text.RegularExpressions.Regex.Matches(File.ReadAllText(Path.Combine(SharedData.Repository, "src", "Native", "Exports.cs")), "EntryPoint = \"(\\w+)\"").Select(match => match.Groups[1].Value);
        var declared = System.Text.RegularExpressions.Regex.Matches(header, @"^(?:const )?\w+ \*?(eoonnx_\w+)\(", System.Text.RegularExpressions.RegexOptions.Multiline).Select(match => match.Groups[1].Value);
        Assert.Equal(exports.Order(StringComparer.Ordinal), declared.Order(StringComparer.Ordinal));
    }

    private string Model()
    {
        var builder = new GraphBuilder("twice");
        var image = builder.Input("image", ElementType.Float, new TensorShape((Dim)"batch", 1, Tile, Tile));
        builder.Output(builder.Add(builder.Mul(image, 2f), builder.OverridableInput("head.bias", TensorData.FromValues<float>([1], [0f]))), "logits");
        var model = new OnnxModel(builder.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest { Name = "twice", Family = "test", Task = ModelTask.Regression, Tile = Tile, Bands = [new ManifestBand("B01")] }.ToJson();
        var path = Path.Combine(_folder, "twice.onnx");
        model.Save(path);
        return path;
    }

    private string Adapter()
    {
        var path = Path.Combine(_folder, "bias.safetensors");
        SafetensorsFile.Write(path, [KeyValuePair.Create("head.bias", TensorData.FromValues<float>([1], [Bias]))], new Dictionary<string, string>());
        return path;
    }

    private string Scene(string name, int edge)
    {
        var path = Path.Combine(_folder, name + ".tif");
        GeoTiffWriter.Write<float>(path, new RasterProfile
        {
            Size = new PixelSize(edge, edge), Type = RasterType.Float32, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
        }, Pixels(edge));
        return path;
    }

    private static float[] Pixels(int edge) => [.. Enumerable.Range(0, edge * edge).Select(i => (float)(i % 251))];
}
