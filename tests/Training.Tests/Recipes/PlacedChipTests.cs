using System.Text.Json;
using EoOnnx.Export;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Recipes.Start;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Recipes;

/// <summary>Georeferenced chips through the real trainer: labels that are polygons, splits by blocks, dates and places for encoders that take them.</summary>
public sealed class PlacedChipTests : IDisposable
{
    private const int Tile = 32;

    private readonly string _root = Directory.CreateTempSubdirectory("eoonnx-placed-").FullName;

    public void Dispose() => Directory.Delete(_root, recursive: true);

    [Fact]
    public async Task Polygons_of_a_GeoJSON_file_are_labels_by_their_attribute()
    {
        Chips(3);
        TestEncoder.Build(bands: 3, tile: Tile, patch: 8, width: 16, depth: 1).Save(In("encoder.onnx"));
        Polygons("forest", "water", "road");
        var data = new DataRecipe { Folder = In("chips"), Polygons = new PolygonRecipe { File = In("labels.geojson"), Attribute = "kind" }, Classes = [new ClassRecipe("water"), new ClassRecipe("forest")], ValidationShare = 0.3 };
        var recipe = new TrainingRecipe { Model = In("encoder.onnx"), Data = data, Run = new RunRecipe { Epochs = 1, Batch = 2, Threads = 1 } };
        var check = RecipeCheck.Of(recipe, TestContext.Current.CancellationToken);
        Assert.Equal(["water", "forest"], check.Labels.Keys);
        Assert.All(check.Labels.Values, count => Assert.InRange(count, 200, 3 * Tile * Tile / 2));
        Assert.True(check.Labels.Values.Sum() < 2 * Tile * Tile * 3 / 4, "pixels of roads and outside are not labelled");

        var outside = RecipeCheck.Of(recipe with { Data = data with { Polygons = data.Polygons! with { Outside = "water" } } }, TestContext.Current.CancellationToken);
        Assert.Equal(check.Labels["forest"], outside.Labels["forest"]);
        Assert.True(outside.Labels["water"] > check.Labels["water"]);

        var report = (await TrainingJob.RunAsync(recipe, new JobOptions { Folder = In("run") }, cancellation: TestContext.Current.CancellationToken)).Report;
        Assert.True(double.IsFinite(report.Best!.Loss));
    }

