using System.Text.Json;
using EoOnnx.Export.TerraTorch;
using EoOnnx.Export.Tests.Architectures;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.TerraTorch;

/// <summary>Whole TerraTorch tasks, read from their Lightning checkpoints, against the reference's outputs.</summary>
public class TaskGoldenTests
{
    private const string Input = "x";

    public static TheoryData<string> Cases => GoldenCase.All("tasks");

    [Theory, MemberData(nameof(Cases))]
    public void The_raw_model_gives_the_reference_output(string name)
    {
        var golden = GoldenCase.Open("tasks", name);
        var task = Export(name, new TerraTorchOptions { Raw = true });
        Assert.Empty(OnnxValidator.Check(task.Exported.Model));
        if (task.Adapter is not null)
        {
            // Its base alone is another model; with its adapter it is tested where adapters are.
            Assert.NotEmpty(task.Adapter.Tensors);
            return;
        }

        var output = Ort.Run(task.Exported.Model, Inputs(golden, task.Exported.Model))["logits"];
        GoldenCase.AssertClose("output", golden.Tensor("output"), Squeezed(output, golden.Tensor("output")));
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_model_ends_in_probabilities_and_says_so(string name)
    {
        var golden = GoldenCase.Open("tasks", name);
        var (raw, task) = (Export(name, new TerraTorchOptions { Raw = true }), Export(name));
        var manifest = task.Exported.Manifest;
        Assert.Equal("none", raw.Exported.Manifest.Activation);
        Assert.Equal(manifest.Classes.Count > 1 ? "softmax" : "none", manifest.Activation);
        var output = Assert.Single(task.Exported.Model.Graph.Outputs);
        Assert.Equal(manifest.Activation == "none" ? "logits" : "probabilities", output.Name);
        var values = Ort.Run(task.Exported.Model, Inputs(golden, task.Exported.Model))[output.Name];
        if (manifest.Activation == "softmax")
        {
            var (classes, pixels) = ((int)values.Shape[1], values.Shape.Skip(2).Aggregate(1, (product, extent) => product * (int)extent));
            var numbers = values.ToSingles();
            Assert.Equal(manifest.Classes.Count, classes);
            for (var pixel = 0; pixel < pixels; pixel++)
            {
                Assert.Equal(1, Enumerable.Range(0, classes).Sum(i => (double)numbers[(i * pixels) + pixel]), 1e-5);
            }
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_manifest_tells_bands_size_and_padding(string name)
    {
        var golden = GoldenCase.Open("tasks", name);
        var manifest = Export(name).Exported.Manifest;
        var image = golden.Names.First(tensor => tensor == Input || tensor.StartsWith($"{Input}.", StringComparison.Ordinal));
        Assert.Equal(golden.Tensor(image).Shape[^1], manifest.Tile ?? 0L);
        Assert.Equal(2 * manifest.Patch, manifest.Padding?.Multiple);
        Assert.Equal(golden.Names.Where(tensor => tensor.StartsWith(Input, StringComparison.Ordinal)).Sum(tensor => golden.Tensor(tensor).Shape[1]),
            manifest.Modalities.Count > 0 ? manifest.Modalities.Sum(modality => modality.Bands.Count) : manifest.Bands.Count);
        Assert.Equal(64, manifest.WeightsSha256?.Length);
        Assert.Equal(64, manifest.SourceSha256?.Length);
    }

    [Theory, MemberData(nameof(Cases))]
    public void A_tile_that_does_not_fit_the_patches_is_padded_and_cut_inside_the_model(string name)
    {
        var usual = Export(name).Exported;
        var tile = usual.Manifest.Tile!.Value - 3;
        var model = Export(name, new TerraTorchOptions { Tile = tile }).Exported.Model;
        var inputs = model.Graph.Inputs.Select(input => (input.Name, RandomTensors.Uniform(1, input.Name, [.. input.KnownShape.Select(dim => dim.Value ?? 1)], 1))).ToArray();
        Assert.All(inputs.Where(input => input.Item2.Shape.Length >= 4), input => Assert.Equal(tile, input.Item2.Shape[^1]));
        var output = Ort.Run(model, inputs).Single().Value;
        Assert.True(output.Shape.Length < 4 || output.Shape[^1] == tile, $"the output is [{string.Join(", ", output.Shape)}]");
        Assert.All(output.ToSingles(), value => Assert.True(float.IsFinite(value)));
    }

    [Theory, MemberData(nameof(Cases))]
    public void An_oblong_tile_is_padded_side_by_side_and_a_width_equal_to_the_height_is_a_square(string name)
    {
        var usual = Export(name).Exported;
        var (tile, patch) = (usual.Manifest.Tile!.Value, usual.Manifest.Patch!.Value);
        var same = Export(name, new TerraTorchOptions { Tile = tile, TileWidth = tile }).Exported;
        Assert.Equal(usual.Manifest.ToJson(), same.Manifest.ToJson());
        var (height, width) = (tile - 3, tile + patch + 1);
        var oblong = Export(name, new TerraTorchOptions { Tile = height, TileWidth = width }).Exported;
        Assert.Equal((null, new ManifestTileSize(height, width)), (oblong.Manifest.Tile, oblong.Manifest.TileSize));
        var inputs = oblong.Model.Graph.Inputs.Select(input => (input.Name, RandomTensors.Uniform(1, input.Name, [.. input.KnownShape.Select(dim => dim.Value ?? 1)], 1))).ToArray();
        Assert.All(inputs.Where(input => input.Item2.Shape.Length >= 4), input => Assert.Equal([height, width], input.Item2.Shape[^2..]));
        var output = Ort.Run(oblong.Model, inputs).Single().Value;
        Assert.True(output.Shape.Length < 4 || output.Shape[^2..].SequenceEqual([height, width]), $"the output is [{string.Join(", ", output.Shape)}]");
        Assert.All(output.ToSingles(), value => Assert.True(float.IsFinite(value)));
    }

    [Theory, MemberData(nameof(Cases))]
    public void The_form_for_Deepness_computes_the_same_in_its_arithmetic_or_is_refused(string name)
    {
        var golden = GoldenCase.Open("tasks", name);
        var plain = Export(name);
        var bands = plain.Exported.Manifest.Bands.Count;
        // Models of several images have the statistics of pretraining and are refused.
        var task = plain.Exported.Manifest.Modalities.Count > 1 ? plain : Export(name, new TerraTorchOptions { Means = [.. Enumerable.Range(0, bands).Select(i => 100.0 * (i + 1))], Deviations = [.. Enumerable.Range(0, bands).Select(i => 70.0 + i)] });
        var model = task.Exported.Model;
        var images = model.Graph.Inputs.Where(input => input.Data is null).ToList();
        var isMap = task.Exported.Manifest.Task is ModelTask.Segmentation or ModelTask.Regression;
        if (!isMap || images.Count > 1 || task.Exported.Manifest.Frames > 1)
        {
            Assert.Contains("Deepness", Assert.Throws<OnnxGraphException>(() => DeepnessForm.Write(model)).Message, StringComparison.Ordinal);
            return;
        }

        var written = DeepnessForm.Write(model);
        Assert.Empty(DeepnessRules.Check(written));
        Assert.Equal((17L, 8L), (written.Opsets[""], written.IrVersion));
        Assert.DoesNotContain(written.Graph.Nodes, node => node.Domain.Length > 0);
        var mean = JsonSerializer.Deserialize<float[]>(written.Metadata["standardization_mean"])!;
        var deviation = JsonSerializer.Deserialize<float[]>(written.Metadata["standardization_std"])!;
        // Whole numbers as a raster stores them: Deepness divides by 255, then subtracts and divides; here it is done at once.
        var shape = golden.Tensor(Input).Shape;
        var plane = (int)(shape[^1] * shape[^2]);
        var stored = Enumerable.Range(0, (int)golden.Tensor(Input).Count).Select(i => (ushort)(50 + (i * 7919L % 700))).ToArray();
        int Band(int i) => i / plane % bands;
        var theirs = stored.Select((value, i) => ((value / 255f) - mean[Band(i)]) / deviation[Band(i)]).ToArray();
        var ours = stored.Select((value, i) => (value - (100f * (Band(i) + 1))) / (70f + Band(i))).ToArray();
        long[] flat = [shape[0], bands, shape[^2], shape[^1]];
        var expected = Ort.Run(model, (images[0].Name, TensorData.FromValues([.. images[0].Rank == 5 ? (long[])[shape[0], bands, 1, shape[^2], shape[^1]] : flat], ours))).Single().Value;
        var found = Ort.Run(written, (written.Graph.Inputs[0].Name, TensorData.FromValues(flat, theirs))).Single().Value;
        GoldenCase.AssertClose(name, expected, found);
    }

    private static ExportedTask Export(string name, TerraTorchOptions? options = null) =>
        TerraTorchExport.FromCheckpoint(Path.Combine(GoldenTasks.Folder(name), "task.ckpt"), (options ?? new TerraTorchOptions()) with { Heads = GoldenTasks.Heads(name) });

    private static (string Name, TensorData Data)[] Inputs(GoldenCase golden, OnnxModel model) => GoldenTasks.Inputs(golden.Tensors, model);

    /// <summary>The reference drops the channel axis of a single value; the model keeps it.</summary>
    private static TensorData Squeezed(TensorData output, TensorData expected) =>
        output.Shape.Length == expected.Shape.Length + 1 && output.Shape[1] == 1 ? output.Reshape(expected.Shape.AsSpan()) : output;
}
