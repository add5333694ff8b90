using EoOnnx.Export;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Recipes.Start;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>Recipes made by looking at small files in the folders and under the names of published data sets; each is checked as a run would do it.</summary>
public sealed class RecipeStartTests : IDisposable
{
    private const int Tile = 32;
    private static readonly string[] Hls = ["BLUE", "GREEN", "RED", "NIR_NARROW", "SWIR_1", "SWIR_2"];

    private readonly string _root = Directory.CreateTempSubdirectory("eoonnx-start-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public void Burn_scars_are_paired_by_suffix_and_the_validation_folder_is_held_out()
    {
        Pairs("data/training", "subsetted_512x512_HLS.S30.T10SDH.2020{0}.v1.4", "_merged.tif", ".mask.tif", 6, [0, 1, -1], 4);
        Pairs("data/validation", "subsetted_512x512_HLS.S30.T11SLT.2019{0}.v1.4", "_merged.tif", ".mask.tif", 6, [0, 1], 2);
        var start = Start(TaskName.Segmentation, "data", Encoder(6));
        var data = start.Recipe.Data;
        Assert.Equal(("*_merged.tif", "*.mask.tif", $"{_root}/data/training", $"{_root}/data/validation"), (data.Images, data.Labels, data.Folder, data.ValidationFolder));
        Assert.Equal([new ClassRecipe("class 0"), new ClassRecipe("class 1")], data.Classes);
        Assert.Contains("1 ", start.Remarks["data.classes"], StringComparison.Ordinal);
        Assert.Equal((4, 2), Check(start));
    }

    [Fact]
    public void Floods_are_paired_across_folders_with_split_lists_and_a_guess_at_the_bands()
    {
        foreach (var (index, chip) in new[] { "Ghana_1", "Ghana_2", "Spain_3", "India_4" }.Index())
        {
            RecipeChipFiles.Counts(In($"v1.1/data/HandLabeled/S2Hand/{chip}_S2Hand.tif"), 13, Tile, index);
            RecipeChipFiles.Image(In($"v1.1/data/HandLabeled/S1Hand/{chip}_S1Hand.tif"), 2, Tile, index);
            RecipeChipFiles.Classes(In($"v1.1/data/HandLabeled/LabelHand/{chip}_LabelHand.tif"), Tile, [0, 1, -1], index);
            RecipeChipFiles.Classes(In($"v1.1/data/HandLabeled/S1OtsuLabelHand/{chip}_S1OtsuLabelHand.tif"), Tile, [0, 1], index);
        }

        Directory.CreateDirectory(In("v1.1/splits"));
        File.WriteAllLines(In("v1.1/splits/flood_train_data.csv"), ["Ghana_1_S1Hand.tif,Ghana_1_LabelHand.tif", "Ghana_2_S1Hand.tif,Ghana_2_LabelHand.tif", "Spain_3_S1Hand.tif,Spain_3_LabelHand.tif"]);
        File.WriteAllLines(In("v1.1/splits/flood_valid_data.csv"), ["India_4_S1Hand.tif,India_4_LabelHand.tif"]);
        var start = Start(TaskName.Segmentation, "v1.1", Encoder(6, names: Hls, mean: 1500));
        var data = start.Recipe.Data;
        Assert.Equal(("S2Hand/*_S2Hand.tif", "LabelHand/*_LabelHand.tif"), (data.Images, data.Labels));
        Assert.Equal([2, 3, 4, 9, 12, 13], data.Bands!);
        Assert.Contains("A guess", start.Remarks["data.bands"], StringComparison.Ordinal);
        Assert.Contains("S1Hand/*_S1Hand.tif", start.Remarks["data.images"], StringComparison.Ordinal);
        Assert.Equal(($"{_root}/v1.1/splits/flood_train_data.csv", $"{_root}/v1.1/splits/flood_valid_data.csv"), (data.SplitFile, data.ValidationSplitFile));
        Assert.Equal((1, StatisticsSource.Model), (data.ConstantScale, data.Statistics));
        Assert.Equal((3, 1), Check(start));
    }

    [Fact]
    public void Biomass_is_paired_by_folders_named_after_part_and_kind_and_the_mark_of_no_label_is_found()
    {
        foreach (var (part, count) in new[] { ("train", 3), ("val", 1) })
        {
            for (var chip = 0; chip < count; chip++)
            {
                RecipeChipFiles.Image(In($"{part}_images/tile_{chip}.tif"), 6, Tile, chip, Hls);
                RecipeChipFiles.Values(In($"{part}_labels/tile_{chip}.tif"), Tile, 200, first: -9999);
            }
        }

        var start = Start(TaskName.Regression, "", Encoder(6));
        var data = start.Recipe.Data;
        Assert.Equal(($"{_root}/train_images", $"{_root}/train_labels", $"{_root}/val_images", $"{_root}/val_labels"), (data.Folder, data.LabelFolder, data.ValidationFolder, data.ValidationLabelFolder));
        Assert.Equal([-9999], data.Ignored!);
        Assert.True(start.Recipe.Loss.StandardizeTarget);
        Assert.Equal((3, 1), Check(start));
    }

    [Fact]
    public void Bands_are_found_by_the_names_in_the_files()
    {
        for (var chip = 0; chip < 4; chip++)
        {
            RecipeChipFiles.Image(In($"S2L2A/{chip}.tif"), 7, Tile, chip, ["B02", "B03", "B04", "B08", "B8A", "B11", "B12"]);
            RecipeChipFiles.Classes(In($"LULC/{chip}.tif"), Tile, [1, 5], chip);
        }

        var start = Start(TaskName.Segmentation, "", Encoder(6, names: Hls));
        Assert.Equal([1, 2, 3, 5, 6, 7], start.Recipe.Data.Bands!);
        Assert.Equal([new ClassRecipe("class 1", 1), new ClassRecipe("class 5", 5)], start.Recipe.Data.Classes);
        Assert.Equal(("S2L2A/*.tif", "LULC/*.tif"), (start.Recipe.Data.Images, start.Recipe.Data.Labels));
        Assert.Equal((3, 1), Check(start));
    }

    [Fact]
    public void A_value_that_no_file_declares_as_missing_is_found_and_kept_out_of_the_statistics()
    {
        Pairs("", "chip_{0}", "_merged.tif", ".mask.tif", 3, [0, 1], 4);
        RecipeChipFiles.Image(In("chip_100_merged.tif"), 3, Tile, 0, first: -9999);
        var start = Start(TaskName.Segmentation, "", Encoder(3));
        Assert.Equal(-9999, start.Recipe.Data.NoData);
        Assert.All(start.Recipe.Data.Means, mean => Assert.InRange(mean, 300, 700));
        Assert.Equal((3, 1), Check(start));
    }

    [Fact]
    public void Dates_of_a_chip_have_one_mean_a_band()
    {
        Pairs("training_chips", "chip_{0}_000", "_merged.tif", ".mask.tif", 18, [0, 1, 2], 3);
        Pairs("validation_chips", "chip_{0}_001", "_merged.tif", ".mask.tif", 18, [0, 1, 2], 1);
        var start = Start(TaskName.Segmentation, "", Encoder(6, frames: 3));
        Assert.Equal((6, 6), (start.Recipe.Data.Means.Count, start.Recipe.Data.Deviations.Count));
        Assert.Equal((3, 1), Check(start));
    }

    [Fact]
    public void Arrays_of_NumPy_are_chips_too()
    {
        for (var chip = 0; chip < 4; chip++)
        {
            RecipeChipFiles.Array(In($"images/c{chip}.npy"), [3, Tile, Tile], chip, 900);
            RecipeChipFiles.Array(In($"labels/c{chip}.npy"), [Tile, Tile], chip, 2);
        }

        var start = Start(TaskName.Segmentation, "", Encoder(3));
        Assert.Equal(("images/*.npy", "labels/*.npy"), (start.Recipe.Data.Images, start.Recipe.Data.Labels));
        Assert.Equal((3, 1), Check(start));
    }

    [Fact]
    public void Without_a_model_the_recipe_says_that_one_must_be_exported()
    {
        Pairs("", "chip_{0}", "_merged.tif", ".mask.tif", 3, [0, 1], 4);
        var start = RecipeStart.Of(TaskName.Segmentation, _root, null, TestContext.Current.CancellationToken);
        Assert.Equal(RecipeStart.ModelToExport, start.Recipe.Model);
        Assert.Contains(start.Header, line => line.StartsWith("to do: export an encoder", StringComparison.Ordinal));
        Assert.Equal(start.Recipe.ToJson(), RecipeFile.Parse(RecipeWriter.Write(start.Recipe, start.Header, start.Remarks), "again.yaml").ToJson());
    }

    [Fact]
    public void Files_that_do_not_belong_together_are_named_with_what_was_found()
    {
        RecipeChipFiles.Image(In("photos/a.tif"), 3, Tile, 0);
        RecipeChipFiles.Classes(In("other/b.tif"), Tile, [0, 1], 0);
        var failure = Assert.Throws<TrainingDataException>(() => RecipeStart.Of(TaskName.Segmentation, _root, null, TestContext.Current.CancellationToken));
        Assert.Contains("photos has 1, the first a.tif", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Measured_labels_are_no_segmentation_and_the_other_task_is_named()
    {
        for (var chip = 0; chip < 2; chip++)
        {
            RecipeChipFiles.Image(In($"images/{chip}.tif"), 3, Tile, chip);
            RecipeChipFiles.Values(In($"labels/{chip}.tif"), Tile, 1);
        }

        var failure = Assert.Throws<TrainingDataException>(() => RecipeStart.Of(TaskName.Segmentation, _root, null, TestContext.Current.CancellationToken));
        Assert.Contains("--task regression", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("chip,class\n0,dark,\n1,bright\n", ":2: 3 fields; the first line names 2 columns. Mend the row")]
    [InlineData("chip,class\n0,\"dark\n1,bright\n", ": this is no CSV file")]
    public void A_damaged_table_is_left_out_and_named_with_its_row_where_another_has_the_labels(string damaged, string expected)
    {
        for (var chip = 0; chip < 4; chip++)
        {
            RecipeChipFiles.Image(In($"chips/{chip}.tif"), 3, Tile, chip);
        }

        File.WriteAllText(In("chips/a-damaged.csv"), damaged);
        var alone = Assert.Throws<TrainingDataException>(() => RecipeStart.Of(TaskName.Multilabel, _root, null, TestContext.Current.CancellationToken));
        Assert.Contains("has no CSV file whose rows name the chips", alone.Message, StringComparison.Ordinal);
        Assert.Contains("a-damaged.csv", alone.Message, StringComparison.Ordinal);
        Assert.Contains(expected, alone.Message, StringComparison.Ordinal);
        File.WriteAllText(In("chips/labels.csv"), "chip,class\n0,dark\n1,bright\n2,dark\n3,bright\n");
        var start = RecipeStart.Of(TaskName.Classification, _root, null, TestContext.Current.CancellationToken);
        Assert.EndsWith("labels.csv", start.Recipe.Data.LabelTable, StringComparison.Ordinal);
        Assert.Equal(["bright", "dark"], start.Recipe.Data.Classes.Select(item => item.Name));
        Assert.Contains("A table was left out", start.Remarks["data.labelTable"], StringComparison.Ordinal);
        Assert.Contains(expected, start.Remarks["data.labelTable"], StringComparison.Ordinal);
    }

    [Fact]
    public void Wavelengths_of_named_bands_are_written_for_an_encoder_that_takes_any()
    {
        Chips(4, Hls);
        BackboneExport.FromRandom(Backbones.Find("dofa"), "tiny", 1, new BackboneOptions { AnyBands = true, Layers = [1], Tile = Tile }).Model.Save(In("open.onnx"));
        var start = Start(TaskName.Segmentation, "data", In("open.onnx"));
        Assert.Equal([0.49, 0.56, 0.665, 0.865, 1.612, 2.196], start.Recipe.Data.Wavelengths);
        Assert.Contains("BLUE, GREEN, RED", start.Remarks["data.wavelengths"], StringComparison.Ordinal);
        Check(start);

        Chips(4, null);
        Assert.Contains("6 bands without one", Assert.Throws<TrainingDataException>(() => Start(TaskName.Segmentation, "data", In("open.onnx"))).Message, StringComparison.Ordinal);

        void Chips(int count, string[]? names)
        {
            for (var chip = 0; chip < count; chip++)
            {
                RecipeChipFiles.Image(In($"data/images/{chip}.tif"), Hls.Length, Tile, chip, names);
                RecipeChipFiles.Classes(In($"data/labels/{chip}.tif"), Tile, [0, 1], chip);
            }
        }
    }

    [Fact]
    public void Losses_that_are_asked_for_replace_the_usual_one_and_must_belong_to_the_task()
    {
        Pairs("data/training", "chip{0}", "_merged.tif", ".mask.tif", 6, [0, 1], 4);
        var start = Start(TaskName.Segmentation, "data", Encoder(6));
        var changed = start.WithLoss(loss => loss with { Parts = [new() { Name = LossName.Dice }, new() { Name = LossName.Lovasz, Weight = 0.5 }], ClassWeights = ClassWeighting.SquareRoot });
        Assert.Equal(ClassWeighting.None, changed.Recipe.Loss.ClassWeights);
        Assert.Contains("name: lovasz", RecipeWriter.Write(changed.Recipe, changed.Header, changed.Remarks), StringComparison.Ordinal);
        Check(changed);
        Assert.Contains("The loss mse does not belong to the task segmentation", Assert.Throws<TrainingException>(() => start.WithLoss(loss => loss with { Name = LossName.Mse })).Message, StringComparison.Ordinal);
    }

    private RecipeStart Start(TaskName task, string folder, string model) => RecipeStart.Of(task, In(folder).TrimEnd('/'), model, TestContext.Current.CancellationToken);

    /// <summary>Samples to train on and held out, found by doing what a run does before its first step.</summary>
    private static (int, int) Check(RecipeStart start)
    {
        var text = RecipeWriter.Write(start.Recipe, start.Header, start.Remarks);
        Assert.Empty(RecipeSchemaCheck.Errors(text));
        var written = RecipeFile.Parse(text, "recipe.yaml");
        Assert.Equal(start.Recipe.ToJson(), written.ToJson());
        var check = RecipeCheck.Of(written, TestContext.Current.CancellationToken);
        return (check.TrainingChips, check.ValidationChips);
    }

    private string In(string path) => Path.Combine(_root, path);

    private string Encoder(int bands, int frames = 1, string[]? names = null, double mean = 0)
    {
        var model = TestEncoder.Build(bands * frames, Tile, 8, 16, 2);
        var manifest = ModelManifest.Parse(model.Metadata[ModelManifest.MetadataKey]);
        model.Metadata[ModelManifest.MetadataKey] = (manifest with
        {
            Frames = frames,
            Bands = [.. Enumerable.Range(1, bands).Select(band => new ManifestBand(names?[band - 1] ?? $"band {band}") { Mean = mean, StandardDeviation = mean == 0 ? 1 : mean })],
        }).ToJson();
        model.Save(In("encoder.onnx"));
        return In("encoder.onnx");
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
