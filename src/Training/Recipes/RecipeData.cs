using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes;

/// <summary>The chips of a recipe, ready for one model.</summary>
internal static class RecipeData
{
    /// <summary>Opens the files that a recipe names.</summary>
    /// <param name="recipe">The data.</param>
    /// <param name="task">Pixels or whole chips are labelled.</param>
    /// <param name="manifest">The model's: with several dates the bands of a file are ordered by date, those of the model by band.</param>
    public static RasterChipSource Open(DataRecipe recipe, ModelTask task, ModelManifest manifest)
    {
        var pixels = task.LabelsPixels();
        if (!pixels && (recipe.Labels ?? recipe.LabelFolder) is { } files)
        {
            throw new TrainingDataException($"Label files were given ({files}), but the task labels whole chips. Give a table (--label-table), or put the chips of each class into a folder of its name.");
        }

        if (pixels && recipe.LabelTable is { } table)
        {
            throw new TrainingDataException($"A label table was given ({table}), but the task labels pixels. Give label files (--labels), or another --task.");
        }

        if (recipe.Polygons is { } vector && (!pixels || (recipe.Labels ?? recipe.LabelFolder) is not null))
        {
            throw new TrainingDataException($"Label polygons were given ({vector.File}), {(pixels ? "and label files too; give one of them" : "but the task labels whole chips")}.");
        }

        var found = RecipeChips.Find(recipe, pixels);
        var options = new RasterChipOptions { Bands = recipe.Bands, NoData = recipe.NoData, NoDataReplacement = recipe.NoDataReplacement, LabelReplacement = recipe.LabelReplacement };
        if (recipe.Polygons is not null)
        {
            var (polygons, outside) = RecipePolygons.Open(recipe, task);
            options = options with { Polygons = polygons, OutsidePolygons = outside };
        }

        var source = new RasterChipSource(found, options);
        return recipe.Order == BandOrder.ByBand || manifest.Frames == 1 || manifest.Bands.Count == 0 || source.Bands != manifest.Frames * manifest.Bands.Count ? source
            : new RasterChipSource(found, options with { Bands = ByBand(source.FileBands, manifest.Frames) });
    }

    // date 1 band 1, date 1 band 2, …, date 2 band 1, … becomes band 1 of all dates, band 2 of all dates, …
    private static int[] ByBand(IReadOnlyList<int> byDate, int frames)
    {
        var bands = byDate.Count / frames;
        return [.. Enumerable.Range(0, bands).SelectMany(band => Enumerable.Range(0, frames).Select(date => byDate[(date * bands) + band]))];
    }

    /// <summary>How chips become samples of the model, whose image input is called <paramref name="image"/>.</summary>
    public static SampleOptions Samples(DataRecipe recipe, ModelTask task, RasterChipSource source, ModelManifest manifest, IReadOnlyList<ManifestBand> bands, PixelSize tile, string image)
    {
        var further = RecipeCoordinates.Of(recipe, source, manifest);
        var options = new SampleOptions
        {
            Tile = tile.Height,
            TileWidth = tile.Width == tile.Height ? null : tile.Width,
            Scaling = Scaling(manifest, bands),
            Augmentation = (recipe.Augment ? Augmentation.Standard : Augmentation.None) with { Noise = (float)recipe.Noise, ScaleJitter = (float)recipe.ScaleJitter, BandDrop = (float)recipe.BandDrop },
            Inputs = further.Count > 0 && Images(manifest).Count == 0 ? [(image, source.Bands)] : [.. Images(manifest).Select(modality => (modality.Input!, modality.Bands.Count))],
            Further = further,
        };
        return task switch
        {
            ModelTask.Segmentation => options with { Classes = Labels(recipe) },
            ModelTask.Regression => options with { Values = new ValueLabels { Ignored = float.NaN, Missing = [.. (recipe.Ignored ?? []).Select(value => (float)value)] } },
            _ => options with { Scene = Scene(recipe, task, source) },
        };
    }

    private static List<ManifestModality> Images(ModelManifest manifest) => [.. manifest.Modalities.Where(modality => modality is { Kind: "image", Input: not null })];

    private static SceneLabels Scene(DataRecipe recipe, ModelTask task, RasterChipSource source)
    {
        IReadOnlyList<(string Name, int Value)> classes = [.. recipe.Classes.Select((item, index) => (item.Name, item.Value ?? index))];
        if (recipe.LabelTable is null)
        {
            return task == ModelTask.Classification ? ByFolder(source, [.. classes.Select(item => item.Name)])
                : throw new TrainingDataException("Several labels or values of a chip come from a table: give --label-table with one row a chip.");
        }

        var table = LabelTable.Read(recipe.LabelTable, recipe.NameColumn);
        return WithHeldOut(source, task switch
        {
            ModelTask.Classification => table.Classes(recipe.LabelColumns.Count > 1 ? throw new TrainingDataException("A classification has one label column; several were given.") : recipe.LabelColumns.Count == 1 ? recipe.LabelColumns[0] : null, classes),
            ModelTask.Multilabel => table.Multilabel([.. classes.Select(item => item.Name)]),
            _ => table.Values(recipe.LabelColumns),
        });
    }

