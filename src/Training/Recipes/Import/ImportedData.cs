using System.Globalization;

namespace EoOnnx.Training.Recipes.Import;

/// <summary>Folders, bands, scales and labels of the generic data modules of TerraTorch.</summary>
internal static class ImportedData
{
    private const string Data = "data.init_args", Model = "model.init_args";
    private static readonly string[] Generic = ["GenericNonGeoSegmentationDataModule", "GenericNonGeoPixelwiseRegressionDataModule", "GenericNonGeoClassificationDataModule"];
    private static readonly string[] Plain = ["ToTensorV2", "FlattenTemporalIntoChannels", "UnflattenTemporalFromChannels", "FlattenSamplesIntoChannels", "UnflattenSamplesFromChannels"];
    private static readonly string[] Symmetries = ["D4", "HorizontalFlip", "VerticalFlip", "Flip", "RandomRotate90", "RandomCrop", "Transpose"];

    public static DataRecipe Of(ForeignConfiguration config, TaskName task, List<string> steps, out int batch)
    {
        var module = config.Text("data.class_path")?.Trim().Split('.')[^1] ?? "none";
        batch = config.Integer($"{Data}.batch_size") ?? new RunRecipe().Batch;
        var ignored = task.ToModelTask().IsMeasured() ? Ignored(config) : null;
        var data = new DataRecipe { Folder = "data", Classes = Classes(config, task), Ignored = ignored };
        if (module == "GenericMultiModalDataModule")
        {
            return Replace(config, task, ImportedModalities.Of(config, data) with { Augment = Augments(config) });
        }

        if (ImportedSets.Of(config, module, data) is { } known)
        {
            return Replace(config, task, known with { Augment = Augments(config) });
        }

        if (!Generic.Contains(module))
        {
            config.Gap("data.class_path", $"{module} reads a format of its own", "write the chips as GeoTIFF, and data.folder, data.images and data.labels, see docs/recipes.md");
            config.Ignore("data", $"{Model}.ignore_index");
            return data;
        }

        config.Ignore([.. new[]
        {
            "num_workers", "rgb_indices", "check_stackability", "pin_memory", "drop_last", "allow_substring_split_file", "allow_substring_file_names", "ignore_split_file_extensions", "num_classes", "class_names",
        }.Select(name => $"{Data}.{name}")]);
        data = Folders(config, data with
        {
            Images = config.Text($"{Data}.img_grep"),
            Labels = config.Text($"{Data}.label_grep"),
            Bands = Bands(config),
            Order = config.Flag($"{Data}.expand_temporal_dimension") == true ? BandOrder.ByBand : BandOrder.ByDate,
            ConstantScale = config.Number($"{Data}.constant_scale") ?? 1,
            Means = config.Numbers($"{Data}.means"),
            Deviations = config.Numbers($"{Data}.stds"),
            NoDataReplacement = config.Number($"{Data}.no_data_replace"),
            ReduceZeroLabel = config.Flag($"{Data}.reduce_zero_label") ?? false,
            Augment = Augments(config),
        }, steps);
        return Replace(config, task, data);
    }

    private static DataRecipe Folders(ForeignConfiguration config, DataRecipe data, List<string> steps)
    {
        var train = config.Text($"{Data}.train_data_root") ?? throw config.Error("data", "there is no train_data_root.");
        var labels = config.Text($"{Data}.train_label_data_root");
        var (held, heldLabels) = (config.Text($"{Data}.val_data_root"), config.Text($"{Data}.val_label_data_root"));
        var (split, heldSplit) = (config.Text($"{Data}.train_split"), config.Text($"{Data}.val_split"));
        if (held == train && heldSplit is null)
        {
            config.Gap($"{Data}.val_data_root", "the chips that are trained on are also the held-out ones", "a share of them is held out");
            (held, heldLabels) = (null, null);
        }

        if (config.Text($"{Data}.test_data_root") is { } test)
        {
            config.Ignore($"{Data}.test_label_data_root", $"{Data}.test_split");
            steps.Add($"test chips are evaluated apart: eoonnx evaluate run/model.onnx --adapter run/adapter.safetensors --data {test}");
        }

        return data with
        {
            Folder = train,
            LabelFolder = labels == train && data.Labels is not null ? null : labels,
            ValidationFolder = held == train ? null : held,
            ValidationLabelFolder = heldLabels is null || (held == train && heldLabels == labels) || (heldLabels == held && data.Labels is not null) ? null : heldLabels,
            SplitFile = split,
            ValidationSplitFile = heldSplit,
        };
    }

