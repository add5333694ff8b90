namespace EoOnnx.Training.Data;

/// <summary>Where the chips of a data set and their labels lie.</summary>
/// <remarks>Without patterns the folder must hold <c>images/</c> and <c>labels/</c> (or <c>masks/</c>) with files of equal names. With patterns, such as
/// <c>*_merged.tif</c> and <c>*.mask.tif</c> or <c>S2L2A/*.tif</c> and <c>LULC/*.tif</c>, the parts that the wildcards stand for are compared.</remarks>
public sealed record ChipFolderOptions
{
    /// <summary>The folder of the images.</summary>
    public required string Folder { get; init; }

    /// <summary>The folder of the labels; null means <see cref="Folder"/>.</summary>
    public string? LabelFolder { get; init; }

    /// <summary>Which files are images, relative to <see cref="Folder"/>; <c>*</c> and <c>?</c> in the last part.</summary>
    public string? Images { get; init; }

    /// <summary>Which files are labels, relative to the label folder; <c>*</c> and <c>?</c> in the last part.</summary>
    public string? Labels { get; init; }

    /// <summary>Patterns of further images of each chip, relative to <see cref="Folder"/>.</summary>
    public IReadOnlyList<string> MoreImages { get; init; } = [];

    /// <summary>Whether there are label files; false when whole chips are labelled elsewhere.</summary>
    public bool HasLabelFiles { get; init; } = true;

    /// <summary>Whether images lie in folders that name their class; a chip's name then is FOLDER/NAME.</summary>
    public bool FolderIsClass { get; init; }

    /// <summary>A text file with one chip name per line: only these chips are used. A line is the part of the name that the wildcard stands for, a file
    /// name with or without extension (of the image or its label; several stand between commas) or, when no file is called so, a part of a name. Blank lines are skipped.</summary>
    public string? SplitFile { get; init; }
}
