namespace EoOnnx.Training.Recipes.Import;

/// <summary>Data modules of TerraTorch for one published data set each: its folders, patterns and classes are known.</summary>
internal static class ImportedSets
{
    private const string Data = "data.init_args";
    private static readonly string[] Hls = ["BLUE", "GREEN", "RED", "NIR_NARROW", "SWIR_1", "SWIR_2"];
    private static readonly string[] Crops =
        ["Natural Vegetation", "Forest", "Corn", "Soybeans", "Wetlands", "Developed / Barren", "Open Water", "Winter Wheat", "Alfalfa", "Fallow / Idle Cropland", "Cotton", "Sorghum", "Other"];

    /// <summary>The data of a module; null when it is not one of these.</summary>
    public static DataRecipe? Of(ForeignConfiguration config, string module, DataRecipe data)
    {
        var root = config.Text($"{Data}.data_root");
        if (root is null || module is not ("MultiTemporalCropClassificationDataModule" or "FireScarsNonGeoDataModule"))
        {
            return null;
        }

        config.Ignore($"{Data}.num_workers", $"{Data}.drop_last");
        root = root.TrimEnd('/');
        if (config.Flag($"{Data}.use_metadata") == true)
        {
            config.Gap($"{Data}.use_metadata", "dates and places of chips are not given to the model", "left out");
        }

        // The bands of a date lie together in the files, as their authors say; the reference takes them as lying by band.
        config.Ignore($"{Data}.metadata_file_name", $"{Data}.expand_temporal_dimension", $"{Data}.no_label_replace");
        var wanted = config.Texts($"{Data}.bands");
        data = data with
        {
            Images = "*_merged.tif",
            Labels = "*.mask.tif",
            NoDataReplacement = config.Number($"{Data}.no_data_replace") ?? 0,
            Statistics = StatisticsSource.Data,
        };
        return module[0] == 'F'
            ? data with { Folder = $"{root}/training", ValidationFolder = $"{root}/validation", Bands = Bands(config, wanted, 1) }
            : data with
            {
                Folder = $"{root}/training_chips", ValidationFolder = $"{root}/validation_chips", SplitFile = $"{root}/training_data.txt", ValidationSplitFile = $"{root}/validation_data.txt",
                ReduceZeroLabel = config.Flag($"{Data}.reduce_zero_label") ?? true, Bands = Bands(config, wanted, 3),
                Classes = [.. Crops.Select(name => new ClassRecipe(name))],
            };
    }

    private static List<int>? Bands(ForeignConfiguration config, IReadOnlyList<string> wanted, int dates) => wanted.Count == 0 || wanted.SequenceEqual(Hls) ? null
        : [.. from date in Enumerable.Range(0, dates)
            from band in wanted
            select (date * Hls.Length) + 1 + (Array.IndexOf(Hls, band) is var at and >= 0 ? at : throw config.Error($"{Data}.bands", $"the band {band} is not among {string.Join(", ", Hls)}."))];
}