    /// <summary>The labels under the names of the chips: a table may name their files, and those of held-out ones have the folder in front.</summary>
    private static SceneLabels WithHeldOut(RasterChipSource source, SceneLabels labels)
    {
        var named = source.Files.Select(file => (file.Name, Label: labels.ByChip.GetValueOrDefault(file.OwnName) ?? labels.ByChip.GetValueOrDefault(Path.GetFileName(file.Image))))
            .Where(file => file.Label is not null).Select(file => KeyValuePair.Create(file.Name, file.Label!));
        return labels with { ByChip = named.Concat(labels.ByChip).DistinctBy(label => label.Key).ToDictionary(StringComparer.Ordinal) };
    }

    private static SceneLabels ByFolder(RasterChipSource source, List<string> classes) => new()
    {
        Classes = classes.Count,
        ByChip = source.Files.ToDictionary(chip => chip.Name, chip =>
        {
            var folder = chip.OwnName.Split('/')[0];
            return new float[] { classes.IndexOf(folder) is var number and >= 0 ? number
                : throw new TrainingDataException($"The folder '{folder}' is no class; the classes are {string.Join(", ", classes)}. Rename it, or name it in --classes.") };
        }, StringComparer.Ordinal),
    };

    public static DataSplit Split(DataRecipe recipe, RasterChipSource source, long seed) => recipe.HoldOut.Count > 0
        ? DataSplit.LeaveOut(source.Chips, recipe.HoldOut)
        : source.Files.Any(file => file.HeldOut) ? DataSplit.LeaveOut(source.Chips, source.Files.Where(file => file.HeldOut).Select(file => file.Name)) with { How = "by folder or split file" }
        : recipe.BlockMetres is { } metres ? DataSplit.Blocks(
            [.. source.Outlines().Select((outline, chip) => outline ?? throw new TrainingDataException($"{source.Files[chip].Image} is not georeferenced, so chips cannot be held out by blocks. Leave out data.blockMetres."))], metres, recipe.ValidationShare, seed)
        : DataSplit.Random(source.Chips, recipe.ValidationShare, seed);

    /// <summary>The chips of a part.</summary>
    public static IReadOnlyList<int> Part(DataRecipe recipe, RasterChipSource source, DataPart part, long seed) =>
        part == DataPart.All ? [.. Enumerable.Range(0, source.Chips.Count)] : Part(Split(recipe, source, seed), [], part);

    /// <summary>The samples of a part.</summary>
    /// <exception cref="TrainingDataException">The recipe keeps none for it.</exception>
    public static IReadOnlyList<int> Part(DataSplit split, IReadOnlyList<int> test, DataPart part)
    {
        var chosen = part == DataPart.Training ? split.Training : part == DataPart.Validation ? split.Validation : test;
        return chosen.Count > 0 ? chosen : throw new TrainingDataException($"The recipe keeps no samples for the part {part}. Say which with data.arrays.test, or evaluate another part.");
    }

    /// <summary>How label values become classes.</summary>
    /// <exception cref="TrainingDataException">Two classes have one value.</exception>
    public static ClassLabels Labels(DataRecipe recipe)
    {
        var (map, first) = (new Dictionary<int, int>(), recipe.ReduceZeroLabel ? 1 : 0);
        foreach (var (index, item) in recipe.Classes.Index())
        {
            if (!map.TryAdd(item.Value ?? index + first, index))
            {
                throw new TrainingDataException($"The classes '{recipe.Classes[map[item.Value ?? index]].Name}' and '{item.Name}' have the same label value {item.Value ?? index + first}.");
            }
        }

        return new ClassLabels { Classes = recipe.Classes.Count, IgnoreIndex = Math.Max(255, recipe.Classes.Count), Ignored = recipe.Ignored ?? (recipe.ReduceZeroLabel ? [-1, 0, 255] : [-1, 255]), Map = map, OnlyMapped = true };
    }

    /// <summary>The bands of the task: the model's, with statistics of the training chips where these are wanted.</summary>
    /// <exception cref="TrainingDataException">The chips do not have the model's bands.</exception>
    public static IReadOnlyList<ManifestBand> Bands(DataRecipe recipe, ModelManifest manifest, ChipSource source, IReadOnlyList<int> training, IProgress<int>? progress, CancellationToken cancellation)
    {
        var bands = Channels(manifest, source);
        if (bands.Count != source.Bands)
        {
            throw new TrainingDataException(
                $"The chips have {source.Bands} bands; {manifest.Name} expects {bands.Count}{(manifest.Frames > 1 ? $" ({manifest.Frames} dates of {manifest.Bands.Count})" : "")} ({bands[0].Id} … {bands[^1].Id}). Choose with --bands 2,3,4,… in the model's order.");
        }

        if (recipe.Means.Count + recipe.Deviations.Count > 0)
        {
            return Given(recipe, manifest, bands);
        }

        var hasStatistics = bands.Any(band => band.Mean != 0 || band.StandardDeviation != 1);
        if (recipe.Statistics == StatisticsSource.Model || (recipe.Statistics == StatisticsSource.Auto && hasStatistics))
        {
            return bands;
        }

        var statistics = BandStatistics.Of(source, training, progress, cancellation);
        return [.. bands.Zip(statistics, (band, found) => band with
        {
            Mean = (found.Mean * manifest.ValueScale) + manifest.ValueOffset,
            StandardDeviation = found.StandardDeviation > 0 ? found.StandardDeviation * Math.Abs(manifest.ValueScale)
                : throw new TrainingDataException($"Band {band.Id} has the value {found.Mean} in all training chips, so it cannot be standardised. Leave it out with --bands, or use --statistics model."),
        })];
    }

