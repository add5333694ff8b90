using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>A recipe made by looking at a data set.</summary>
/// <param name="Recipe">The recipe.</param>
/// <param name="Header">What was found and what remains to be done, a line each.</param>
/// <param name="Remarks">Why a setting is what it is, by its path.</param>
public sealed record RecipeStart(TrainingRecipe Recipe, IReadOnlyList<string> Header, IReadOnlyDictionary<string, string> Remarks)
{
    /// <summary>The model that a recipe names when none was given.</summary>
    public const string ModelToExport = "encoder.onnx";

    private const int MostChips = 100;

    /// <summary>Looks at folders, files, bands, values and labels, reading all labels and the images of at most 100 chips.</summary>
    /// <param name="task">What is to be predicted.</param>
    /// <param name="folder">The folder of the data set.</param>
    /// <param name="model">An encoder with a manifest, which decides on bands and statistics; null to look at the data alone.</param>
    /// <param name="cancellation">Stops between chips.</param>
    /// <exception cref="EoOnnxException">The folder holds no data for the task, or the chips do not fit the model; the message says what to change.</exception>
    public static RecipeStart Of(TaskName task, string folder, string? model = null, CancellationToken cancellation = default)
    {
        var layout = DatasetLayout.Find(folder, task);
        var remarks = new SortedDictionary<string, string>(layout.Remarks.ToDictionary(), StringComparer.Ordinal);
        var encoder = model is null ? null : OnnxModel.Load(model);
        var manifest = encoder is null ? null : encoder.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json)
            : throw new TrainingException($"{model} has no manifest ({ModelManifest.MetadataKey}), so its bands are unknown. Export the encoder with eoonnx export.");
        var pixels = task.ToModelTask().LabelsPixels();
        var all = new RasterChipSource(RecipeChips.Find(layout.Data, pixels));
        using var first = ChipRaster.Open(all.Files[0].Image);
        var data = manifest is null ? layout.Data : BandLook.Choose(layout.Data, first.BandNames, manifest, remarks);
        data = encoder is not null && RecipeWavelengths.AreOpen(encoder) ? BandLook.Wavelengths(data, first.BandNames, manifest!, remarks) : data;
        var source = manifest is null ? new RasterChipSource(all.Files) : RecipeData.Open(data, task.ToModelTask(), manifest);
        (data, var chips) = Values(data, task, source, first.Type, manifest, remarks, cancellation);
        (data, var unbalanced, var labels) = pixels ? LabelLook.Of(data, task, source, remarks, cancellation) : (data, false, task.ToModelTask().IsMeasured() ? $"{data.LabelColumns.Count} values a chip" : $"{data.Classes.Count} classes");
        if (unbalanced)
        {
            remarks["loss.classWeights"] = "The rarest class has less than a tenth of the labels; square-root weighs it up mildly.";
        }

        if (manifest is not null && RecipeCoordinates.Known(source, manifest) is var known and not CoordinatesUse.None)
        {
            remarks["data.coordinates"] = $"{manifest.Name} takes dates and places, and {(known == CoordinatesUse.Place ? "all chips are georeferenced" : known == CoordinatesUse.Time ? "all chips have dates in their names or tags" : "all chips have both")}.";
            data = data with { Coordinates = known };
        }