    [Fact]
    public void Polygons_without_a_class_of_the_recipe_are_refused_with_what_was_looked_for()
    {
        Chips(2);
        TestEncoder.Build(bands: 3, tile: Tile, patch: 8, width: 16, depth: 1).Save(In("encoder.onnx"));
        Polygons("road", "road", "road");
        var data = new DataRecipe { Folder = In("chips"), Polygons = new PolygonRecipe { File = In("labels.geojson"), Attribute = "kind" }, Classes = [new ClassRecipe("water"), new ClassRecipe("forest")] };
        var failure = Assert.Throws<TrainingDataException>(() => RecipeCheck.Of(new TrainingRecipe { Model = In("encoder.onnx"), Data = data }, TestContext.Current.CancellationToken));
        Assert.Contains("has one of the classes water, forest in its attribute 'kind'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Blocks_are_held_out_whole_and_a_map_of_the_split_is_written()
    {
        Chips(12);
        for (var chip = 0; chip < 12; chip++)
        {
            RecipeChipFiles.Classes(In($"labels/c{chip}.tif"), Tile, [0, 1], chip);
        }

        TestEncoder.Build(bands: 3, tile: Tile, patch: 8, width: 16, depth: 1).Save(In("encoder.onnx"));
        var recipe = new TrainingRecipe
        {
            Model = In("encoder.onnx"),
            Data = new DataRecipe { Folder = In("chips"), LabelFolder = In("labels"), Images = "*_20200904.tif", Labels = "*.tif", Classes = [new ClassRecipe("a"), new ClassRecipe("b")], BlockMetres = 3000, ValidationShare = 0.3 },
            Run = new RunRecipe { Epochs = 1, Batch = 2, Threads = 1 },
        };
        var report = (await TrainingJob.RunAsync(recipe, new JobOptions { Folder = In("run") }, cancellation: TestContext.Current.CancellationToken)).Report;
        Assert.Contains("blocks of 3000 m", report.Split, StringComparison.Ordinal);
        var features = JsonDocument.Parse(await File.ReadAllTextAsync(In("run/split.geojson"), TestContext.Current.CancellationToken)).RootElement.GetProperty("features").EnumerateArray().Select(feature => feature.GetProperty("properties"))
            .Select(item => (Name: item.GetProperty("name").GetString()!, Part: item.GetProperty("part").GetString(), Block: item.GetProperty("block").GetString())).ToList();
        Assert.Equal(12, features.Count);
        Assert.Equal(report.ValidationChips.Order(StringComparer.Ordinal), features.Where(item => item.Part == "validation").Select(item => item.Name).Order(StringComparer.Ordinal));
        Assert.All(features.GroupBy(item => item.Block), block => Assert.Single(block.Select(item => item.Part).Distinct()));
        Assert.True(features.Select(item => item.Block).Distinct().Count() > 2);
        Assert.Contains("blue chips are trained on", await File.ReadAllTextAsync(In("run/report.html"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_encoder_of_any_bands_is_trained_with_the_wavelengths_of_the_recipe_as_one_of_these_bands()
    {
        Chips(4);
        for (var chip = 0; chip < 4; chip++)
        {
            RecipeChipFiles.Classes(In($"labels/c{chip}.tif"), Tile, [0, 1], chip);
        }

        double[] wavelengths = [0.49, 0.56, 0.665];
        var dofa = Backbones.All.Single(backbone => backbone.Name == "dofa");
        BackboneExport.FromRandom(dofa, "tiny", 1, new BackboneOptions { AnyBands = true, Layers = [1], Tile = Tile }).Model.Save(In("open.onnx"));
        BackboneExport.FromRandom(dofa, "tiny", 1, new BackboneOptions { Wavelengths = wavelengths, Layers = [1], Tile = Tile }).Model.Save(In("fixed.onnx"));
        var data = new DataRecipe { Folder = In("chips"), LabelFolder = In("labels"), Images = "*_20200904.tif", Labels = "*.tif", Classes = [new ClassRecipe("a"), new ClassRecipe("b")], ValidationShare = 0.5, Augment = false };
        TrainingRecipe Recipe(string encoder, params double[] given) => new() { Model = In(encoder), Data = data with { Wavelengths = given }, Run = new RunRecipe { Epochs = 2, Batch = 2, Threads = 1 } };
        async Task<TrainingReport> TrainAsync(TrainingRecipe recipe, string run) => (await TrainingJob.RunAsync(recipe, new JobOptions { Folder = In(run) }, cancellation: TestContext.Current.CancellationToken)).Report;
        var (open, closed) = (await TrainAsync(Recipe("open.onnx", wavelengths), "open"), await TrainAsync(Recipe("fixed.onnx"), "fixed"));
        Assert.Equal(closed.Epochs.Select(epoch => Math.Round(epoch.Validation.Loss, 3)), open.Epochs.Select(epoch => Math.Round(epoch.Validation.Loss, 3)));
        Assert.True(open.Epochs[1].TrainingLoss < open.Epochs[0].TrainingLoss);

        using var model = EoModel.Load(In("open/model.onnx"));
        Assert.Single(model.Inputs);
        Assert.Equal(wavelengths, model.Manifest.Bands.Select(band => band.WavelengthMicrometres!.Value));
        using var adapter = model.LoadAdapter(In("open/adapter.safetensors"));
        var evaluated = await EvaluationJob.RunAsync(model, adapter, data with { HoldOut = open.ValidationChips }, new EvaluationOptions { Part = DataPart.Validation, Batch = 2 }, cancellation: TestContext.Current.CancellationToken);
        Assert.Equal(open.Best!.Loss, evaluated.CrossEntropy!.Value, 1e-4);

        string Refused(TrainingRecipe recipe) => Assert.Throws<TrainingDataException>(() => RecipeCheck.Of(recipe, TestContext.Current.CancellationToken)).Message;
        Assert.Contains("data.wavelengths: [0.49, 0.56, 0.665]", Refused(Recipe("open.onnx")), StringComparison.Ordinal);
        Assert.Matches("The chips have 3 bands; .* expects 2", Refused(Recipe("open.onnx", 0.49, 0.56)));
        Assert.Contains("Leave out data.wavelengths", Refused(Recipe("fixed.onnx", wavelengths)), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(CoordinatesUse.None)]
    [InlineData(CoordinatesUse.Both)]
    public async Task An_encoder_that_takes_dates_and_places_is_trained_and_evaluated_with_the_same_ones(CoordinatesUse use)
    {
        Chips(4);
        for (var chip = 0; chip < 4; chip++)
        {
            RecipeChipFiles.Classes(In($"labels/c{chip}.tif"), Tile, [0, 1], chip);
        }

        BackboneExport.FromRandom(Backbones.All.Single(backbone => backbone.Name == "prithvi"), "v2-tiny-tl", 1, new BackboneOptions { Bands = ["BLUE", "GREEN", "RED"], Layers = [1], Tile = Tile }).Model.Save(In("encoder.onnx"));
        var data = new DataRecipe { Folder = In("chips"), LabelFolder = In("labels"), Images = "*_20200904.tif", Labels = "*.tif", Classes = [new ClassRecipe("a"), new ClassRecipe("b")], Coordinates = use, ValidationShare = 0.5, Augment = false };
        var recipe = new TrainingRecipe { Model = In("encoder.onnx"), Data = data, Run = new RunRecipe { Epochs = 2, Batch = 2, Threads = 1 }, Optimizer = new OptimizerRecipe { LearningRate = 0.01 } };
        Assert.Equal(CoordinatesUse.Both, RecipeStart.Of(TaskName.Segmentation, Paired(), In("encoder.onnx"), TestContext.Current.CancellationToken).Recipe.Data.Coordinates);
        Assert.Equal(3, RecipeCheck.Of(recipe, TestContext.Current.CancellationToken).Bands);
        var report = (await TrainingJob.RunAsync(recipe, new JobOptions { Folder = In("run") }, cancellation: TestContext.Current.CancellationToken)).Report;
        using var model = EoModel.Load(In("run/model.onnx"));
        using var adapter = model.LoadAdapter(In("run/adapter.safetensors"));
        Assert.Equal(use == CoordinatesUse.None ? [] : ["location_coords", "temporal_coords"], model.OptionalInputs.Select(input => input.Name).Order(StringComparer.Ordinal));

        // Evaluated from the folder alone, without the recipe's data.coordinates: the model knows what it was trained with.
        async Task<double> Loss(string folder) => (await EvaluationJob.RunAsync(
            model, adapter, data with { Folder = In(folder), Images = "*.tif", LabelFolder = In(folder == "chips" ? "labels-of-chips" : "labels-of-later"), Coordinates = CoordinatesUse.None, HoldOut = report.ValidationChips.Count > 0 ? [.. report.ValidationChips.Select(name => $"{name}_{(folder == "chips" ? "20200904" : "20200303")}")] : [] },
            new EvaluationOptions { Part = DataPart.Validation, Batch = 2 }, cancellation: TestContext.Current.CancellationToken)).CrossEntropy!.Value;
        for (var chip = 0; chip < 4; chip++)
        {
            Copy($"chips/c{chip}_20200904.tif", $"later/c{chip}_20200303.tif");
            Copy($"labels/c{chip}.tif", $"labels-of-chips/c{chip}_20200904.tif");
            Copy($"labels/c{chip}.tif", $"labels-of-later/c{chip}_20200303.tif");
        }

        var (same, later) = (await Loss("chips"), await Loss("later"));
        Assert.Equal(report.Best!.Loss, same, 1e-4);
        Assert.Equal(use == CoordinatesUse.Both, Math.Abs(same - later) > 1e-6);
    }

    [Fact]
    public void Dates_may_stand_in_a_table_and_an_encoder_without_such_inputs_is_named()
    {
        Chips(2);
        RecipeChipFiles.Classes(In("labels/c0.tif"), Tile, [0, 1], 0);
        RecipeChipFiles.Classes(In("labels/c1.tif"), Tile, [0, 1], 1);
        File.WriteAllLines(In("dates.csv"), ["chip,first_date,note", "c0,2021-03-01,x", "c1,2020-12-31,y"]);
        var data = new DataRecipe { Folder = In("chips"), LabelFolder = In("labels"), Images = "*_20200904.tif", Labels = "*.tif", Classes = [new ClassRecipe("a"), new ClassRecipe("b")], Coordinates = CoordinatesUse.Time, DateTable = In("dates.csv") };
        var manifest = new ModelManifest { Name = "m", Family = "f", Task = ModelTask.Segmentation };
        var values = Assert.Single(RecipeCoordinates.Of(data, RecipeData.Open(data, ModelTask.Segmentation, manifest), manifest));
        Assert.Equal([2021, 60], values.ByChip[0]);
        Assert.Equal([2020, 366], values.ByChip[1]);

        TestEncoder.Build(bands: 3, tile: Tile).Save(In("encoder.onnx"));
        var failure = Assert.Throws<TrainingDataException>(() => RecipeCheck.Of(new TrainingRecipe { Model = In("encoder.onnx"), Data = data }, TestContext.Current.CancellationToken));
        Assert.Contains("tiny has no input 'temporal_coords'", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Noise_jitter_and_dropped_bands_of_a_recipe_change_training_samples_and_no_others()
    {
        Chips(2);
        RecipeChipFiles.Classes(In("labels/c0.tif"), Tile, [0, 1], 0);
        RecipeChipFiles.Classes(In("labels/c1.tif"), Tile, [0, 1], 1);
        var data = new DataRecipe { Folder = In("chips"), LabelFolder = In("labels"), Images = "*_20200904.tif", Labels = "*.tif", Classes = [new ClassRecipe("a"), new ClassRecipe("b")], Augment = false, ScaleJitter = 0.2, Noise = 0.1, BandDrop = 0.3 };
        var manifest = new ModelManifest { Name = "m", Family = "f", Task = ModelTask.Segmentation };
        var source = RecipeData.Open(data, ModelTask.Segmentation, manifest);
        var options = RecipeData.Samples(data, ModelTask.Segmentation, source, manifest, [.. Enumerable.Range(1, 3).Select(band => new ManifestBand($"b{band}", 500, 200))], new PixelSize(Tile, Tile), "image");
        Assert.Equal((0.2f, 0.1f, 0.3f, false), (options.Augmentation.ScaleJitter, options.Augmentation.Noise, options.Augmentation.BandDrop, options.Augmentation.RandomCrop));
        Assert.Throws<ArgumentOutOfRangeException>(() => data with { BandDrop = 1 });
        Assert.Throws<ArgumentOutOfRangeException>(() => data with { BlockMetres = 0 });
    }

    private void Chips(int count)
    {
        for (var chip = 0; chip < count; chip++)
        {
            RecipeChipFiles.Placed(In($"chips/c{chip}_20200904.tif"), 3, Tile, chip, chip);
        }
    }

    /// <summary>A strip of each kind over every chip, in longitude and latitude: a third each of its height, with the lowest tenth in none.</summary>
    private void Polygons(params string[] kinds)
    {
        var features = new List<string>();
        var height = Tile * 10 * 0.3;
        foreach (var path in Directory.GetFiles(In("chips")).Order(StringComparer.Ordinal))
        {
            using var chip = RasterDataset.Open(path);
            var (left, top) = (chip.Transform!.Value.OriginX, chip.Transform.Value.OriginY);
            foreach (var (index, kind) in kinds.Index())
            {
                var ring = new (double X, double Y)[] { (left, top - (index * height)), (left, top - ((index + 1) * height)), (left + (Tile * 10), top - ((index + 1) * height)), (left + (Tile * 10), top - (index * height)) };
                var places = SpatialReference.ToLongitudeLatitude([.. ring, ring[0]], chip.Projection);
                features.Add($$$"""{"type":"Feature","properties":{"kind":"{{{kind}}}"},"geometry":{"type":"Polygon","coordinates":[[{{{string.Join(',', places.Select(place => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"[{place.Longitude},{place.Latitude}]")))}}}]]}}""");
            }
        }

        File.WriteAllText(In("labels.geojson"), $$"""{"type":"FeatureCollection","features":[{{string.Join(',', features)}}]}""");
    }

    /// <summary>The chips with labels of equal names, as they lie in a data set.</summary>
    private string Paired()
    {
        for (var chip = 0; chip < 4; chip++)
        {
            Copy($"chips/c{chip}_20200904.tif", $"paired/images/c{chip}_20200904.tif");
            Copy($"labels/c{chip}.tif", $"paired/labels/c{chip}_20200904.tif");
        }

        return In("paired");
    }

    private void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(In(to))!);
        File.Copy(In(from), In(to));
    }

    private string In(string path) => Path.Combine(_root, path);
}
