namespace EoOnnx.Formats;

/// <summary>
/// Writes a file so that its name appears only when its content is complete and on disk: the content goes to a temporary
/// name in the same folder, is flushed to the device and then renamed over the target. A killed process leaves at most a
/// <c>.part</c> file; an exception removes it.
/// </summary>
public static class AtomicFile
{
    /// <summary>Writes <paramref name="path"/> with the content that <paramref name="write"/> puts into the stream.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full, or a limit on file sizes is reached; the target is unchanged.</exception>
    public static void Write(string path, Action<FileStream> write)
    {
        var temporary = TemporaryName(path);
        try
        {
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 20))
            {
                write(stream);
                stream.Flush(flushToDisk: true);
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch (ArgumentOutOfRangeException failure) when (IsTooLarge(failure))
        {
            Discard(temporary);
            throw new IOException($"{path} would be larger than its file system, or a limit on file sizes, allows.", failure);
        }
        catch
        {
            Discard(temporary);
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 without a byte order mark.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full; the target is unchanged.</exception>
    public static void WriteText(string path, string text) => Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, leaveOpen: true);
        writer.Write(text);
    });

    /// <summary>Whether a failed write met a limit on file sizes (EFBIG), which .NET reports as an argument out of range that nobody gave.</summary>
    public static bool IsTooLarge(ArgumentOutOfRangeException failure) => failure is { ParamName: "value", ActualValue: null };

    /// <summary>Removes a temporary file when it is there; its folder may be gone too.</summary>
    public static void Discard(string temporary)
    {
        if (File.Exists(temporary))
        {
            File.Delete(temporary);
        }
    }

    /// <summary>A name beside <paramref name="path"/> that no other process uses and that no reader takes for a result.</summary>
    public static string TemporaryName(string path) =>
        $"{path}.{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..8]}.part";
}
