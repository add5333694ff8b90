using System.Globalization;

namespace EoOnnx.Formats;

/// <summary>Finds a disk that is too full before work begins, instead of in the middle of it.</summary>
public static class DiskSpace
{
    /// <summary>Compares what will be written with what is free.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="bytes">What will be written into it.</param>
    /// <returns>Both numbers in a sentence without a full stop, such as <c>The disk of runs has 5 MB free; up to 700 MB are written</c>; null when there is room.</returns>
    /// <exception cref="IOException">The disk cannot be asked.</exception>
    public static string? Lack(string folder, long bytes) => Lack(folder, bytes, new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace);

    internal static string? Lack(string folder, long bytes, long free) => free >= bytes ? null
        : string.Create(CultureInfo.InvariantCulture, $"The disk of {folder} has {free / 1e6:F0} MB free; up to {bytes / 1e6:F0} MB are written");
}