        var batch = Batch(data, source, manifest, encoder);
        remarks["run.batch"] = FormattableString.Invariant($"Of {source.Files.Count(file => !file.HeldOut)} training chips; larger batches need more memory.");
        remarks["model"] = manifest is null ? "The encoder: export one for these bands first, see above." : $"{manifest.Name}: {manifest.Bands.Count} bands{(manifest.Frames > 1 ? FormattableString.Invariant($", {manifest.Frames} dates") : "")}.";
        var recipe = new TrainingRecipe
        {
            Model = model ?? ModelToExport,
            Task = task,
            Data = data,
            Loss = new LossRecipe { ClassWeights = unbalanced ? ClassWeighting.SquareRoot : default, StandardizeTarget = task.ToModelTask().IsMeasured() },
            Run = new RunRecipe { Batch = batch },
        };
        return new RecipeStart(recipe, [.. Summary(folder, source, first, chips, labels, manifest)], remarks);
    }

    /// <summary>The same start with another objective; class weights that the labels suggested go where no cross-entropy is left.</summary>
    /// <param name="change">Told the objective that was chosen.</param>
    /// <exception cref="TrainingException">The loss does not belong to the task.</exception>
    public RecipeStart WithLoss(Func<LossRecipe, LossRecipe> change)
    {
        var loss = change(Recipe.Loss);
        var losses = loss.Parts.Count > 0 ? [.. loss.Parts.Select(part => part.Name)] : new List<LossName> { loss.Name ?? Recipe.Task.Losses()[0] };
        var weighs = losses.Exists(name => name is LossName.Ce or LossName.CeDice);
        loss = weighs ? loss : loss with { ClassWeights = ClassWeighting.None };
        RecipeLoss.Check(Recipe.Task, loss);
        return this with { Recipe = Recipe with { Loss = loss }, Remarks = weighs ? Remarks : Remarks.Where(remark => remark.Key != "loss.classWeights").ToDictionary() };
    }

    private static (DataRecipe Data, int Chips) Values(DataRecipe data, TaskName task, RasterChipSource source, string type, ModelManifest? manifest, SortedDictionary<string, string> remarks, CancellationToken cancellation)
    {
        var training = Enumerable.Range(0, source.Files.Count).Where(chip => !source.Files[chip].HeldOut).ToList();
        var every = (training.Count + MostChips - 1) / MostChips;
        var chosen = training.Where((_, index) => index % every == 0).ToList();
        var found = BandStatistics.Of(source, chosen, null, cancellation);
        if (ValueLook.UndeclaredNoData(found) is { } mark)
        {
            remarks["data.noData"] = FormattableString.Invariant($"The value {mark} stands far from all others and is declared by no file, so it seems to mean 'no data'.");
            data = data with { NoData = mark };
            found = BandStatistics.Of(manifest is null ? new RasterChipSource(source.Files, new RasterChipOptions { NoData = mark }) : RecipeData.Open(data, task.ToModelTask(), manifest), chosen, null, cancellation);
        }

        return (ValueLook.Choose(data, found, type, chosen.Count, manifest, remarks), chosen.Count);
    }

    /// <summary>At least four steps an epoch, at most eight samples a step.</summary>
    private static int Batch(DataRecipe data, RasterChipSource source, ModelManifest? manifest, OnnxModel? encoder)
    {
        var held = source.Files.Count(file => file.HeldOut);
        var training = held > 0 ? source.Files.Count - held : (int)(source.Files.Count * (1 - data.ValidationShare));
        var tile = manifest is null || encoder is null ? new PixelSize(int.MaxValue, int.MaxValue) : RecipeData.Tile(encoder, manifest);
        var (width, height) = source.Chips[0].Size;
        var tiles = data.LabelTable is null && source.Files[0].Label is not null ? Math.Max(1, width / tile.Width) * Math.Max(1, height / tile.Height) : 1;
        return Math.Clamp(training * tiles / 4, 1, 8);
    }

    private static IEnumerable<string> Summary(string folder, RasterChipSource source, ChipRaster first, int chips, string labels, ModelManifest? manifest)
    {
        var sizes = source.Chips.Select(chip => $"{chip.Size.Width} x {chip.Size.Height}").Distinct().ToList();
        var held = source.Files.Count(file => file.HeldOut);
        yield return $"Made by looking at {folder}: eoonnx recipe init. What is a guess says so; everything can be changed.";
        yield return FormattableString.Invariant($"{source.Files.Count - held} chips{(held > 0 ? FormattableString.Invariant($", {held} held out") : "")}, {string.Join(" or ", sizes.Take(3))}{(sizes.Count > 3 ? " or others" : "")} pixels, {first.Bands} bands of {first.Type}{(first.NoData is { } noData ? FormattableString.Invariant($", no data {noData}") : "")}; {labels}.");
        yield return first.BandNames.All(name => name.Length == 0) ? "The bands have no names in the files." : $"Bands in the files: {string.Join(", ", first.BandNames.Select((name, index) => FormattableString.Invariant($"{index + 1} {(name.Length == 0 ? "?" : name)}")))}.";
        yield return FormattableString.Invariant($"Statistics were taken of {chips} chips, label values of all.");
        if (manifest is null)
        {
            yield return $"to do: export an encoder for these bands as {ModelToExport}: eoonnx models list, then eoonnx export --help; with --model it decides on bands and statistics.";
        }

        yield return "to do: eoonnx recipe check RECIPE, then eoonnx train-adapter RECIPE --out run";
    }
}
