using System.Globalization;

namespace EoOnnx.Training.Trainer;

/// <summary>Finds a disk that is too full before the first step, instead of at the first checkpoint.</summary>
internal static class DiskSpace
{
    /// <summary>Refuses a folder whose disk has no room.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="bytes">What will be written into it.</param>
    /// <exception cref="TrainingException">There is less; the message has both numbers.</exception>
    public static void Require(string folder, long bytes) => Require(folder, bytes, new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace);

    internal static void Require(string folder, long bytes, long free)
    {
        if (free < bytes)
        {
            throw new TrainingException(string.Create(CultureInfo.InvariantCulture,
                $"The disk of {folder} has {free / 1e6:F0} MB free; the run writes up to {bytes / 1e6:F0} MB (graphs, model, checkpoint and its successor). Free some space, or choose another folder."));
        }
    }
}
