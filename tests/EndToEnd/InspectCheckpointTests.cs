using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

public sealed class InspectCheckpointTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-inspect-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Real_weights_are_told_with_their_family_as_JSON()
    {
        var path = SharedData.Require(Path.Combine(SharedData.Data, "presto", "default_model.pt"));
        var run = (await Eoonnx.RunAsync(_folder, "inspect", path, "--json")).Succeeded();
        using var document = JsonDocument.Parse(run.Output);
        var model = document.RootElement.GetProperty("checkpoint").GetProperty("model");
        Assert.Equal("presto", model.GetProperty("family").GetString());
        Assert.True(model.GetProperty("isOfficialSize").GetBoolean());
        Assert.NotEmpty(document.RootElement.GetProperty("missing").EnumerateArray());
        var checkpoint = document.RootElement.GetProperty("checkpoint");
        Assert.Equal(("presto", "MIT", true), (checkpoint.GetProperty("published").GetProperty("name").GetString(), checkpoint.GetProperty("published").GetProperty("licence").GetString(), checkpoint.GetProperty("isPublishedFile").GetBoolean()));
        Assert.Contains("export presto --weights", Assert.Single(document.RootElement.GetProperty("next").EnumerateArray()).GetString(), StringComparison.Ordinal);
        Assert.Contains("byte for byte; licence MIT", (await Eoonnx.RunAsync(_folder, "inspect", path)).Succeeded().Output.ReplaceLineEndings(" "), StringComparison.Ordinal);
    }

    public static TheoryData<string> Tasks => [.. SharedData.Cases("tasks").DefaultIfEmpty("absent")];

    [Theory, MemberData(nameof(Tasks))]
    public async Task An_exported_task_tells_its_parts_bands_classes_origin_and_what_to_type_next(string @case)
    {
        var checkpoint = SharedData.Require(Path.Combine(SharedData.Golden, "tasks", @case, "task.ckpt"));
        (await Eoonnx.RunAsync(_folder, "export", "terratorch", checkpoint, "--out", "t.onnx", "--licence", "MIT")).Succeeded();
        using var json = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "t.onnx", "--json")).Succeeded().Output);
        using var source = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", checkpoint, "--json")).Succeeded().Output);
        var (manifest, task) = (json.RootElement.GetProperty("manifest"), source.RootElement.GetProperty("checkpoint").GetProperty("task"));
        var parts = Texts(manifest.GetProperty("parts"));
        Assert.StartsWith(task.GetProperty("backbone").GetString()!, parts[0], StringComparison.Ordinal);
        Assert.Matches("[0-9]+ blocks of width [0-9]+", parts[0]);
        Assert.All(Texts(task.GetProperty("necks")), (neck, position) => Assert.StartsWith(neck, parts[position + 1], StringComparison.OrdinalIgnoreCase));
        Assert.Contains(parts, part => part.StartsWith(task.GetProperty("decoder").GetString()!, StringComparison.OrdinalIgnoreCase));
        Assert.Contains("statistics of the bands", Texts(manifest.GetProperty("remarks"))[^1], StringComparison.Ordinal);
        Assert.Contains("t.onnx", Assert.Single(Texts(json.RootElement.GetProperty("next")).Take(1)), StringComparison.Ordinal);
        Assert.Contains("export terratorch", Assert.Single(Texts(source.RootElement.GetProperty("next"))), StringComparison.Ordinal);
        var told = (await Eoonnx.RunAsync(_folder, "inspect", "t.onnx")).Succeeded().Output;
        Assert.All([.. parts.Take(2), "deviation", "tile", "MIT", "task.ckpt", source.RootElement.GetProperty("sha256").GetString()!, "eoonnx "], words => Assert.Contains(words, told, StringComparison.Ordinal));
        var names = Enumerable.Range(0, manifest.GetProperty("classes").GetArrayLength()).Select(i => $"kind {i}").ToList();
        Assert.Equal(names.Count > 0, Texts(json.RootElement.GetProperty("missing")).Contains("the names of the classes"));
        if (names.Count > 0)
        {
            (await Eoonnx.RunAsync(_folder, "export", "terratorch", checkpoint, "--out", "named.onnx", "--classes", string.Join(',', names))).Succeeded();
            using var named = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "named.onnx", "--json")).Succeeded().Output);
            Assert.Equal(names, named.RootElement.GetProperty("manifest").GetProperty("classes").EnumerateArray().Select(item => item.GetProperty("name").GetString()!));
            var refused = await Eoonnx.RunAsync(_folder, "export", "terratorch", checkpoint, "--out", "x.onnx", "--classes", string.Join(',', [.. names, "more", "and more"]));
            Assert.Contains($"predicts {names.Count} classes; {names.Count + 2} names", refused.Error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task A_model_without_a_manifest_is_told_by_the_keys_of_Deepness_or_asked_for_what_it_is()
    {
        var op = new GraphBuilder("foreign");
        op.Output(op.Softmax(op.Input("input", ElementType.Float, ["batch", 3, 16, 16]), 1), "output");
        var model = new OnnxModel(op.Graph);
        model.Save(Path.Combine(_folder, "bare.onnx"));
        (model.Metadata["model_type"], model.Metadata["seg_small_segment"]) = ("\"Segmentor\"", "7");
        model.Save(Path.Combine(_folder, "keyed.onnx"));
        using var bare = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "bare.onnx", "--json")).Succeeded().Output);
        using var keyed = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "inspect", "keyed.onnx", "--json")).Succeeded().Output);
        Assert.Equal(("ONNX model", "ONNX model for QGIS Deepness"), (bare.RootElement.GetProperty("kind").GetString(), keyed.RootElement.GetProperty("kind").GetString()));
        Assert.Contains("the manifest", Assert.Single(Texts(bare.RootElement.GetProperty("missing"))), StringComparison.Ordinal);
        Assert.Contains("--deepness", Texts(bare.RootElement.GetProperty("next"))[1], StringComparison.Ordinal);
        Assert.Equal("7", keyed.RootElement.GetProperty("metadata").GetProperty("seg_small_segment").GetString());
        var missing = Texts(keyed.RootElement.GetProperty("missing"));
        Assert.Contains("the names of the classes", missing);
        Assert.DoesNotContain(missing, sentence => sentence.Contains("kind", StringComparison.Ordinal));
        Assert.Contains("infer SCENE.tif --model keyed.onnx", Assert.Single(Texts(keyed.RootElement.GetProperty("next"))), StringComparison.Ordinal);
    }

    private static List<string> Texts(JsonElement list) => [.. list.EnumerateArray().Select(item => item.GetString()!)];

    [Fact]
    public async Task A_pickle_that_would_run_a_command_runs_nothing_and_exits_1()
    {
        // cos\nsystem\n(X... touch executed tR. : os.system("touch executed")
        byte[] pickle = [0x80, 2, .. "cos\nsystem\n(X"u8, 14, 0, 0, 0, .. "touch executed"u8, .. "tR."u8];
        await File.WriteAllBytesAsync(Path.Combine(_folder, "weights.pth"), pickle);
        var run = await Eoonnx.RunAsync(_folder, "inspect", "weights.pth");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("it holds an object of os.system instead of a state_dict", run.Error, StringComparison.Ordinal);
        Assert.Equal(["weights.pth"], Directory.GetFileSystemEntries(_folder).Select(Path.GetFileName));
    }
}
