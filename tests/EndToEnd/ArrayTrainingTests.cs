using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>Presto on the published arrays of the Algae Blooms benchmark through the real program, by the recipe that the project ships. A full run takes
/// minutes (docs/results.md), so this one is short.</summary>
public sealed class ArrayTrainingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-arrays-").FullName;

    private static string Arrays => SharedData.Require(Path.Combine(SharedData.Data, "presto", "algae_blooms"));

    private static string Recipe => Path.Combine(SharedData.Repository, "models", "recipes", "algae_blooms.yaml");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task The_recipe_trains_on_published_arrays_and_every_part_holds_what_its_conditions_say()
    {
        (await Eoonnx.RunAsync(_folder, "export", "presto", "--weights", SharedData.Require(Path.Combine(SharedData.Data, "presto", "default_model.pt")), "--raw", "--out", "presto.onnx")).Succeeded();
        string[] data = ["--set", $"data.folder={Arrays}"];
        var trained = (await Eoonnx.RunAsync(_folder, ["train-adapter", Recipe, .. data, "--set", "method=linear-probe", "--set", "run.epochs=2", "--set", "optimizer.learningRate=0.01", "--out", "run", "--json"])).Succeeded();
        var report = JsonDocument.Parse(trained.Output).RootElement.GetProperty("report");

        var isTest = NpyFile.Open(Path.Combine(Arrays, "is_test.npy")).Tensor!.ToSingles();
        var places = NpyFile.Open(Path.Combine(Arrays, "latlon.npy")).Tensor!.AsSpan<double>().ToArray();
        var names = NpyFile.Open(Path.Combine(Arrays, "uid.npy")).Texts!;
        var validation = Enumerable.Range(0, names.Count).Where(row => isTest[row] < 1 && places[2 * row] > 42.5 && places[(2 * row) + 1] < -92.5).ToList();
        Assert.Equal(validation.Select(row => names[row]), report.GetProperty("validationChips").EnumerateArray().Select(name => name.GetString()));
        Assert.Equal(isTest.Count(flag => flag < 1) - validation.Count, report.GetProperty("trainingChips").GetArrayLength());

        var counts = new Dictionary<string, int>();
        foreach (var part in (string[])["all", "training", "validation", "test"])
        {
            var evaluated = (await Eoonnx.RunAsync(_folder, ["evaluate", "run/model.onnx", "--adapter", "run/adapter.safetensors", "--recipe", Recipe, .. data, "--part", part, "--json"])).Succeeded();
            var figures = JsonDocument.Parse(evaluated.Output).RootElement;
            counts[part] = figures.GetProperty("chips").GetInt32();
            Assert.True(double.IsFinite(figures.GetProperty("metrics").GetProperty("RMSE").GetDouble()));
            if (part == "validation")
            {
                var best = report.GetProperty("epochs").EnumerateArray().Min(epoch => epoch.GetProperty("validation").GetProperty("metrics").GetProperty("RMSE").GetDouble());
                Assert.Equal(best, figures.GetProperty("metrics").GetProperty("RMSE").GetDouble(), 1e-4);
            }
        }

        Assert.Equal(isTest.Count(flag => flag >= 1), counts["test"]);
        Assert.Equal(counts["all"], counts["training"] + counts["validation"] + counts["test"]);
    }

    [Fact]
    public async Task A_recipe_of_arrays_that_do_not_fit_is_refused_with_what_to_change()
    {
        (await Eoonnx.RunAsync(_folder, "export", "presto", "--random", "--size", "default", "--raw", "--out", "presto.onnx")).Succeeded();
        async Task<string> Refused(params string[] settings)
        {
            var run = await Eoonnx.RunAsync(_folder, ["train-adapter", Recipe, "--set", $"data.folder={Arrays}", .. settings.SelectMany(setting => new[] { "--set", setting }), "--out", "run"]);
            Assert.Equal(1, run.ExitCode);
            return run.Error;
        }

        Assert.Contains("lacks 'dynamic_world'", await Refused("data.arrays.inputs=[{name: series, file: s1_s2_era5_srtm.npy}]"), StringComparison.Ordinal);
        Assert.Contains("needs a bound", await Refused("data.arrays.validation=[{array: latlon.npy, column: 0}]"), StringComparison.Ordinal);
        Assert.Contains("There is no array", await Refused("data.arrays.target=absent.npy"), StringComparison.Ordinal);
        Assert.Contains("labels pixels", await Refused("task=regression"), StringComparison.Ordinal);
        Assert.Contains("belongs to chips", await Refused("data.images='*.tif'"), StringComparison.Ordinal);
    }
}
