using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Recipes;

/// <summary>The arrays of a recipe as samples of one model, and their parts.</summary>
internal sealed class RecipeArrays
{
    private readonly string _folder;
    private readonly Dictionary<string, NpyFile> _files = new(StringComparer.Ordinal);

    private RecipeArrays(DataRecipe recipe, ModelTask task, IReadOnlyList<(string Name, ElementType Type)> inputs)
    {
        _folder = recipe.Folder;
        var arrays = recipe.Arrays!;
        RefuseChipSettings(recipe);
        Samples = new ArraySamples(Inputs(arrays, inputs), Numbers(arrays.Target), Classes(recipe, task), arrays.Names is { } names ? Texts(names) : null);
    }

    /// <summary>All samples.</summary>
    public ArraySamples Samples { get; }

    /// <summary>Opens the files that a recipe names.</summary>
    /// <param name="recipe">The data, with arrays.</param>
    /// <param name="task">What is predicted; one class or several values of a sample.</param>
    /// <param name="inputs">What the model takes.</param>
    /// <exception cref="TrainingDataException">Arrays are missing, do not fit the model or each other.</exception>
    /// <exception cref="FileFormatException">A file is damaged.</exception>
    public static RecipeArrays Open(DataRecipe recipe, ModelTask task, IReadOnlyList<(string Name, ElementType Type)> inputs) => new(recipe, task, inputs);

    /// <summary>Samples of each part; together all of them, none twice.</summary>
    /// <param name="recipe">The data.</param>
    /// <param name="seed">Seed of the draw when no condition says what validates.</param>
    /// <exception cref="TrainingDataException">A condition has no bound, or a part that is asked for is empty.</exception>
    public (DataSplit Split, IReadOnlyList<int> Test) Split(DataRecipe recipe, long seed)
    {
        var arrays = recipe.Arrays!;
        var test = arrays.Test.Count > 0 ? Where(arrays.Test) : [];
        var rest = Enumerable.Range(0, Samples.Count).Except(test).ToList();
        if (arrays.Validation.Count == 0)
        {
            var drawn = DataSplit.Random([.. rest.Select(sample => new ChipInfo(Samples.NameOf(sample), new PixelSize(1, 1)))], recipe.ValidationShare, seed);
            return (new DataSplit([.. drawn.Training.Select(index => rest[index])], [.. drawn.Validation.Select(index => rest[index])], drawn.How), test);
        }

        var validation = Where(arrays.Validation).Intersect(rest).ToList();
        var training = rest.Except(validation).ToList();
        return training.Count > 0 && validation.Count > 0 ? (new DataSplit(training, validation, "by conditions on arrays"), test)
            : throw new TrainingDataException($"The conditions leave {training.Count} samples to train on, {validation.Count} to validate and {test.Count} to test, of {Samples.Count}; training and validation need at least 1.");
    }

    private static void RefuseChipSettings(DataRecipe recipe)
    {
        var given = new (string Name, bool IsGiven)[]
        {
            ("images", recipe.Images is not null), ("labels", recipe.Labels is not null), ("labelFolder", recipe.LabelFolder is not null), ("moreImages", recipe.MoreImages.Count > 0),
            ("labelTable", recipe.LabelTable is not null), ("bands", recipe.Bands is not null), ("constantScale", recipe.ConstantScale != 1), ("means", recipe.Means.Count > 0),
            ("validationFolder", recipe.ValidationFolder is not null), ("splitFile", recipe.SplitFile is not null), ("validationSplitFile", recipe.ValidationSplitFile is not null), ("holdOut", recipe.HoldOut.Count > 0),
        };
        if (given.FirstOrDefault(setting => setting.IsGiven).Name is { } name)
        {
            throw new TrainingDataException($"data.{name} belongs to chips, but data.arrays was given too. Leave out one of the two.");
        }
    }

    private static int Classes(DataRecipe recipe, ModelTask task) => task switch
    {
        ModelTask.Classification => recipe.Classes.Count,
        ModelTask.Multilabel or ModelTask.ScalarRegression => 0,
        _ => throw new TrainingDataException($"data.arrays gives an answer for each sample, but the task {task} labels pixels. Choose classification, multilabel or scalar-regression."),
    };

