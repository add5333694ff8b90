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
        // The bands of a date lie together in the files, as their authors say; the reference takes them as lying by band.
        config.Ignore($"{Data}.expand_temporal_dimension", $"{Data}.no_label_replace");
        var wanted = config.Texts($"{Data}.bands");
        data = data with
        {
            Images = "*_merged.tif",
            Labels = "*.mask.tif",
            NoDataReplacement = config.Number($"{Data}.no_data_replace") ?? 0,
            Statistics = StatisticsSource.Data,
            Coordinates = Coordinates(config),
        };
        var table = config.Text($"{Data}.metadata_file_name") ?? "chips_df.csv";
        if (module[0] == 'M' && data.Coordinates is CoordinatesUse.Time or CoordinatesUse.Both)
        {
            data = data with { DateTable = $"{root}/{table}", NameColumn = "chip_id", DateColumns = ["first_img_date", "middle_img_date", "last_img_date"] };
        }

        return module[0] == 'F'
            ? data with { Folder = $"{root}/training", ValidationFolder = $"{root}/validation", Bands = Bands(config, wanted, 1) }
            : data with
            {
                Folder = $"{root}/training_chips", ValidationFolder = $"{root}/validation_chips", SplitFile = $"{root}/training_data.txt", ValidationSplitFile = $"{root}/validation_data.txt",
                ReduceZeroLabel = config.Flag($"{Data}.reduce_zero_label") ?? true, Bands = Bands(config, wanted, 3),
                Classes = [.. Crops.Select(name => new ClassRecipe(name))],
            };
    }

    /// <summary>What the backbone encodes of the chips' metadata, when these are read at all; models with TL in their names encode both by default.</summary>
    private static CoordinatesUse Coordinates(ForeignConfiguration config)
    {
        const string arguments = "model.init_args.model_args";
        var encoded = config.Texts($"{arguments}.backbone_coords_encoding");
        var (time, place) = config.Has($"{arguments}.backbone_coords_encoding") ? (encoded.Contains("time"), encoded.Contains("location"))
            : config.Text($"{arguments}.backbone")?.EndsWith("_tl", StringComparison.Ordinal) == true ? (true, true) : (false, false);
        return config.Flag($"{Data}.use_metadata") != true ? CoordinatesUse.None : (time, place) switch
        {
            (true, true) => CoordinatesUse.Both,
            (true, false) => CoordinatesUse.Time,
            (false, true) => CoordinatesUse.Place,
            _ => CoordinatesUse.None,
        };
    }

    private static List<int>? Bands(ForeignConfiguration config, IReadOnlyList<string> wanted, int dates) => wanted.Count == 0 || wanted.SequenceEqual(Hls) ? null
        : [.. from date in Enumerable.Range(0, dates)
            from band in wanted
            select (date * Hls.Length) + 1 + (Array.IndexOf(Hls, band) is var at and >= 0 ? at : throw config.Error($"{Data}.bands", $"the band {band} is not among {string.Join(", ", Hls)}."))];
}
