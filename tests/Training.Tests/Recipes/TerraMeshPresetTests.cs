using EoOnnx.Export;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary><c>data.preset: terramesh</c> on five real samples of TerraMesh, as the examples of TerraMind ship them.</summary>
public sealed class TerraMeshPresetTests : IDisposable
{
    private const int Tile = 32;

    private readonly string _root = Directory.CreateTempSubdirectory("eoonnx-preset-").FullName;

    private static string Samples => SharedData.Require(Path.Combine(SharedData.Data, "terramesh"));

    private static int Count => Directory.EnumerateFiles(Path.Combine(Samples, "LULC"), "*.tif").Count();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void A_model_of_several_modalities_is_given_the_folder_of_each_and_land_cover_as_labels()
    {
        var model = TerraMind("S2L2A", "S1RTC", "DEM");
        var recipe = RecipeFile.Parse($"model: {model}\ndata:\n  folder: {Samples}\n  preset: terramesh\n", "recipe.yaml");
        var check = RecipeCheck.Of(recipe, TestContext.Current.CancellationToken);
        Assert.Equal(12 + 2 + 1, check.Bands);
        Assert.Equal(["water", "trees", "flooded vegetation", "crops", "built area", "bare ground", "snow or ice", "clouds", "rangeland"], check.Labels.Keys);
        Assert.True(check.Labels["crops"] > 0);

        var data = TerraMesh.WithImages(TerraMesh.WithLabels(recipe.Data, ModelTask.Segmentation), Manifest(model));
        Assert.Equal(("S2L2A/*.tif", "LULC/*.tif"), (data.Images, data.Labels));
        Assert.Equal(["S1RTC/*.tif", "DEM/*.tif"], data.MoreImages);
        Assert.Empty(data.Means);   // the model's own
    }

    [Theory, InlineData("S2L2A"), InlineData("S2L1C"), InlineData("S1RTC"), InlineData("DEM"), InlineData("NDVI")]
    public void The_bands_and_statistics_of_a_modality_fit_its_files(string modality)
    {
        var bands = TerraMesh.WithImages(Data(modality), Bare(0)).Means.Count;
        var recipe = new TrainingRecipe { Model = Encoder(bands), Task = TaskName.Regression, Data = Data(modality) with { Labels = "DEM/*.tif" } };
        var check = RecipeCheck.Of(recipe, TestContext.Current.CancellationToken);
        Assert.Equal(bands, check.Bands);
        Assert.True(check.TrainingChips + check.ValidationChips >= Count, $"{check}");
        Assert.Equal(bands, TerraMesh.WithImages(recipe.Data, Bare(bands)).Deviations.Count);
    }

    [Fact]
    public void Statistics_are_those_that_TerraMind_was_trained_with()
    {
        string[] names = ["S2L2A", "S2L1C", "RGB", "S1GRD", "S1RTC", "DEM"];
        foreach (var modality in Manifest(TerraMind(names)).Modalities)
        {
            var folder = Directory.CreateDirectory(Path.Combine(_root, "statistics", modality.Name == "RGB" ? "S2RGB" : modality.Name)).Parent!.FullName;
            var data = TerraMesh.WithImages(new DataRecipe { Folder = folder, Preset = DataPreset.Terramesh, Modalities = [modality.Name] }, Bare(0));
            Assert.Equal(modality.Bands.Select(band => band.Mean), data.Means);
            Assert.Equal(modality.Bands.Select(band => band.StandardDeviation), data.Deviations);
        }
    }

    [Fact]
    public void A_model_of_some_bands_takes_them_by_name_from_the_modalities_that_are_asked_for()
    {
        var data = TerraMesh.WithImages(Data("S2L2A", "S1RTC") with { ConstantScale = 1e-4 }, Bare(0) with { Bands = [new("RED"), new("B8A"), new("VH")] });
        Assert.Equal([4, 9, 14], data.Bands!);
        Assert.Equal([0.185391, 0.313222, -0.0017329], data.Means.Select(mean => Math.Round(mean, 7)));
        Assert.Equal(["S2L2A/*.tif", "S1RTC/*.tif"], data.MoreImages.Prepend(data.Images));
    }

    [Fact]
    public void An_encoder_of_any_bands_is_told_the_wavelengths_of_the_modality()
    {
        BackboneExport.FromRandom(Backbones.Find("dofa"), "tiny", 1, new BackboneOptions { AnyBands = true, Layers = [1], Tile = Tile }).Model.Save(In("open.onnx"));
        var check = RecipeCheck.Of(new TrainingRecipe { Model = In("open.onnx"), Data = Data("S2L1C", "S1RTC") }, TestContext.Current.CancellationToken);
        Assert.Equal(13 + 2, check.Bands);
    }