    private Dictionary<string, TensorData> Inputs(ArrayRecipe arrays, IReadOnlyList<(string Name, ElementType Type)> inputs)
    {
        var named = arrays.Inputs.ToLookup(input => input.Name, input => input.File, StringComparer.Ordinal);
        var needed = string.Join(", ", inputs.Select(input => input.Name));
        if (named.FirstOrDefault(input => input.Count() > 1 || inputs.All(known => known.Name != input.Key)) is { } wrong)
        {
            throw new TrainingDataException($"data.arrays.inputs names '{wrong.Key}'{(wrong.Count() > 1 ? " twice" : "")}; the model takes each of {needed} once.{Spelling.DidYouMean(wrong.Key, inputs.Select(input => input.Name))}");
        }

        return inputs.Select(input => (input.Name, Data: named[input.Name].FirstOrDefault() is { } file ? Converted(file, input.Type)
            : throw new TrainingDataException($"data.arrays.inputs lacks '{input.Name}'; the model takes {needed}.")))
            .ToDictionary(input => input.Name, input => input.Data, StringComparer.Ordinal);
    }

    private TensorData Converted(string file, ElementType type)
    {
        var data = Numbers(file);
        var isReal = data.Type is ElementType.Float or ElementType.Double or ElementType.Float16;
        return type != ElementType.Float || isReal
            ? type == ElementType.Int64 && isReal ? throw new TrainingDataException($"{file} holds {data.Type}, but the model's input takes whole numbers. Convert it with array.astype('int64').") : data
            : TensorData.FromValues<float>(data.Shape.AsSpan(), data.ToSingles());
    }

    private List<int> Where(IReadOnlyList<ArrayCondition> conditions)
    {
        var kept = Enumerable.Range(0, Samples.Count);
        foreach (var condition in conditions)
        {
            var values = Column(condition);
            kept = kept.Where(sample => condition.Holds(values[sample]));
        }

        return [.. kept];
    }

    private double[] Column(ArrayCondition condition)
    {
        var data = Numbers(condition.Array);
        var width = data.Shape.Length == 2 ? data.Shape[1] : 1;
        if (condition.IsOpen || data.Shape.Length is not (1 or 2) || data.Shape[0] != Samples.Count || (data.Shape.Length == 2) != condition.Column is not null || condition.Column >= width)
        {
            throw new TrainingDataException(
                $"The condition on {condition.Array}{(condition.Column is { } given ? $", column {given}," : "")} needs a bound (minimum, maximum, above, below) and an array [{Samples.Count}], or [{Samples.Count}, n] and a column of it; the array is [{string.Join(", ", data.Shape)}].");
        }

        var values = data.Type == ElementType.Double ? data.AsSpan<double>().ToArray() : Array.ConvertAll(data.ToSingles(), value => (double)value);
        return [.. Enumerable.Range(0, Samples.Count).Select(sample => values[(sample * width) + (condition.Column ?? 0)])];
    }

    private TensorData Numbers(string file) => Open(file).Tensor ?? throw new TrainingDataException($"{file} holds texts; expected numbers.");

    private List<string> Texts(string file)
    {
        var array = Open(file);
        return array.Texts?.ToList() ?? (array.Tensor is { Type: ElementType.Int64 } numbers ? [.. numbers.AsSpan<long>().ToArray().Select(number => number.ToString(System.Globalization.CultureInfo.InvariantCulture))]
            : throw new TrainingDataException($"{file} holds {array.Tensor!.Type}; names are texts or whole numbers (int64)."));
    }

    private NpyFile Open(string file)
    {
        if (!_files.TryGetValue(file, out var opened))
        {
            var path = Path.Combine(_folder, file);
            _files[file] = opened = File.Exists(path) ? NpyFile.Open(path) : throw new TrainingDataException($"There is no array {path}. Paths in data.arrays count from data.folder.");
        }

        return opened;
    }
}
