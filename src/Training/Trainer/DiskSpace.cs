using EoOnnx.Formats;

namespace EoOnnx.Training.Trainer;

/// <summary>Finds a disk that is too full before the first step, instead of at the first checkpoint.</summary>
internal static class DiskSpace
{
    private const string Run = "graphs, model, checkpoint and its successor";

    /// <summary>Refuses a folder whose disk has no room.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="bytes">What will be written into it.</param>
    /// <param name="what">Names of that, for the message.</param>
    /// <exception cref="TrainingException">There is less; the message has both numbers.</exception>
    public static void Require(string folder, long bytes, string what = Run) => Refuse(FreeDiskSpace.Lack(folder, bytes), what);

    internal static void Require(string folder, long bytes, long free, string what = Run) => Refuse(FreeDiskSpace.Lack(folder, bytes, free), what);

    private static void Refuse(string? lack, string what)
    {
        if (lack is not null)
        {
            throw new TrainingException($"{lack} ({what}). Free some space, or choose another folder.");
        }
    }
}
