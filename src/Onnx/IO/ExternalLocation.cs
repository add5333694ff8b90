using System.Runtime.CompilerServices;
using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// Where the bytes of a tensor lie in an external data file, remembered for as long as the tensor lives. Graphs that are derived
/// from one another hold the same <see cref="TensorData"/> objects, so this is how frozen weights are stored once.
/// </summary>
/// <param name="Path">Full path of the data file.</param>
/// <param name="FileLength">Its length when the location was remembered.</param>
/// <param name="FileTime">When it had last been written, likewise.</param>
/// <param name="Offset">First byte.</param>
/// <param name="Length">Number of bytes.</param>
internal sealed record ExternalLocation(string Path, long FileLength, DateTime FileTime, long Offset, long Length)
{
    private static readonly ConditionalWeakTable<TensorData, ExternalLocation> Known = [];

    public static ExternalLocation? Of(TensorData data) => Known.TryGetValue(data, out var location) ? location : null;

    public static void Remember(TensorData data, FileInfo file, long offset) => Known.AddOrUpdate(
        data, new ExternalLocation(file.FullName, file.Length, file.LastWriteTimeUtc, offset, data.ByteLength));

    /// <summary>True while the data file is the one that was seen: same place, length and time.</summary>
    public bool IsCurrent => new FileInfo(Path) is { Exists: true } file && file.Length == FileLength && file.LastWriteTimeUtc == FileTime;

    /// <summary>The path as a model in <paramref name="folder"/> names it, or null when the file does not lie below that folder.</summary>
    public string? RelativeTo(string folder)
    {
        var relative = System.IO.Path.GetRelativePath(folder, Path);
        return System.IO.Path.IsPathRooted(relative) || relative.StartsWith("..", StringComparison.Ordinal) ? null : relative.Replace('\\', '/');
    }
}
