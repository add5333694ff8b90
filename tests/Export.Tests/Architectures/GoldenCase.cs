using System.Text.Json;
using System.Text.RegularExpressions;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Architectures;

/// <summary>A folder of reference outputs: configuration, weights, inputs and outputs.</summary>
internal sealed partial class GoldenCase
{
    private const double Tolerance = 1e-4;
    private readonly JsonElement _config;
    private readonly string _family;
    private readonly string _folder;
    private readonly IReadOnlyDictionary<string, TensorData> _tensors;

    private GoldenCase(string family, string name)
    {
        (_family, _folder) = (family, Path.Combine(SharedData.Golden, family, name));
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(_folder, "config.json")));
        _config = document.RootElement.Clone();
        _tensors = SafetensorsFile.Open(Path.Combine(_folder, "io.safetensors")).Tensors;
    }

    /// <summary>The cases of a family, one a folder; a single empty name when the family is absent.</summary>
    public static TheoryData<string> All(string family) => SharedData.Cases(family).ToList() is { Count: > 0 } cases ? new TheoryData<string>(cases) : new TheoryData<string>("");

    /// <summary>Opens a case, or skips the test when the reference outputs are absent.</summary>
    public static GoldenCase Open(string family, string name)
    {
        SharedData.Require(Path.Combine(SharedData.Golden, family, name, "config.json"));
        return new GoldenCase(family, name);
    }

    /// <summary>Names of the tensors that the case has.</summary>
    public IEnumerable<string> Names => _tensors.Keys.Order(StringComparer.Ordinal);

    public int Int(string name) => _config.GetProperty(name).GetInt32();

    public double Double(string name) => _config.GetProperty(name).GetDouble();

    public string? Text(string name) => _config.TryGetProperty(name, out var value) ? value.GetString() : null;

    /// <summary>Inputs and outputs.</summary>
    public IReadOnlyDictionary<string, TensorData> Tensors => _tensors;

    public bool Has(string name) => _tensors.ContainsKey(name);

    public TensorData Tensor(string name) => _tensors[name];

    public int[] Ints(string name) => [.. _config.GetProperty(name).EnumerateArray().Select(item => item.GetInt32())];

    public string[] Texts(string name) => [.. _config.GetProperty(name).EnumerateArray().Select(item => item.GetString()!)];

    public double[] Doubles(string name) => [.. _config.GetProperty(name).EnumerateArray().Select(item => item.GetDouble())];

    /// <summary>A list of names and of objects with one number, as modalities are listed: <c>S2L2A</c>, <c>AERIAL=4</c>.</summary>
    public string[] NamesAndCounts(string name) => [.. _config.GetProperty(name).EnumerateArray().SelectMany(item => item.ValueKind == JsonValueKind.Object
        ? item.EnumerateObject().Select(entry => $"{entry.Name}={entry.Value.GetInt32()}") : [item.GetString()!])];

    public bool Knows(string name) => _config.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null;

    /// <summary>The weights: the case's own, those of the case that its note names, or those of a neighbour of equal sizes.</summary>
    public StateDict Weights() => Checkpoint.Open(CheckpointPath()).Weights;

    /// <summary>Where the weights are.</summary>
    public string CheckpointPath()
    {
        if (Text("weights") is { } shared)
        {
            return SharedData.Require(Path.Combine(SharedData.Data, "..", shared));
        }

        if (Text("checkpoint") is { } own)
        {
            return Path.Combine(_folder, own);
        }

        if (WeightsOf().Match(Text("note") ?? "") is { Success: true } named && Path.Combine(SharedData.Golden, named.Groups[1].Value) is var folder && Directory.Exists(folder))
        {
            return Directory.GetFiles(folder, "checkpoint.*").Single();
        }

        // A case may have another name than the note of its neighbour gives it; of neighbours of equal sizes the one that serves all comes first.
        return Directory.GetDirectories(Path.Combine(SharedData.Golden, _family)).Where(HasEqualSizes).OrderByDescending(ServesEveryCase).ThenBy(neighbour => neighbour, StringComparer.Ordinal)
            .SelectMany(neighbour => Directory.GetFiles(neighbour, "checkpoint.*")).FirstOrDefault() ?? SharedData.Require(Path.Combine(_folder, $"checkpoint.* ({Text("note") ?? "its config.json names none"})"));
    }

    // Some families state once, at the case that has it, that one checkpoint serves all.
    private static bool ServesEveryCase(string folder)
    {
        using var document = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        return document.RootElement.TryGetProperty("note", out var note) && note.GetString()!.Contains("one checkpoint serves every", StringComparison.Ordinal);
    }

    private bool HasEqualSizes(string folder)
    {
        using var other = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "config.json")));
        return new[] { "arch", "img_size", "patch_size", "in_chans", "embed_dim", "dim", "depth", "encoder_depth", "num_heads", "num_frames", "num_classes", "coords_encoding" }.All(name =>
            _config.TryGetProperty(name, out var mine) == other.RootElement.TryGetProperty(name, out var its) && mine.ToString() == its.ToString());
    }

    /// <summary>Asserts that the largest deviation is at most 1e-4 of the largest expected value.</summary>
    public void AssertClose(string expected, TensorData actual) => AssertClose(expected, _tensors[expected], actual);

    /// <summary>Asserts that the largest deviation is at most 1e-4 of the largest expected value.</summary>
    public static void AssertClose(string name, TensorData expected, TensorData actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        var (wanted, found) = (expected.ToSingles(), actual.ToSingles());
        var deviation = wanted.Zip(found, (a, b) => Math.Abs((double)a - b)).Max() / wanted.Max(value => Math.Abs((double)value));
        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: relative deviation {deviation:E2}");
        Assert.True(deviation <= Tolerance, $"{name}: relative deviation {deviation:E3}, at most {Tolerance:E0} is allowed.");
    }

    /// <summary>The model of a built graph, which must be valid.</summary>
    public static OnnxModel Model(BackboneModel built)
    {
        var model = new OnnxModel(built.Graph);
        Assert.Empty(OnnxValidator.Check(model));
        return model;
    }

    [GeneratedRegex(@"weights of (\w+/[\w.-]*\w)")]
    private static partial Regex WeightsOf();
}
