using System.Text.Json;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Detection;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Checkpoints.Detection;

public sealed class FamilyDetectorTests : CheckpointFolder
{
    // The family that the checkpoints of each folder belong to.
    private static readonly (string Folder, string Family)[] Families =
        [("dofa", "dofa"), ("prithvi", "prithvi"), ("terramind", "terramind"), ("scale_mae", "scalemae"), ("vit", "vit"), ("resnet", "resnet"), ("swin_v2", "swin")];

    public static IEnumerable<TheoryDataRow<string, string>> Checkpoints() =>
        from item in Families
        from name in SharedData.Cases(item.Folder)
        from file in Directory.EnumerateFiles(Path.Combine(SharedData.Golden, item.Folder, name), "checkpoint.*")
        select new TheoryDataRow<string, string>(item.Family, Path.GetRelativePath(SharedData.Golden, file));

    public static IEnumerable<TheoryDataRow<string>> OfficialVariants() =>
        !Directory.Exists(Path.Combine(SharedData.Golden, "state_dicts")) ? [] : Directory.EnumerateFiles(Path.Combine(SharedData.Golden, "state_dicts"), "*.json")
            .Order(StringComparer.Ordinal).Select(path => new TheoryDataRow<string>(Path.GetFileName(path)));

    public static IEnumerable<TheoryDataRow<string>> Tasks() => SharedData.Cases("tasks").Select(name => new TheoryDataRow<string>(name));

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Checkpoints))]
    public void A_checkpoint_is_told_to_be_of_its_family_with_its_sizes(string family, string file)
    {
        var path = Path.Combine(SharedData.Golden, file);
        var model = FamilyDetector.Detect(Checkpoint.Open(path).Weights);
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(Path.GetDirectoryName(path)!, "config.json")));

        // ScaleMAE and a ViT for three bands have the same names and shapes; the first is taken for three bands, and the doubt is said.
        var expected = family is not ("vit" or "scalemae") ? family : config.RootElement.GetProperty("in_chans").GetInt32() == 3 ? "scalemae" : "vit";
        Assert.Equal(expected, model?.Family);
        AssertSize(config, ["depth", "encoder_depth"], model!.Depth);
        AssertSize(config, ["embed_dim", "dim"], model.Width);
        AssertSize(config, ["in_chans"], model.Channels);
        Assert.NotNull(model.Variant);
    }

    [Theory(SkipTestWithoutData = true), MemberData(nameof(OfficialVariants))]
    public void Names_and_shapes_of_an_official_variant_lead_to_its_name(string file)
    {
        using var description = JsonDocument.Parse(File.ReadAllText(Path.Combine(SharedData.Golden, "state_dicts", file)));
        var weights = new StateDict(file, description.RootElement.GetProperty("tensors").EnumerateObject().ToDictionary(
            tensor => tensor.Name,
            tensor => TensorData.Deferred(ElementType.Float, [.. tensor.Value.EnumerateArray().Select(extent => extent.GetInt64())], _ => { })));
        var model = FamilyDetector.Detect(weights);
        Assert.Equal((description.RootElement.GetProperty("name").GetString(), true), (model?.Variant, model!.IsOfficialSize));
    }

    [Fact]
    public void The_released_weights_of_Presto_are_told()
    {
        var path = SharedData.Require(Path.Combine(SharedData.Data, "presto", "default_model.pt"));
        var model = FamilyDetector.Detect(Checkpoint.Open(path).Weights);
        Assert.Equal(("presto", "presto", "encoder.", 2, 128), (model?.Family, model?.Variant, model?.Prefix, model?.Depth, model?.Width));
    }

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Tasks))]
    public void A_task_of_TerraTorch_is_told_with_its_parts(string name)
    {
        var folder = Path.Combine(SharedData.Golden, "tasks", name);
        var checkpoint = Checkpoint.Open(Path.Combine(folder, "task.ckpt"));
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        var (task, model) = (TaskDetector.Detect(checkpoint), FamilyDetector.Detect(checkpoint.Weights));
        var arguments = config.RootElement.GetProperty("model_args");
        Assert.Equal(config.RootElement.GetProperty("factory").GetString(), task?.Factory);
        Assert.Equal(arguments.GetProperty("backbone").GetString(), task?.Backbone);
        Assert.StartsWith(model!.Family, task!.Backbone, StringComparison.Ordinal);
        Assert.Equal(arguments.TryGetProperty("necks", out var necks) && necks.ValueKind == JsonValueKind.Array ? necks.GetArrayLength() : 0, task.Necks.Count);
        Assert.Equal(arguments.TryGetProperty("peft_config", out _), task.AdapterMethod is not null);
        Assert.Equal(task.AdapterMethod is not null, model.AdapterRank > 0);
        Assert.Contains("statistics", string.Join("; ", MissingFacts.Of(checkpoint, model, task)), StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_without_its_base_is_told_with_its_rank()
    {
        var path = Path.Combine(Folder, "adapter_model.safetensors");
        SafetensorsFile.Write(path, [
            KeyValuePair.Create("base_model.model.blocks.0.attn.qkv.lora_A.weight", TensorData.FromValues<float>([3, 8], new float[24])),
            KeyValuePair.Create("base_model.model.blocks.1.attn.qkv.lora_A.weight", TensorData.FromValues<float>([3, 8], new float[24]))]);
        var checkpoint = Checkpoint.Open(path);
        var model = FamilyDetector.Detect(checkpoint.Weights);
        Assert.Equal(("adapter", 2, 3), (model?.Family, model?.Depth, model?.AdapterRank));
        Assert.Contains("the base model", Assert.Single(MissingFacts.Of(checkpoint, model, null)), StringComparison.Ordinal);
    }

    [Fact]
    public void Weights_of_no_family_are_told_to_be_unknown()
    {
        var checkpoint = Open(TorchFiles.Small(legacy: false));
        Assert.Null(FamilyDetector.Detect(checkpoint.Weights));
        Assert.Null(TaskDetector.Detect(checkpoint));
        Assert.Contains("fit no family", Assert.Single(MissingFacts.Of(checkpoint, null, null)), StringComparison.Ordinal);
    }

    private static void AssertSize(JsonDocument config, string[] names, int? found)
    {
        foreach (var name in names)
        {
            if (config.RootElement.TryGetProperty(name, out var size))
            {
                Assert.Equal(size.GetInt32(), found);
            }
        }
    }
}
