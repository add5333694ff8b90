using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.TerraTorch;
using EoOnnx.Export.Tests.Architectures;
using EoOnnx.Export.Tests.Checkpoints;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.TerraTorch;

/// <summary>What a task says about itself beside its weights, read from a Lightning checkpoint made here.</summary>
public sealed class TaskManifestTests : CheckpointFolder
{
    private const int Patch = 8, Edge = 4, Width = 48;
    private static readonly string[] Bands = ["BLUE", "GREEN", "RED"];

    [Fact]
    public void Class_names_statistics_and_the_ignored_label_reach_the_manifest()
    {
        var manifest = Export(new JsonObject { ["class_names"] = new JsonArray("water", "forest", "field"), ["ignore_index"] = 255 }, new TerraTorchOptions { Means = [1, 2, 3], Deviations = [4, 5, 6] }).Manifest;
        Assert.Equal([(0, "water"), (1, "forest"), (2, "field")], manifest.Classes.Select(item => (item.Id, item.Name)));
        Assert.Equal([("BLUE", 1.0, 4.0), ("GREEN", 2, 5), ("RED", 3, 6)], manifest.Bands.Select(band => (band.Id, band.Mean, band.StandardDeviation)));
        Assert.Equal((255, Edge * Patch, Patch, "softmax"), (manifest.NoDataLabel, manifest.Tile, manifest.Patch, manifest.Activation));
    }

    [Fact]
    public void Names_that_do_not_fit_the_classes_are_left_out()
    {
        var manifest = Export(new JsonObject { ["class_names"] = new JsonArray("water") }).Manifest;
        Assert.Equal(["class 0", "class 1", "class 2"], manifest.Classes.Select(item => item.Name));
    }

    /// <summary>2 x 8 patches are as many as 4 x 4: the reference takes them for a square.</summary>
    [Theory, InlineData(2, 8, true), InlineData(2, 6, false), InlineData(4, 4, false)]
    public void An_oblong_grid_that_is_taken_for_a_square_is_told(int rows, int columns, bool isTold)
    {
        var exported = Export([], new TerraTorchOptions { Tile = rows * Patch, TileWidth = columns * Patch });
        var report = exported.Save(Path.Combine(Folder, "model.onnx"));
        Assert.Equal(isTold, report.Warnings.Any(warning => warning.Contains($"{rows} x {columns} patches are a square number", StringComparison.Ordinal)));
    }

    [Fact]
    public void A_width_without_a_height_is_refused_when_the_task_states_none() => Assert.Contains("give --tile too", Assert.Throws<ExportException>(
        () => Export(new JsonObject { ["backbone_img_size"] = null }, new TerraTorchOptions { TileWidth = 64 })).Message, StringComparison.Ordinal);

    private ExportedBackbone Export(JsonObject changes, TerraTorchOptions? options = null)
    {
        var parameters = new JsonObject
        {
            ["task"] = "segmentation", ["model_factory"] = "EncoderDecoderFactory",
            ["model_args"] = new JsonObject
            {
                ["backbone"] = "prithvi_eo_tiny", ["backbone_num_heads"] = 3, ["backbone_img_size"] = Edge * Patch, ["backbone_patch_size"] = Patch, ["backbone_bands"] = JsonSerializer.SerializeToNode(Bands),
                ["necks"] = JsonNode.Parse("""[{"name": "SelectIndices", "indices": [-1]}, {"name": "ReshapeTokensToImage"}]"""), ["decoder"] = "IdentityDecoder", ["num_classes"] = 3, ["padding"] = null,
            },
        };
        foreach (var (name, value) in changes)
        {
            (name.StartsWith("backbone_", StringComparison.Ordinal) ? parameters["model_args"]!.AsObject() : parameters)[name] = value?.DeepClone();
        }

        var weights = DrawnWeights.Prithvi(new(Width, 2, 3, Patch, Edge, Bands.Length), 1).ToDictionary(item => $"model.encoder.{item.Key}", item => item.Value);
        weights["model.head.head.2.weight"] = RandomTensors.Normal(1, "head", [3, Width, 1, 1], 0.2);
        weights["model.head.head.2.bias"] = RandomTensors.Normal(1, "bias", [3], 0.2);
        var names = weights.Keys.ToList();
        var pickle = new PickleWriter().Dictionary(
            ("state_dict", value => value.Dictionary([.. names.Select((name, i) => (name, (Action<PickleWriter>)(tensor => tensor.Tensor("FloatStorage", $"{i}", weights[name].Count, 0, [.. weights[name].Shape], Strides([.. weights[name].Shape])))))])),
            ("pytorch-lightning_version", value => value.Text("2.5.0")),
            ("hyper_parameters", value => Write(value, parameters))).End();
        return TerraTorchExport.FromCheckpoint(Save(TorchFiles.Zip(pickle, names.Select((name, i) => ($"{i}", TorchFiles.Bytes<float>(weights[name].ToSingles())))), "task.ckpt"), options).Exported;
    }

    private static long[] Strides(long[] shape) => [.. Enumerable.Range(1, shape.Length).Select(axis => shape.Skip(axis).Aggregate(1L, (product, extent) => product * extent))];

    private static void Write(PickleWriter pickle, JsonNode? node)
    {
        switch (node)
        {
            case null: pickle.None(); break;
            case JsonObject members: pickle.Dictionary([.. members.Select(item => (item.Key, (Action<PickleWriter>)(value => Write(value, item.Value))))]); break;
            case JsonArray items:
                pickle.Op(']').Op('(');
                foreach (var item in items)
                {
                    Write(pickle, item);
                }

                pickle.Op('e');
                break;
            case var text when text.GetValueKind() == JsonValueKind.String: pickle.Text(text.GetValue<string>()); break;
            default: pickle.Integer(node.GetValue<int>()); break;
        }
    }
}