    /// <summary>The statistics that the recipe gives: one a band, or of several dates one a channel.</summary>
    private static List<ManifestBand> Given(DataRecipe recipe, ModelManifest manifest, IReadOnlyList<ManifestBand> bands)
    {
        var each = recipe.Means.Count == bands.Count ? 1 : manifest.Frames;
        return recipe.Means.Count == recipe.Deviations.Count && recipe.Means.Count * each == bands.Count && recipe.Deviations.All(deviation => deviation > 0)
            ? [.. bands.Select((band, channel) => band with
            {
                Mean = (recipe.Means[channel / each] * manifest.ValueScale / recipe.ConstantScale) + manifest.ValueOffset,
                StandardDeviation = recipe.Deviations[channel / each] * Math.Abs(manifest.ValueScale / recipe.ConstantScale),
            })]
            : throw new TrainingDataException($"The recipe gives {recipe.Means.Count} means and {recipe.Deviations.Count} deviations; {manifest.Name} has {bands.Count} channels. Give one number a band, deviations over 0, or leave out both.");
    }

    /// <summary>The encoder's manifest for values as they are stored: the recipe's factor comes before the model's own.</summary>
    public static ModelManifest Scaled(DataRecipe recipe, ModelManifest manifest) => manifest with { ValueScale = manifest.ValueScale * recipe.ConstantScale };

    /// <summary>The channels that chips must have: those of all image modalities, or the bands with every date of each.</summary>
    private static IReadOnlyList<ManifestBand> Channels(ModelManifest manifest, ChipSource source) => Images(manifest) is { Count: > 0 } modalities ? [.. modalities.SelectMany(modality => modality.Bands)]
        : manifest.Bands.Count > 0 ? [.. manifest.Bands.SelectMany(band => Enumerable.Repeat(band, manifest.Frames))]
        : [.. Enumerable.Range(1, source.Bands).Select(band => new ManifestBand($"band {band}"))];

    /// <summary>The channels as the task's manifest keeps them: each band once, and those of modalities in their own lists.</summary>
    public static ModelManifest Describe(ModelManifest manifest, IReadOnlyList<ManifestBand> channels)
    {
        if (Images(manifest) is not { Count: > 0 } modalities)
        {
            return manifest with { Bands = [.. channels.Where((_, channel) => channel % manifest.Frames == 0)] };
        }

        var next = 0;
        var described = manifest.Modalities.Select(modality => modalities.Contains(modality) ? modality with { Bands = [.. channels.Skip((next += modality.Bands.Count) - modality.Bands.Count).Take(modality.Bands.Count)] } : modality).ToList();
        return manifest with { Bands = described.First(modality => modality is { Kind: "image", Input: not null }).Bands, Modalities = described };
    }

    public static IReadOnlyList<ChannelScaling> Scaling(ModelManifest manifest, IReadOnlyList<ManifestBand> bands) =>
        [.. bands.Select(band => new ChannelScaling((float)band.Mean, (float)band.StandardDeviation, (float)manifest.ValueScale, (float)manifest.ValueOffset))];

    /// <summary>Size of the images that the model takes.</summary>
    /// <exception cref="TrainingException">The model does not say.</exception>
    public static PixelSize Tile(OnnxModel model, ModelManifest manifest) => Tile(manifest, model.Graph.Inputs[0].KnownShape[-2].Value, model.Graph.Inputs[0].KnownShape[-1].Value)
        ?? throw new TrainingException($"{manifest.Name} does not state its tile size (manifest member tile). Export it again with eoonnx export.");

    /// <summary>Size of the images by the manifest, else by the extents that the graph fixes; null when neither says it.</summary>
    public static PixelSize? Tile(ModelManifest manifest, long? height, long? width) => (manifest, height, width) switch
    {
        ({ TileSize: { } size }, _, _) => new PixelSize(size.Width, size.Height),
        ({ Tile: { } tile }, _, _) => new PixelSize(tile, tile),
        (_, > 0, > 0) => new PixelSize((int)width.Value, (int)height.Value),
        (_, _, > 0) => new PixelSize((int)width.Value, (int)width.Value),
        _ => null,
    };
}
