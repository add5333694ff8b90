using System.Globalization;

namespace EoOnnx.Formats;

/// <summary>Finds a disk that is too full before work begins, instead of in the middle of it.</summary>
public static class FreeDiskSpace
{
    /// <summary>Compares what will be written with what is free.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="bytes">What will be written into it.</param>
    /// <returns>Both numbers in a sentence without a full stop, such as <c>The disk of runs has 5 MB free; the run writes up to 700 MB</c>; null when there is room.</returns>
    /// <exception cref="IOException">The disk cannot be asked.</exception>
    public static string? Lack(string folder, long bytes) => Lack(folder, bytes, new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace);

    /// <summary>Compares what will be written with what is said to be free.</summary>
    /// <param name="folder">Name of the folder, for the sentence.</param>
    /// <param name="bytes">What will be written into it.</param>
    /// <param name="free">Free bytes.</param>
    /// <returns>As for the other form.</returns>
    public static string? Lack(string folder, long bytes, long free) => free >= bytes ? null
        : string.Create(CultureInfo.InvariantCulture, $"The disk of {folder} has {free / 1e6:F0} MB free; the run writes up to {bytes / 1e6:F0} MB");
}
