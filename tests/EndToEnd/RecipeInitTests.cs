using System.Text.Json;
using EoOnnx.Training.Tests;
using EoOnnx.Training.Tests.Recipes;

namespace EoOnnx.EndToEnd;

/// <summary>From a folder to a trained adapter through the real program: init looks, check accepts, train-adapter runs - for each task.</summary>
public sealed class RecipeInitTests : IDisposable
{
    private const int Tile = 32;

    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-init-").FullName;

    public RecipeInitTests() => TestEncoder.Build(bands: 3, tile: Tile, patch: 8, width: 16, depth: 1).Save(Path.Combine(_folder, "encoder.onnx"));

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("segmentation")]
    [InlineData("regression")]
    [InlineData("classification")]
    [InlineData("multilabel")]
    [InlineData("scalar-regression")]
    public async Task What_init_writes_is_accepted_and_trains(string task)
    {
        Write(task);
        var init = (await Eoonnx.RunAsync(_folder, "recipe", "init", "--task", task, "--data", "data", "--model", "encoder.onnx", "--out", "recipe.yaml", "--json")).Succeeded();
        Assert.NotEmpty(JsonDocument.Parse(init.Output).RootElement.GetProperty("why").EnumerateObject());
        Assert.Contains("# Made by looking at data", await File.ReadAllTextAsync(Path.Combine(_folder, "recipe.yaml"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
        var check = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "recipe", "check", "recipe.yaml", "--json")).Succeeded().Output).RootElement;
        Assert.Equal((6, 2), (check.GetProperty("trainingChips").GetInt32(), check.GetProperty("validationChips").GetInt32()));
        var run = (await Eoonnx.RunAsync(_folder, "train-adapter", "recipe.yaml", "--set", "run.epochs=2", "--set", "run.threads=1", "--out", "run", "--json")).Succeeded();
        var report = JsonDocument.Parse(run.Output).RootElement.GetProperty("report");
        Assert.All(report.GetProperty("epochs").EnumerateArray(), epoch => Assert.True(double.IsFinite(epoch.GetProperty("trainingLoss").GetDouble())));
    }

    private void Write(string task)
    {
        var table = new List<string> { task == "multilabel" ? "chip,latitude,forest,water" : "chip,latitude,height,volume" };
        for (var chip = 0; chip < 8; chip++)
        {
            var part = chip < 6 ? "train" : "val";
            var image = task switch
            {
                "classification" => $"data/{part}/{(chip % 2 == 0 ? "forest" : "water")}/c{chip}.tif",
                "segmentation" or "regression" => $"data/{part}/images/c{chip}.tif",
                _ => $"data/images/c{chip}.tif",
            };
            RecipeChipFiles.Image(Path.Combine(_folder, image), 3, Tile, chip);
            if (task == "segmentation")
            {
                RecipeChipFiles.Classes(Path.Combine(_folder, $"data/{part}/masks/c{chip}.tif"), Tile, [0, 1, 2], chip);
            }
            else if (task == "regression")
            {
                RecipeChipFiles.Values(Path.Combine(_folder, $"data/{part}/labels/c{chip}.tif"), Tile, 50);
            }

            table.Add(task == "multilabel" ? FormattableString.Invariant($"c{chip}.tif,47.5,{chip % 2},{chip / 4}") : FormattableString.Invariant($"c{chip},47.5,{chip * 1.5},{chip * chip}"));
        }

        if (task is "multilabel" or "scalar-regression")
        {
            File.WriteAllLines(Path.Combine(_folder, "data", "labels.csv"), table);
        }
    }
}
