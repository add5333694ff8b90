using System.CommandLine;
using EoOnnx.Training.Data;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli;

/// <summary>The options that name a labelled data set; the same for every verb that reads one.</summary>
internal sealed class ChipOptions
{
    private readonly Option<DirectoryInfo> _data = new Option<DirectoryInfo>("--data")
    {
        Description = "Folder of the data set: images/ and labels/ with files of equal names, or anything else with --images and --labels.",
        HelpName = "folder",
    }.AcceptExistingOnly();

    private readonly Option<DirectoryInfo?> _labelFolder = SharedOptions.Optional<DirectoryInfo>("--label-folder", "Folder of the labels, when they do not lie below --data.", "folder");
    private readonly Option<string?> _images = SharedOptions.Optional<string>("--images", "Which files are images, for example '*_merged.tif' or 'S2L2A/*.tif'.", "pattern");
    private readonly Option<string?> _labels = SharedOptions.Optional<string>("--labels", "Which files are labels; the parts that '*' stands for must agree with the images'.", "pattern");
    private readonly Option<string[]> _more = new("--more-images") { Description = "Further images of each chip, whose bands follow: further dates in order, or further modalities, for example 'S1GRD/*.tif'; repeat the option for more.", HelpName = "pattern" };
    private readonly Option<string?> _table = SharedOptions.Optional<string>("--label-table", "A CSV file with the labels of whole chips, one row a chip. Without it the folder that a chip lies in is its class.", "file");
    private readonly Option<string?> _nameColumn = SharedOptions.Optional<string>("--name-column", "Column of the chips' names in the label table. Default: the first.", "column");
    private readonly Option<string[]> _labelColumns = new("--label-columns") { Description = "Columns of the class or the values in the label table; several labels are the columns named by --classes.", HelpName = "columns", CustomParser = Lists.Texts };
    private readonly Option<int[]> _ignored = new("--ignored") { Description = "Label values that mean 'not labelled'. Default: -1,255 for classes, none for values.", HelpName = "values", CustomParser = Lists.SignedIntegers };
    private readonly Option<int[]> _bands = new("--bands") { Description = "Bands of the images in the model's order, counted from 1. Default: all, in file order.", HelpName = "1,2,3", CustomParser = Lists.Integers };

    /// <summary>Adds the options to a verb.</summary>
    /// <param name="verb">The verb.</param>
    /// <param name="required">False when the verb can take the data set from elsewhere.</param>
    /// <param name="meaning">False when the verb takes labels as they are stored, without a task.</param>
    public ChipOptions(Command verb, bool required = true, bool meaning = true)
    {
        _data.Required = required;
        verb.Add(_data);
        verb.Add(_labelFolder);
        verb.Add(_images);
        verb.Add(_labels);
        verb.Add(_more);
        if (meaning)
        {
            verb.Add(_ignored);
            verb.Add(_table);
            verb.Add(_nameColumn);
            verb.Add(_labelColumns);
        }

        verb.Add(_bands);
    }

    /// <summary>The data set that the command line names, as a recipe keeps it.</summary>
    public DataRecipe Recipe(ParseResult parsed, IReadOnlyList<ClassRecipe> classes) => new()
    {
        Folder = parsed.GetRequiredValue(_data).ToString(),
        LabelFolder = parsed.GetValue(_labelFolder)?.ToString(),
        Images = parsed.GetValue(_images),
        Labels = parsed.GetValue(_labels),
        MoreImages = parsed.GetValue(_more) ?? [],
        Ignored = parsed.GetValue(_ignored) is { Length: > 0 } ignored ? ignored : null,
        LabelTable = parsed.GetValue(_table),
        NameColumn = parsed.GetValue(_nameColumn),
        LabelColumns = parsed.GetValue(_labelColumns) ?? [],
        Bands = parsed.GetValue(_bands) is { Length: > 0 } bands ? bands : null,
        Classes = classes,
    };

    /// <summary>Opens the data set that the command line names.</summary>
    public RasterChipSource Open(ParseResult parsed) => new(
        ChipFolder.Find(new ChipFolderOptions
        {
            Folder = parsed.GetRequiredValue(_data).ToString(),
            LabelFolder = parsed.GetValue(_labelFolder)?.ToString(),
            Images = parsed.GetValue(_images),
            Labels = parsed.GetValue(_labels),
            MoreImages = parsed.GetValue(_more) ?? [],
        }),
        new RasterChipOptions { Bands = parsed.GetValue(_bands) is { Length: > 0 } bands ? bands : null });
}
