using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>Every recipe of models/recipes through the real trainer, on small files in the folders and under the names of its data set.</summary>
public sealed class ReadyRecipeTests : IDisposable
{
    private const int Tile = 32;

    private readonly string _root = Directory.CreateTempSubdirectory("eoonnx-ready-").FullName;

    public static TheoryData<string> Names => [.. Directory.GetFiles(Folder, "*.yaml").Select(path => Path.GetFileNameWithoutExtension(path)).Order(StringComparer.Ordinal)];

    // Recipes of arrays run on the published ones: ArrayTrainingTests of tests/EndToEnd.
    public static TheoryData<string> OfChips => [.. Names.Select(row => row.Data).Where(name => RecipeFile.Load(Path.Combine(Folder, $"{name}.yaml")).Data.Arrays is null)];

    private static string Folder => Path.Combine(SharedData.Repository, "models", "recipes");

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Theory]
    [MemberData(nameof(OfChips))]
    public async Task A_recipe_runs_on_its_data_set(string name)
    {
        var written = RecipeFile.Load(Path.Combine(Folder, $"{name}.yaml"));
        var frames = Write(name, written);
        var encoder = Path.Combine(_root, "encoder.onnx");
        Encoder(name == "lcz" ? 18 : 6, frames).Save(encoder);
        var recipe = RecipeFile.Load(
            Path.Combine(Folder, $"{name}.yaml"),
            [$"model={encoder}", "run.epochs=1", "run.batch=2", "run.threads=1", .. Small(written)]);
        recipe = recipe with { Data = InRoot(recipe.Data) };
        var check = RecipeCheck.Of(recipe, TestContext.Current.CancellationToken);
        Assert.True(check.TrainingChips >= 2 && check.ValidationChips >= 1, $"{check}");

        var result = await TrainingJob.RunAsync(recipe, new JobOptions { Folder = Path.Combine(_root, "run") }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal((1, 1), (result.Report.Epochs.Count, result.Report.BestEpoch));
        Assert.True(double.IsFinite(result.Report.Best!.Loss));
        var manifest = ModelManifest.Parse(OnnxModel.Load(Path.Combine(_root, "run", "model.onnx")).Metadata[ModelManifest.MetadataKey]);
        Assert.Equal(written.Data.Classes.Select(item => item.Name), manifest.Classes.Select(item => item.Name));
        Assert.Equal(written.Data.Unit, manifest.Unit);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_recipe_that_is_written_again_is_the_same(string name)
    {
        var recipe = RecipeFile.Load(Path.Combine(Folder, $"{name}.yaml"));
        Assert.Equal(recipe.ToJson(), RecipeFile.Parse(RecipeWriter.Write(recipe, ["again"]), "again.yaml").ToJson());
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_recipe_is_valid_by_the_published_schema(string name) => Assert.Empty(RecipeSchemaCheck.Errors(File.ReadAllText(Path.Combine(Folder, $"{name}.yaml"))));

    [Fact]
    public void The_schema_refuses_a_wrong_word_and_an_unknown_setting()
    {
        var text = File.ReadAllText(Path.Combine(Folder, "burn-scars.yaml"));
        Assert.NotEmpty(RecipeSchemaCheck.Errors(text.Replace("task: segmentation", "task: segments", StringComparison.Ordinal)));
        Assert.NotEmpty(RecipeSchemaCheck.Errors($"{text}\nnothing: 1"));
    }

    // The decoders of the recipes are made for encoders a hundred times as wide.
    private static IEnumerable<string> Small(TrainingRecipe recipe) => recipe.Decoder.Channels switch
    {
        null => [],
        { Count: 1 } => ["decoder.channels=8"],
        _ => ["decoder.channels=[16, 8, 8, 4]"],
    };

    private DataRecipe InRoot(DataRecipe data) => data with
    {
        Folder = In(data.Folder)!, LabelFolder = In(data.LabelFolder), ValidationFolder = In(data.ValidationFolder), ValidationLabelFolder = In(data.ValidationLabelFolder),
        SplitFile = In(data.SplitFile), ValidationSplitFile = In(data.ValidationSplitFile),
    };

    private string? In(string? path) => path is null ? null : Path.Combine(_root, path);

    private static OnnxModel Encoder(int bands, int frames)
    {
        var model = TestEncoder.Build(bands * frames, Tile, 8, 16, 2);
        var manifest = ModelManifest.Parse(model.Metadata[ModelManifest.MetadataKey]);
        model.Metadata[ModelManifest.MetadataKey] = (manifest with { Frames = frames, Bands = [.. Enumerable.Range(1, bands).Select(band => new ManifestBand($"band {band}"))] }).ToJson();
        return model;
    }

    /// <summary>Writes the data set; returns the dates of its images.</summary>
    private int Write(string name, TrainingRecipe recipe)
    {
        switch (name)
        {
            case "burn-scars":
                Pairs("hls_burn_scars/training", "subsetted_512x512_HLS.S30.T10SDH.2020{0}.v1.4", "_merged.tif", ".mask.tif", 6, [0, 1, -1], 3);
                Pairs("hls_burn_scars/validation", "subsetted_512x512_HLS.S30.T11SLT.2019{0}.v1.4", "_merged.tif", ".mask.tif", 6, [0, 1], 1);
                return 1;
            case "crop":
                Pairs("multi_temporal_crop/training_chips", "chip_{0}_000", "_merged.tif", ".mask.tif", 18, [.. Enumerable.Range(0, 14).Select(value => (float)value)], 3);
                Pairs("multi_temporal_crop/validation_chips", "chip_{0}_000", "_merged.tif", ".mask.tif", 18, [.. Enumerable.Range(0, 14).Select(value => (float)value)], 2);
                return 3;
            case "flood":
                foreach (var (index, chip) in new[] { "Ghana_1", "Ghana_2", "Spain_3", "India_4" }.Index())
                {
                    RecipeChipFiles.Image(In($"{recipe.Data.Folder}/S2Hand/{chip}_S2Hand.tif")!, 13, Tile, index);
                    RecipeChipFiles.Classes(In($"{recipe.Data.Folder}/LabelHand/{chip}_LabelHand.tif")!, Tile, [0, 1, -1], index);
                }

                Directory.CreateDirectory(Path.GetDirectoryName(In(recipe.Data.SplitFile))!);
                File.WriteAllLines(In(recipe.Data.SplitFile)!, ["Ghana_1", "Ghana_2", "Spain_3"]);
                File.WriteAllLines(In(recipe.Data.ValidationSplitFile)!, ["India_4"]);
                return 1;
            case "biomass":
                foreach (var (part, count) in new[] { ("train", 3), ("val", 1) })
                {
                    for (var chip = 0; chip < count; chip++)
                    {
                        RecipeChipFiles.Image(In($"biomass/{part}_images/tile_{chip}.tif")!, 11, Tile, chip);
                        RecipeChipFiles.Values(In($"biomass/{part}_labels/tile_{chip}.tif")!, Tile, 200);
                    }
                }

                return 1;
            default:
                foreach (var (index, item) in recipe.Data.Classes.Index())
                {
                    RecipeChipFiles.Image(In($"so2sat_lcz42/training/images/{item.Name}/a{index}.tif")!, 18, Tile, index);
                    RecipeChipFiles.Image(In($"so2sat_lcz42/validation/images/{item.Name}/b{index}.tif")!, 18, Tile, 100 + index);
                }

                return 1;
        }
    }

    private void Pairs(string folder, string name, string image, string label, int bands, float[] labels, int count)
    {
        for (var chip = 0; chip < count; chip++)
        {
            var stem = In(Path.Combine(folder, string.Format(System.Globalization.CultureInfo.InvariantCulture, name, 100 + chip)));
            RecipeChipFiles.Image(stem + image, bands, Tile, chip);
            RecipeChipFiles.Classes(stem + label, Tile, labels, chip);
        }
    }
}
