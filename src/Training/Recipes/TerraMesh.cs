using EoOnnx.Formats;
using EoOnnx.Runtime;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes;

/// <summary>The folders, bands, statistics and classes of TerraMesh (Blumenstiel et al. 2025), for <c>data.preset: terramesh</c>. What a recipe states itself stays.</summary>
internal static class TerraMesh
{
    private const string LandCover = "LULC", Index = "NDVI", Usual = "S2L2A", Pattern = "*.tif";

    private static readonly string[] LevelTwo = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B11", "B12"];
    private static readonly string[] LevelOne = [.. LevelTwo[..10], "B10", .. LevelTwo[10..]];

    // As terramind_register.py of TerraTorch has them (v1), in the units of the files.
    private static readonly Dictionary<string, IReadOnlyList<ManifestBand>> Images = new(StringComparer.OrdinalIgnoreCase)
    {
        [Usual] = Bands(LevelTwo, [1390.458, 1503.317, 1718.197, 1853.91, 2199.1, 2779.975, 2987.011, 3083.234, 3132.22, 3162.988, 2424.884, 1857.648],
            [2106.761, 2141.107, 2038.973, 2134.138, 2085.321, 1889.926, 1820.257, 1871.918, 1753.829, 1797.379, 1434.261, 1334.311]),
        ["S2L1C"] = Bands(LevelOne, [2357.089, 2137.385, 2018.788, 2082.986, 2295.651, 2854.537, 3122.849, 3040.56, 3306.481, 1473.847, 506.07, 2472.825, 1838.929],
            [1624.683, 1675.806, 1557.708, 1833.702, 1823.738, 1733.977, 1732.131, 1679.732, 1727.26, 1024.687, 442.165, 1331.411, 1160.419]),
        ["S2RGB"] = Bands(["B04", "B03", "B02"], [87.271, 80.931, 66.667], [58.767, 47.663, 42.631]),
        ["S1GRD"] = Bands(["VV", "VH"], [-12.599, -20.293], [5.195, 5.89]),
        ["S1RTC"] = Bands(["VV", "VH"], [-10.93, -17.329], [4.391, 4.459]),
        ["DEM"] = Bands(["DEM"], [670.665], [951.272]),
        [Index] = Bands([Index], [0.327], [0.322]),
    };

    // The land cover of Esri, numbered without gaps; 0 is no data.
    private static readonly IReadOnlyList<ClassRecipe> Classes =
        [new("water", 1), new("trees", 2), new("flooded vegetation", 3), new("crops", 4), new("built area", 5), new("bare ground", 6), new("snow or ice", 7), new("clouds", 8), new("rangeland", 9)];

    /// <summary>The data with labels: land cover of a segmentation, NDVI of a regression.</summary>
    /// <exception cref="TrainingDataException">The task has no labels in TerraMesh, or the recipe has modalities without the preset.</exception>
    public static DataRecipe WithLabels(DataRecipe data, ModelTask task)
    {
        if (data.Preset != DataPreset.Terramesh)
        {
            return data.Modalities.Count == 0 ? data : throw new TrainingDataException("data.modalities belongs to data.preset: terramesh. Without it, give the images of each modality by data.images and data.moreImages.");
        }

        if ((data.Labels ?? data.LabelFolder ?? data.LabelTable ?? data.Polygons?.File) is not null)
        {
            return data;
        }

        return task switch
        {
            ModelTask.Segmentation => data with { Labels = $"{LandCover}/{Pattern}", Classes = data.Classes.Count > 0 ? data.Classes : Classes, Ignored = data.Ignored ?? [0, -1, 255] },
            ModelTask.Regression => data with { Labels = $"{Index}/{Pattern}", Unit = data.Unit ?? "NDVI" },
            _ => throw new TrainingDataException($"TerraMesh labels pixels (land cover, NDVI), not whole chips. Choose the task segmentation or regression, or give data.labelTable."),
        };
    }

