using System.Security.Cryptography;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary><c>eoonnx export</c> through the real program.</summary>
public sealed class ExportTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-export-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_random_DOFA_base_is_written_and_inspected()
    {
        (await Eoonnx.RunAsync(_folder, "export", "dofa", "--random", "--size", "base", "--seed", "1", "--out", "b.onnx")).Succeeded();
        var inspected = (await Eoonnx.RunAsync(_folder, "inspect", "b.onnx", "--json")).Succeeded();
        using var json = JsonDocument.Parse(inspected.Output);
        var manifest = json.RootElement.GetProperty("manifest");
        Assert.Equal("dofa", manifest.GetProperty("family").GetString());
        Assert.Equal(9, manifest.GetProperty("bands").GetArrayLength());
        Assert.Equal(224, manifest.GetProperty("tile").GetInt32());
        Assert.Matches("^[0-9a-f]{64}$", manifest.GetProperty("weightsSha256").GetString());
        Assert.InRange(json.RootElement.GetProperty("parameters").GetInt64(), 85_000_000, 90_000_000);
    }

    [Fact]
    public async Task A_file_for_CUDA_has_fused_attention_and_one_for_any_place_standard_operators_only()
    {
        string[] command = ["export", "vit", "--random", "--size", "tiny"];
        (await Eoonnx.RunAsync(_folder, [.. command, "--out", "any.onnx"])).Succeeded();
        (await Eoonnx.RunAsync(_folder, [.. command, "--out", "openvino.onnx", "--for", "openvino"])).Succeeded();
        (await Eoonnx.RunAsync(_folder, [.. command, "--out", "cuda.onnx", "--for", "cuda"])).Succeeded();
        (await Eoonnx.RunAsync(_folder, [.. command, "--out", "asked.onnx", "--for", "cuda", "--attention", "standard"])).Succeeded();
        Assert.Equal(Bytes("any.onnx"), Bytes("openvino.onnx"));
        Assert.Equal(Bytes("any.onnx"), Bytes("asked.onnx"));
        var (any, cuda) = (OnnxModel.Load(Path.Combine(_folder, "any.onnx")), OnnxModel.Load(Path.Combine(_folder, "cuda.onnx")));
        Assert.Equal([""], any.Opsets.Keys);
        Assert.DoesNotContain(any.Graph.AllNodes(), node => node.Domain.Length > 0);
        Assert.Equal(any.Graph.Nodes.Count(node => node.OpType == "Softmax"), cuda.Graph.Nodes.Count(node => node is { Domain: "com.microsoft", OpType: "MultiHeadAttention" }));
        Assert.DoesNotContain(cuda.Graph.Nodes, node => node.OpType == "Softmax");
        Assert.Equal(2, (await Eoonnx.RunAsync(_folder, [.. command, "--out", "x.onnx", "--for", "abacus"])).ExitCode);
    }

    [Theory, InlineData("vit"), InlineData("prithvi"), InlineData("terramind"), InlineData("resnet")]
    public async Task An_encoder_for_Deepness_is_refused_with_what_makes_a_map(string family)
    {
        var run = await Eoonnx.RunAsync(_folder, "export", family, "--out", "x.onnx", "--deepness");
        Assert.Equal(2, run.ExitCode);
        Assert.All(["features", "export terratorch TASK.ckpt --deepness", "merge --deepness"], words => Assert.Contains(words, run.Error, StringComparison.Ordinal));
        Assert.DoesNotContain("--deepness", (await Eoonnx.RunAsync(_folder, "export", family, "--help")).Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Equal_seeds_give_equal_bytes_and_other_seeds_others()
    {
        foreach (var (seed, file) in new[] { ("3", "a.onnx"), ("3", "b.onnx"), ("4", "c.onnx") })
        {
            (await Eoonnx.RunAsync(_folder, "export", "dofa", "--random", "--size", "tiny", "--seed", seed, "--bands", "B02,B03", "--out", file)).Succeeded();
        }

        var (first, second, other) = (Bytes("a.onnx"), Bytes("b.onnx"), Bytes("c.onnx"));
        Assert.Equal(first, second);
        Assert.NotEqual(first, other);
        Assert.InRange(first.Length, 1_000_000, 4_000_000);
    }

    [Fact]
    public async Task A_Prithvi_for_time_series_tells_its_optional_inputs_apart_from_adapter_slots()
    {
        (await Eoonnx.RunAsync(_folder, "export", "prithvi", "--random", "--size", "v2-tiny-tl", "--frames", "3", "--bands", "B04,B8A,VV", "--layers", "0", "--tile", "64", "--out", "p.onnx")).Succeeded();
        var inspected = (await Eoonnx.RunAsync(_folder, "inspect", "p.onnx", "--json")).Succeeded();
        using var json = JsonDocument.Parse(inspected.Output);
        Assert.Equal(["temporal_coords", "location_coords"], json.RootElement.GetProperty("optionalInputs").EnumerateArray().Select(input => input.GetProperty("name").GetString()));
        Assert.False(json.RootElement.TryGetProperty("adapterSlots", out var slots) && slots.ValueKind == JsonValueKind.Array);
        var manifest = json.RootElement.GetProperty("manifest");
        Assert.Equal((3, "prithvi_eo_v2_tiny_tl"), (manifest.GetProperty("frames").GetInt32(), manifest.GetProperty("variant").GetString()));
        Assert.Equal(["RED", "NIR_NARROW", "VV"], manifest.GetProperty("bands").EnumerateArray().Select(band => band.GetProperty("id").GetString()));
    }

    [Fact]
    public async Task A_TerraMind_of_three_modalities_describes_each()
    {
        var run = (await Eoonnx.RunAsync(_folder, "export", "terramind", "--random", "--size", "tiny", "--modalities", "S2L2A,S1GRD,LULC", "--layers", "0", "--tile", "64", "--out", "t.onnx")).Succeeded();
        Assert.Contains("S1GRD: VV, VH", run.Output, StringComparison.Ordinal);
        var inspected = (await Eoonnx.RunAsync(_folder, "inspect", "t.onnx", "--json")).Succeeded();
        using var json = JsonDocument.Parse(inspected.Output);
        Assert.Equal(["S2L2A", "S1GRD", "LULC"], json.RootElement.GetProperty("inputs").EnumerateArray().Select(input => input.GetProperty("name").GetString()));
        Assert.Equal(["image", "image", "tokens"], json.RootElement.GetProperty("manifest").GetProperty("modalities").EnumerateArray().Select(modality => modality.GetProperty("kind").GetString()));
    }

    [Fact]
    public async Task A_TerraMind_of_token_ids_alone_is_described_opened_and_run()
    {
        (await Eoonnx.RunAsync(_folder, "export", "terramind", "--random", "--size", "tiny", "--modalities", "LULC,NDVI", "--layers", "0", "--tile", "64", "--out", "t.onnx")).Succeeded();
        var told = (await Eoonnx.RunAsync(_folder, "inspect", "t.onnx")).Succeeded().Output;
        Assert.Contains("LULC: tokens, ids below 4375", told, StringComparison.Ordinal);
        Assert.DoesNotContain("the bands", told, StringComparison.Ordinal);
        using var model = EoModel.Load(Path.Combine(_folder, "t.onnx"));
        Assert.Equal((false, "LULC", ElementType.Int64), (model.TakesImages, model.Input.Name, model.Input.Type));
        var ids = model.Inputs.ToDictionary(input => input.Name, input => TensorData.FromValues<long>([2, 4, 4], [.. Enumerable.Range(0, 32).Select(i => (long)i * 100)]));
        Assert.Equal([2, 16, 192], model.Run(ids, [model.Outputs[0].Name])[0].Shape);
    }

    [Theory]
    [InlineData(1, "The band 'BLU' is not known. Did you mean 'BLUE'?", "dofa", "--random", "--size", "tiny", "--bands", "BLU")]
    [InlineData(1, "--wavelengths lists 1 values for 2 bands", "dofa", "--random", "--size", "tiny", "--bands", "X,Y", "--wavelengths", "0.5")]
    [InlineData(1, "DOFA has no size 'enormous'", "dofa", "--random", "--size", "enormous")]
    [InlineData(1, "--layers asks for 9", "dofa", "--random", "--size", "tiny", "--layers", "9")]
    [InlineData(1, "There is no output 'pooledd'. Did you mean 'pooled'?", "dofa", "--random", "--size", "tiny", "--outputs", "pooledd")]
    [InlineData(2, "--random needs a --size", "dofa", "--random")]
    [InlineData(2, "Say where the weights come from", "dofa")]
    [InlineData(2, "File does not exist: 'absent.pth'", "dofa", "--weights", "absent.pth")]
    [InlineData(2, "'x' is not a number", "dofa", "--random", "--size", "tiny", "--wavelengths", "x")]
    [InlineData(2, "The input must be 8 to 4096 pixels wide", "dofa", "--random", "--size", "tiny", "--tile", "5")]
    [InlineData(1, "Prithvi has no size 'v2-30'. Did you mean 'v2-300'?", "prithvi", "--random", "--size", "v2-30")]
    [InlineData(1, "Did you mean 'NIR_NARROW'?", "prithvi", "--random", "--size", "tiny", "--bands", "RED,NIR_NAROW")]
    [InlineData(1, "needs at least one", "terramind", "--random", "--size", "tiny", "--modalities", "DEM", "--missing", "DEM", "--merge", "concat")]
    [InlineData(2, "A time series has 1 to 1000 frames", "prithvi", "--random", "--size", "tiny", "--frames", "0")]
    [InlineData(2, "export has no verb 'dofaa'. Did you mean 'dofa'?", "dofaa")]
    public async Task A_wrong_command_line_says_what_is_wrong_and_writes_nothing(int exitCode, string expected, params string[] args)
    {
        var run = await Eoonnx.RunAsync(_folder, ["export", .. args, "--out", "model.onnx"]);
        Assert.Equal(exitCode, run.ExitCode);
        Assert.Contains(expected, run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    [Fact]
    public async Task A_checkpoint_becomes_a_model_that_names_its_source()
    {
        var checkpoint = Checkpoint("vit");
        (await Eoonnx.RunAsync(_folder, "export", "vit", "--weights", checkpoint, "--heads", "1", "--licence", "CC0-1.0", "--outputs", "pooled", "--out", "vit.onnx")).Succeeded();
        var inspected = (await Eoonnx.RunAsync(_folder, "inspect", "vit.onnx", "--json")).Succeeded();
        using var json = JsonDocument.Parse(inspected.Output);
        var manifest = json.RootElement.GetProperty("manifest");
        Assert.Equal(Path.GetFileName(checkpoint), manifest.GetProperty("source").GetString());
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(await File.ReadAllBytesAsync(checkpoint, TestContext.Current.CancellationToken))), manifest.GetProperty("sourceSha256").GetString());
        Assert.Equal("CC0-1.0", manifest.GetProperty("licence").GetString());
    }

    [Fact]
    public async Task An_encoder_for_oblong_images_states_their_size_and_embeds_a_scene()
    {
        (await Eoonnx.RunAsync(_folder, "export", "resnet", "--random", "--size", "18", "--bands", "B02,B03", "--tile", "64", "--tile-width", "96", "--layers", "1", "--out", "r.onnx")).Succeeded();
        Assert.Contains("96 x 64 px", (await Eoonnx.RunAsync(_folder, "inspect", "r.onnx")).Succeeded().Output, StringComparison.Ordinal);
        using var json = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "r.onnx", "--json")).Succeeded().Output);
        var size = json.RootElement.GetProperty("manifest").GetProperty("tileSize");
        Assert.Equal((64, 96), (size.GetProperty("height").GetInt32(), size.GetProperty("width").GetInt32()));
        GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), new RasterProfile { Size = new PixelSize(96, 64), BandCount = 2, Type = RasterType.UInt16, Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10), Projection = "EPSG:32633" }, [.. Enumerable.Range(0, 2 * 96 * 64).Select(i => (ushort)(i % 977))]);
        (await Eoonnx.RunAsync(_folder, "embed", "scene.tif", "--model", "r.onnx", "--out", "map.tif")).Succeeded();
        var grid = json.RootElement.GetProperty("manifest").GetProperty("features")[0];
        using var map = RasterDataset.Open(Path.Combine(_folder, "map.tif"));
        Assert.Equal(new PixelSize(grid.GetProperty("gridWidth").GetInt32(), grid.GetProperty("gridHeight").GetInt32()), map.Size);
    }

    [Fact]
    public async Task A_checkpoint_of_another_model_is_refused_by_the_name_of_a_missing_weight()
    {
        var run = await Eoonnx.RunAsync(_folder, "export", "dofa", "--weights", Checkpoint("resnet"), "--bands", "B02", "--out", "model.onnx");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("'pos_embed'", run.Error, StringComparison.Ordinal);
        Assert.Contains("eoonnx export resnet", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFileSystemEntries(_folder));
    }

    private static string Checkpoint(string family) => Directory.EnumerateFiles(
        SharedData.Require(Path.Combine(SharedData.Golden, family)), "checkpoint.*", SearchOption.AllDirectories).Order(StringComparer.Ordinal).First();

    private byte[] Bytes(string file) => File.ReadAllBytes(Path.Combine(_folder, file));
}
