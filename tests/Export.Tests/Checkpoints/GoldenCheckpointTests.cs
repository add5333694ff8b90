using System.Text.Json;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Checkpoints;

public sealed class GoldenCheckpointTests
{
    public static IEnumerable<TheoryDataRow<string>> Files() => !Directory.Exists(SharedData.Golden) ? [] : Directory
        .EnumerateFiles(SharedData.Golden, "*", SearchOption.AllDirectories)
        .Where(path => Path.GetExtension(path) is ".pth" or ".pt" or ".ckpt" or ".safetensors")
        .Where(path => Path.GetFileNameWithoutExtension(path) is "checkpoint" or "task" or "state_dict" or "base" or "adapter_model")
        .Where(path => new FileInfo(path).Length > 1000)
        .Order(StringComparer.Ordinal).Select(path => new TheoryDataRow<string>(Path.GetRelativePath(SharedData.Golden, path)));

    public static IEnumerable<TheoryDataRow<string>> Tasks() => SharedData.Cases("tasks").Select(name => new TheoryDataRow<string>(name));

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Files))]
    public void Every_checkpoint_opens_and_its_tensors_hold_finite_numbers(string file)
    {
        var checkpoint = Checkpoint.Open(Path.Combine(SharedData.Golden, file));
        Assert.NotEmpty(checkpoint.Weights.Names);
        foreach (var name in checkpoint.Weights.Names)
        {
            var tensor = checkpoint.Weights.Take(name);
            Assert.Equal(tensor.ByteLength, tensor.Bytes.Length);
            Assert.True(!tensor.Type.IsFloatingPoint() || tensor.ToSingles().All(float.IsFinite), $"{name} is not finite");
        }

        Assert.Null(checkpoint.Weights.DescribeUnused());
    }

    [Theory(SkipTestWithoutData = true), MemberData(nameof(Tasks))]
    public void The_hyper_parameters_of_a_task_are_those_that_it_was_made_with(string name)
    {
        var folder = Path.Combine(SharedData.Golden, "tasks", name);
        var checkpoint = Checkpoint.Open(Path.Combine(folder, "task.ckpt"));
        using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        Assert.NotNull(checkpoint.LightningVersion);
        Assert.Equal(config.RootElement.GetProperty("factory").GetString(), checkpoint.HyperParameters?["model_factory"]?.Text);
        AssertEqual(config.RootElement.GetProperty("model_args"), checkpoint.HyperParameters?["model_args"], "model_args");
        foreach (var argument in config.RootElement.GetProperty("task_args").EnumerateObject())
        {
            AssertEqual(argument.Value, checkpoint.HyperParameters?[argument.Name], argument.Name);
        }
    }

    [Fact]
    public void Cases_that_say_they_hold_the_same_weights_hold_them_whatever_their_format_and_prefix()
    {
        var families = Directory.Exists(SharedData.Golden) ? Directory.GetDirectories(SharedData.Golden) : [SharedData.Require(SharedData.Golden)];
        foreach (var folder in families.SelectMany(Directory.GetDirectories).Where(SaysSameWeights))
        {
            var weights = Checkpoint.Open(Path.Combine(folder, "checkpoint.pth")).Weights.WithoutCommonPrefix();
            var others = Directory.GetDirectories(Path.GetDirectoryName(folder)!).Where(other => other != folder && Sizes(other) == Sizes(folder)).SelectMany(other => Directory.GetFiles(other, "checkpoint.*"))
                .Select(file => Checkpoint.Open(file).Weights.WithoutCommonPrefix()).ToList();
            Assert.True(others.Count == 0 || others.Exists(other => other.Names.SequenceEqual(weights.Names)
                && weights.Names.All(name => other.Take(name).Bytes.Span.SequenceEqual(weights.Take(name).Bytes.Span))), $"no neighbour of {folder} holds its weights");
        }

        // All that is stated of the model, not of the case.
        static string Sizes(string folder)
        {
            using var config = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
            return string.Join(", ", config.RootElement.EnumerateObject().Where(item => item.Value.ValueKind is JsonValueKind.Number or JsonValueKind.Array).OrderBy(item => item.Name, StringComparer.Ordinal)
                .Select(item => JsonSerializer.Serialize(item)));
        }

        static bool SaysSameWeights(string folder) => File.Exists(Path.Combine(folder, "checkpoint.pth"))
            && File.ReadAllText(Path.Combine(folder, "config.json")).Contains("\"same weights", StringComparison.Ordinal);
    }

    [Fact]
    public void The_released_weights_of_Presto_open_although_their_storages_were_on_a_graphics_card()
    {
        var checkpoint = Checkpoint.Open(SharedData.Require(Path.Combine(SharedData.Data, "presto", "default_model.pt")));
        Assert.Equal(CheckpointKind.TorchZip, checkpoint.Kind);
        Assert.Equal([128, 2], checkpoint.Weights.Take("encoder.eo_patch_embed.S1.weight").Shape.ToArray());
        Assert.All(checkpoint.Weights.Names, name => Assert.All(checkpoint.Weights.Take(name).ToSingles(), value => Assert.True(float.IsFinite(value))));
    }

    private static void AssertEqual(JsonElement expected, PickleValue? found, string path)
    {
        switch (expected.ValueKind)
        {
            case JsonValueKind.Object:
                foreach (var member in expected.EnumerateObject())
                {
                    AssertEqual(member.Value, found?[member.Name], $"{path}.{member.Name}");
                }

                break;
            case JsonValueKind.Array:
                Assert.True(found?.Items.Count == expected.GetArrayLength(), path);
                foreach (var (index, item) in expected.EnumerateArray().Index())
                {
                    AssertEqual(item, found!.Items[index], $"{path}[{index}]");
                }

                break;
            case JsonValueKind.String: Assert.True(found?.Text == expected.GetString(), $"{path} is {found}"); break;
            case JsonValueKind.Number: Assert.True(found?.Number == expected.GetDouble(), $"{path} is {found}"); break;
            case JsonValueKind.True or JsonValueKind.False: Assert.True(found?.Boolean == expected.GetBoolean(), $"{path} is {found}"); break;
            default: Assert.True(found is null or { IsNone: true }, $"{path} is {found}"); break;
        }
    }
}