    [Fact]
    public void The_part_val_is_held_out_and_NDVI_is_the_target_of_a_regression()
    {
        var names = Directory.EnumerateFiles(Path.Combine(Samples, "LULC"), "*.tif").Select(Path.GetFileName).Order(StringComparer.Ordinal).ToList();
        foreach (var (index, name) in names.Index())
        {
            foreach (var modality in new[] { "S2L2A", "NDVI" })
            {
                File.Copy(Path.Combine(Samples, modality, name!), Path.Combine(Directory.CreateDirectory(In($"{(index == 0 ? "val" : "train")}/{modality}")).FullName, name!));
            }
        }

        var recipe = new TrainingRecipe { Model = Encoder(12), Task = TaskName.Regression, Data = new DataRecipe { Folder = _root, Preset = DataPreset.Terramesh } };
        var check = RecipeCheck.Of(recipe, TestContext.Current.CancellationToken);
        Assert.Equal("by folder or split file", check.Split);
        Assert.Equal(names.Count - 1, check.TrainingChips / check.ValidationChips);
        Assert.Equal("NDVI", TerraMesh.WithLabels(recipe.Data, ModelTask.Regression).Unit);
    }

    [Fact]
    public void What_TerraMesh_does_not_have_is_refused_by_name_with_the_next_step()
    {
        Assert.Contains("Did you mean", Refused(() => TerraMesh.WithImages(Data("S2L2B"), Bare(0))), StringComparison.Ordinal);
        Assert.Contains("takes the band SWIR_9; S1RTC of TerraMesh has VV, VH", Refused(() => TerraMesh.WithImages(Data("S1RTC"), Bare(0) with { Bands = [new("VV"), new("SWIR_9")] })), StringComparison.Ordinal);
        Assert.Contains("takes S2L2A, S1RTC, in this order", Refused(() => TerraMesh.WithImages(Data("S1RTC"), Manifest(TerraMind("S2L2A", "S1RTC")))), StringComparison.Ordinal);
        Assert.Contains("not whole chips", Refused(() => TerraMesh.WithLabels(Data(), ModelTask.Classification)), StringComparison.Ordinal);
        Assert.Contains("belongs to data.preset", Refused(() => TerraMesh.WithLabels(Data("DEM") with { Preset = DataPreset.None }, ModelTask.Segmentation)), StringComparison.Ordinal);
        Assert.Contains($"{_root}{Path.DirectorySeparatorChar}S1GRD does not exist", Refused(() => TerraMesh.WithImages(Data("S1GRD") with { Folder = _root }, Bare(0))), StringComparison.Ordinal);

        File.WriteAllBytes(Path.Combine(Directory.CreateDirectory(In("train/S2L2A")).FullName, "majortom_train_000001.tar"), [0]);
        Assert.Contains("majortom_train_000001.tar is a shard of TerraMesh as it is published", Refused(() => TerraMesh.WithImages(Data() with { Folder = _root }, Bare(0))), StringComparison.Ordinal);
    }

    private static string Refused(Action work) => Assert.Throws<TrainingDataException>(work).Message;

    private static DataRecipe Data(params string[] modalities) => new() { Folder = Samples, Preset = DataPreset.Terramesh, Modalities = modalities };

    private static ModelManifest Bare(int bands) => new() { Name = "bare", Family = "test", Task = ModelTask.Features, Bands = [.. Enumerable.Range(1, bands).Select(band => new ManifestBand($"band {band}"))] };

    private static ModelManifest Manifest(string model) => ModelManifest.Parse(OnnxModel.Load(model).Metadata[ModelManifest.MetadataKey]);

    private string In(string name) => Path.Combine(_root, name);

    private string Encoder(int bands)
    {
        TestEncoder.Build(bands, Tile, 8, 16, 2).Save(In("encoder.onnx"));
        return In("encoder.onnx");
    }

    private string TerraMind(params string[] modalities)
    {
        BackboneExport.FromRandom(Backbones.Find("terramind"), "tiny", 1, new BackboneOptions { Tile = Tile, Modalities = modalities, Merge = TokenMerge.Mean, Layers = [1] }).Model.Save(In("terramind.onnx"));
        return In("terramind.onnx");
    }
}