    /// <summary>1-based positions of the wanted bands among those of the files; null when they are all of them in order.</summary>
    private static int[]? Bands(ForeignConfiguration config)
    {
        var files = config.Texts($"{Data}.dataset_bands");
        var wanted = config.Texts($"{Data}.output_bands");
        if (wanted.Count == 0 || files.SequenceEqual(wanted))
        {
            return null;
        }

        return [.. wanted.Select(band => files.Count == 0 && int.TryParse(band, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number + 1
            : files.ToList().IndexOf(band) is var at and >= 0 ? at + 1 : throw config.Error($"{Data}.output_bands", $"the band {band} is not among the dataset_bands."))];
    }

    private static List<ClassRecipe> Classes(ForeignConfiguration config, TaskName task)
    {
        var names = config.Texts($"{Model}.class_names");
        names = names.Count > 0 ? names : config.Texts($"{Data}.class_names");
        var count = config.Integer($"{Model}.model_args.num_classes") ?? config.Integer($"{Data}.num_classes") ?? names.Count;
        return task.ToModelTask().IsMeasured() ? []
            : names.Count > 0 ? [.. names.Select(name => new ClassRecipe(name.Replace('=', ' ')))]
            : [.. Enumerable.Range(0, Math.Clamp(count, 0, 1000)).Select(number => new ClassRecipe(FormattableString.Invariant($"class {number}")))];
    }

    private static int[]? Ignored(ForeignConfiguration config) => config.Integer($"{Model}.ignore_index") is { } value ? [value] : null;

    private static DataRecipe Replace(ForeignConfiguration config, TaskName task, DataRecipe data)
    {
        var replacement = config.Number($"{Data}.no_label_replace");
        var index = config.Integer($"{Model}.ignore_index");
        if (!task.ToModelTask().LabelsPixels())
        {
            return data;
        }

        // The ignored value is compared after 1 is subtracted there, before it here.
        int? stored = index is { } value ? value + (data.ReduceZeroLabel ? 1 : 0) : null;
        var ignored = new[] { stored, index, data.ReduceZeroLabel ? 0 : null }.OfType<int>().Distinct().Order().ToList();
        return data with
        {
            Ignored = data.ReduceZeroLabel || index is not (null or -1 or 255) || task.ToModelTask().IsMeasured() ? ignored.Count > 0 ? ignored : null : null,
            LabelReplacement = replacement is { } number && number != index ? number : null,
        };
    }

    private static bool Augments(ForeignConfiguration config)
    {
        var names = Transforms(config, "train_transform");
        Transforms(config, "val_transform");
        Transforms(config, "test_transform");
        return names.Any(Symmetries.Contains);
    }

    private static List<string> Transforms(ForeignConfiguration config, string list)
    {
        var names = new List<string>();
        for (var index = 0; index < config.Count($"{Data}.{list}"); index++)
        {
            var key = FormattableString.Invariant($"{Data}.{list}.{index}");
            var name = config.Text($"{key}.class_path")?.Split('.')[^1] ?? "";
            names.Add(name);
            config.Ignore(key);
            if (list == "train_transform" && !Plain.Contains(name) && !Symmetries.Contains(name))
            {
                config.Gap(key, $"{name} is no augmentation here", "flips, turns by 90° and crops to the model's tile (data.augment)");
            }
        }

        return names;
    }
}
