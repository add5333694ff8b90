namespace EoOnnx.Training.Recipes.Import;

/// <summary>The multi-modal data module of TerraTorch: a folder, a pattern and statistics for each modality, whose bands follow one another here.</summary>
internal static class ImportedModalities
{
    private const string Data = "data.init_args";

    /// <summary>Folders, patterns, bands and statistics of all modalities.</summary>
    /// <param name="config">The configuration.</param>
    /// <param name="data">What is common to all modules.</param>
    /// <exception cref="RecipeException">A modality has no folder, or a wanted band is not among those of the files.</exception>
    public static DataRecipe Of(ForeignConfiguration config, DataRecipe data)
    {
        var modalities = config.Texts($"{Data}.modalities");
        var roots = modalities.Select(name => config.Text($"{Data}.train_data_root.{name}") ?? throw config.Error($"{Data}.train_data_root", $"there is no folder of the modality {name}.")).ToList();
        var labelRoot = config.Text($"{Data}.train_label_data_root");
        var folder = Shared([.. roots, .. labelRoot is null ? [] : new[] { labelRoot }]);
        var patterns = modalities.Zip(roots, (name, root) => Below(folder, root, Pattern(config, "image_grep", name) ?? Pattern(config, "img_grep", name) ?? "*.tif")).ToList();
        config.Ignore([.. new[]
        {
            "task", "rgb_modality", "allow_missing_modalities", "concat_bands", "sample_num_modalities", "sample_replace", "channel_position", "data_with_sample_dim", "shared_transforms", "image_modalities",
            "test_data_root", "test_label_data_root", "test_split", "allow_substring_file_names", "num_workers", "rgb_indices", "check_stackability", "pin_memory", "drop_last", "num_classes", "class_names",
        }.Select(name => $"{Data}.{name}")]);
        var heldRoots = modalities.Select(name => config.Text($"{Data}.val_data_root.{name}")).OfType<string>().ToList();
        var (heldLabels, split, heldSplit) = (config.Text($"{Data}.val_label_data_root"), config.Text($"{Data}.train_split"), config.Text($"{Data}.val_split"));
        var held = heldRoots.Count == roots.Count ? Shared([.. heldRoots, .. heldLabels is null ? [] : new[] { heldLabels }]) : null;
        if (held is not null && !roots.Zip(heldRoots).All(pair => pair.First[folder.Length..] == pair.Second[held.Length..]))
        {
            config.Gap($"{Data}.val_data_root", "the held-out chips lie in folders that are named otherwise than the training chips'", "a share of the training chips is held out");
            held = null;
        }
        else if (held == folder && heldSplit is null)
        {
            config.Gap($"{Data}.val_data_root", "the chips that are trained on are also the held-out ones", "a share of them is held out");
        }

        return data with
        {
            Folder = folder,
            ValidationFolder = held == folder ? null : held,
            Images = patterns[0],
            MoreImages = [.. patterns.Skip(1)],
            Labels = Below(folder, labelRoot ?? folder, config.Text($"{Data}.label_grep") ?? "*.tif"),
            SplitFile = split,
            ValidationSplitFile = heldSplit,
            Bands = Bands(config, modalities),
            Means = [.. modalities.SelectMany(name => config.Numbers($"{Data}.means.{name}"))],
            Deviations = [.. modalities.SelectMany(name => config.Numbers($"{Data}.stds.{name}"))],
            ConstantScale = Scale(config, modalities),
            NoDataReplacement = config.Number($"{Data}.no_data_replace"),
            ReduceZeroLabel = config.Flag($"{Data}.reduce_zero_label") ?? false,
            Order = config.Flag($"{Data}.expand_temporal_dimension") == true ? BandOrder.ByBand : BandOrder.ByDate,
        };
    }

    private static string? Pattern(ForeignConfiguration config, string setting, string modality) => config.Names($"{Data}.{setting}") is null ? config.Text($"{Data}.{setting}") : config.Text($"{Data}.{setting}.{modality}");

    private static double Scale(ForeignConfiguration config, IReadOnlyList<string> modalities)
    {
        if (config.Names($"{Data}.constant_scale") is null)
        {
            return config.Number($"{Data}.constant_scale") ?? 1;
        }

        var scales = modalities.Select(name => config.Number($"{Data}.constant_scale.{name}") ?? 1).Distinct().ToList();
        if (scales.Count > 1)
        {
            config.Gap($"{Data}.constant_scale", "all modalities have one factor here", "left out: the statistics must be those of the stored values");
        }

        return scales.Count == 1 ? scales[0] : 1;
    }

    /// <summary>1-based positions over the bands of all modalities; null when all are wanted.</summary>
    private static List<int>? Bands(ForeignConfiguration config, IReadOnlyList<string> modalities)
    {
        var (bands, first, all) = (new List<int>(), 0, true);
        foreach (var name in modalities)
        {
            var (files, wanted) = (config.Texts($"{Data}.dataset_bands.{name}"), config.Texts($"{Data}.output_bands.{name}"));
            var chosen = wanted.Count == 0 ? files : wanted;
            if (files.Count == 0)
            {
                return wanted.Count == 0 && all ? null : throw config.Error($"{Data}.output_bands", $"the bands of {name} in the files (dataset_bands) are not given.");
            }

            all &= chosen.SequenceEqual(files);
            bands.AddRange(chosen.Select(band => files.ToList().IndexOf(band) is var at and >= 0 ? first + at + 1 : throw config.Error($"{Data}.output_bands", $"the band {band} is not among the dataset_bands of {name}.")));
            first += files.Count;
        }

        return all ? null : bands;
    }

    private static string Below(string folder, string root, string pattern) => $"{root[folder.Length..].Trim('/')}/{pattern}".TrimStart('/');

    private static string Shared(IReadOnlyList<string> paths) => paths.Select(path => path.TrimEnd('/')).Aggregate((one, other) =>
        string.Join('/', one.Split('/').Zip(other.Split('/')).TakeWhile(pair => pair.First == pair.Second).Select(pair => pair.First)));
}