    /// <summary>The data with the images that a model takes, their bands and, where the model has none, their statistics.</summary>
    /// <param name="data">The recipe's data, with labels.</param>
    /// <param name="manifest">The model's; its modalities decide when it has several, else <see cref="DataRecipe.Modalities"/>.</param>
    /// <param name="open">The encoder is told its bands by their wavelengths, and takes any.</param>
    /// <exception cref="TrainingDataException">A modality or band is none of TerraMesh's, or its folder is absent or packed.</exception>
    public static DataRecipe WithImages(DataRecipe data, ModelManifest manifest, bool open = false)
    {
        if (data.Preset != DataPreset.Terramesh || data.Images is not null)
        {
            return data;
        }

        var inputs = manifest.Modalities.Where(modality => modality is { Kind: "image", Input: not null }).ToList();
        IReadOnlyList<string> wanted = inputs.Count > 0 ? [.. inputs.Select(modality => modality.Name)] : data.Modalities.Count > 0 ? data.Modalities : [Usual];
        var names = wanted.Select(Find).ToList();
        if (inputs.Count > 0 && data.Modalities.Count > 0 && !data.Modalities.Select(Find).SequenceEqual(names))
        {
            throw new TrainingDataException($"The recipe gives the modalities {string.Join(", ", data.Modalities)}; {manifest.Name} takes {string.Join(", ", wanted)}, in this order. Leave out data.modalities, or export the model for others (eoonnx export terramind --modalities).");
        }

        var (root, held) = Parts(data, names[0]);
        foreach (var name in names)
        {
            CheckFolder(root, name);
        }

        data = data with { Folder = root, ValidationFolder = held, Images = $"{names[0]}/{Pattern}", MoreImages = [.. names.Skip(1).Select(name => $"{name}/{Pattern}")] };
        List<ManifestBand> stored = [.. names.SelectMany(name => Images[name])];
        var model = inputs.Count > 0 ? inputs.SelectMany(modality => modality.Bands).ToList() : [.. manifest.Bands];
        var positions = data.Bands ?? (model.Count == 0 ? [.. Enumerable.Range(1, stored.Count)] : Positions(names, inputs.Count > 0 ? [.. inputs.Select(modality => modality.Bands)] : [manifest.Bands], manifest));
        List<ManifestBand> chosen = [.. positions.Where(position => position >= 1 && position <= stored.Count).Select(position => stored[position - 1])];
        var hasStatistics = model.Exists(band => band.Mean != 0 || band.StandardDeviation != 1);
        return data with
        {
            Bands = positions.SequenceEqual(Enumerable.Range(1, stored.Count)) ? data.Bands : positions,
            Wavelengths = open && data.Wavelengths.Count == 0 ? RecipeWavelengths.Known([.. chosen.Select(band => band.Id)]) : data.Wavelengths,
            Means = hasStatistics || data.Statistics != StatisticsSource.Auto || data.Means.Count > 0 ? data.Means : [.. chosen.Select(band => band.Mean * data.ConstantScale)],
            Deviations = hasStatistics || data.Statistics != StatisticsSource.Auto || data.Deviations.Count > 0 ? data.Deviations : [.. chosen.Select(band => band.StandardDeviation * data.ConstantScale)],
        };
    }

    /// <summary>The parts of the data set when both lie below the folder, else the folder itself.</summary>
    private static (string Root, string? Held) Parts(DataRecipe data, string modality)
    {
        var (training, validation) = (Path.Combine(data.Folder, "train"), Path.Combine(data.Folder, "val"));
        return !Directory.Exists(Path.Combine(training, modality)) ? (data.Folder, data.ValidationFolder)
            : (training, data.ValidationFolder ?? (Directory.Exists(Path.Combine(validation, modality)) ? validation : null));
    }

    private static void CheckFolder(string root, string name)
    {
        var folder = Path.Combine(root, name);
        if (!Directory.Exists(folder))
        {
            throw new TrainingDataException($"{folder} does not exist; TerraMesh has a folder for each modality, below train and val: {string.Join(", ", Images.Keys)}, {LandCover}. data.folder names the folder above them.");
        }

        if (!Directory.EnumerateFiles(folder, Pattern).Any() && Directory.EnumerateFiles(folder).FirstOrDefault(file => file.EndsWith(".tar", StringComparison.Ordinal) || file.EndsWith(".zarr.zip", StringComparison.Ordinal)) is { } packed)
        {
            throw new TrainingDataException($"{packed} is a shard of TerraMesh as it is published (Zarr in zip in tar), which is not read. Unpack the samples and write each as a GeoTIFF of the same name into {folder}.");
        }
    }

    // Bands of each modality counted on over all of them, by name.
    private static List<int> Positions(List<string> names, IReadOnlyList<IReadOnlyList<ManifestBand>> wanted, ModelManifest manifest)
    {
        var (positions, first) = (new List<int>(), 0);
        // A model of one list of bands may take those of several modalities.
        IReadOnlyList<(IReadOnlyList<string> Names, IReadOnlyList<ManifestBand> Wanted)> groups = wanted.Count == names.Count ? [.. names.Zip(wanted, (name, bands) => ((IReadOnlyList<string>)[name], bands))] : [(names, wanted[0])];
        foreach (var (modalities, bands) in groups)
        {
            var stored = modalities.SelectMany(name => Images[name]).Select(band => BandNames.Fold(band.Id)).ToList();
            var found = bands.Select(band => stored.IndexOf(BandNames.Fold(band.Id))).ToList();
            var inOrder = found.TrueForAll(position => position < 0) && bands.Count == stored.Count;   // names that mean nothing here, one a band
            if (!inOrder && found.IndexOf(-1) is >= 0 and var missing)
            {
                throw new TrainingDataException($"{manifest.Name} takes the band {bands[missing].Id}; {string.Join(", ", modalities)} of TerraMesh has {string.Join(", ", modalities.SelectMany(name => Images[name]).Select(band => band.Id))}. Choose by data.bands, or other data.modalities.");
            }

            positions.AddRange(found.Select((position, index) => first + (inOrder ? index : position) + 1));
            first += stored.Count;
        }

        return positions;
    }

    /// <summary>The folder of a modality, by the names that TerraMind knows it by.</summary>
    private static string Find(string name)
    {
        var plain = name.ToUpperInvariant().Replace("SEN", "S", StringComparison.Ordinal);
        plain = plain == "RGB" ? "S2RGB" : plain;
        return Images.Keys.FirstOrDefault(known => known == plain)
            ?? throw new TrainingDataException($"TerraMesh has no images '{name}'.{Spelling.DidYouMean(plain, Images.Keys)} Known are {string.Join(", ", Images.Keys)}; {LandCover} and {Index} are the labels of a segmentation and a regression.");
    }

    private static List<ManifestBand> Bands(string[] names, double[] means, double[] deviations) => [.. names.Select((name, i) => new ManifestBand(name, means[i], deviations[i]))];
}
