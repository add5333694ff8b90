using System.Text.RegularExpressions;

namespace EoOnnx.Training.Recipes.Start;

/// <summary>Words in the names of folders and files that tell what they hold.</summary>
internal static partial class PathWords
{
    private static readonly string[] LabelWords = ["label", "labels", "mask", "masks", "annotation", "annotations", "gt", "truth", "target", "targets", "lulc", "agb", "agbm", "reference"];

    /// <summary>The part of a split that a path names; null when it names none.</summary>
    public static DataPart? PartOf(string path) => Part().Match(path) is not { Success: true } found ? null
        : found.Value.StartsWith("tr", StringComparison.OrdinalIgnoreCase) ? DataPart.Training
        : found.Value.StartsWith("te", StringComparison.OrdinalIgnoreCase) ? DataPart.Test : DataPart.Validation;

    /// <summary>The path with a mark instead of the word that names its part: equal for folders that differ in their part only.</summary>
    public static string WithoutPart(string path) => Part().Replace(path, "#");

    /// <summary>True when a word of the path says that files are labels.</summary>
    public static bool IsLabel(string path) => Word().Matches(path).Any(word => LabelWords.Contains(word.Value.ToUpperInvariant(), StringComparer.OrdinalIgnoreCase));

    // training_chips, val_images, images/test; not "trained".
    [GeneratedRegex("(?<![A-Za-z])(training|train|validation|valid|val|testing|test)(?![A-Za-z])", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Part();

    // Words of label_hand, LabelHand and S1OtsuLabelHand.
    [GeneratedRegex("[A-Z]+(?![a-z])|[A-Z]?[a-z]+", RegexOptions.CultureInvariant)]
    private static partial Regex Word();
}
