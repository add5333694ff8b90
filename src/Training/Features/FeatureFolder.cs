using System.Globalization;
using System.Security.Cryptography;
using EoOnnx.Formats;

namespace EoOnnx.Training.Features;

/// <summary>
/// Features in files, one a sample, that later runs find again: <c>FOLDER/frozen part/xx/content.features</c>. The first name is the identity of the graph
/// in front of the cut, of its weights and of the runtime; the second that of the image as the model gets it. So another normalisation, band or pixel is another
/// file, and nothing that is found can belong to other data.
/// </summary>
/// <remarks>A file is the SHA-256 of what follows, 32 bytes, and the record. It appears when it is complete, and is checked whenever it is read.</remarks>
internal sealed class FeatureFolder : IRecordStore
{
    private const string Extension = ".features";
    private const int HashBytes = SHA256.HashSizeInBytes;
    private static readonly TimeSpan Abandoned = TimeSpan.FromHours(1);

    private readonly string _folder;
    private readonly int _bytes;
    private readonly string?[] _files;

    /// <summary>Opens the folder of a frozen part, and makes it when it is absent.</summary>
    /// <param name="folder">Folder of all features.</param>
    /// <param name="identity">Identity of the frozen part and of the form of its records.</param>
    /// <param name="records">Number of records.</param>
    /// <param name="bytes">Bytes of one.</param>
    /// <exception cref="TrainingException">The folder cannot be written, or takes no file of a record's size.</exception>
    public FeatureFolder(string folder, string identity, int records, int bytes)
    {
        (_folder, _bytes, _files) = (Path.Combine(folder, identity[..32]), bytes, new string?[records]);
        Writing(() =>
        {
            Directory.CreateDirectory(_folder);

            // What a killed run left behind; a run that is under way writes a file within a moment.
            foreach (var part in Directory.EnumerateFiles(_folder, "*.part", SearchOption.AllDirectories).Where(part => DateTime.UtcNow - File.GetLastWriteTimeUtc(part) > Abandoned))
            {
                File.Delete(part);
            }

            // A folder that takes no record is found now and not after the frozen part has been computed.
            var probe = Path.Combine(_folder, $"{Guid.NewGuid():N}.probe");
            AtomicFile.Write(probe, stream => stream.Write(new byte[HashBytes + bytes]));
            File.Delete(probe);
        });
    }

    /// <summary>Number of features of this frozen part that lie in the folder, of whatever data.</summary>
    public int Stored => Directory.EnumerateFiles(_folder, $"*{Extension}", SearchOption.AllDirectories).Count();

    /// <summary>Says which content a record has; true when its features are there and whole.</summary>
    public bool Find(int record, string content)
    {
        _files[record] = Path.Combine(_folder, content[..2], content + Extension);
        return File.Exists(_files[record]) && TryRead(_files[record]!, new byte[_bytes], out _);
    }

    public void Write(int record, ReadOnlySpan<byte> content)
    {
        var (path, bytes) = (_files[record]!, content.ToArray());
        Writing(() =>
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            AtomicFile.Write(path, stream =>
            {
                stream.Write(SHA256.HashData(bytes));
                stream.Write(bytes);
            });
        });
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="FileFormatException">The file is not what was written; the message names it.</exception>
    public void Read(int record, Span<byte> content)
    {
        if (!TryRead(_files[record]!, content, out var what))
        {
            throw new FileFormatException($"{_files[record]} {what}. Something changed the features while the run used them; delete the file and go on with --resume.");
        }
    }

    public void Dispose()
    {
    }

    private void Writing(Action work)
    {
        try
        {
            work();
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new TrainingException(string.Create(CultureInfo.InvariantCulture,
                $"The folder {Path.GetDirectoryName(_folder)} cannot take the features: {failure.Message} They are up to {_files.LongLength * (HashBytes + _bytes) / 1e6:F1} MB there. Free some space, choose another folder with --cache-folder (run.cacheFolder), or keep them with --cache-features memory."), failure);
        }
    }

    private static bool TryRead(string path, Span<byte> content, out string? what)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        var length = RandomAccess.GetLength(file);
        if (length != HashBytes + content.Length)
        {
            what = string.Create(CultureInfo.InvariantCulture, $"has {length} bytes; expected {HashBytes + content.Length}");
            return false;
        }

        Span<byte> expected = stackalloc byte[HashBytes];
        RandomAccess.Read(file, expected, 0);
        for (var done = 0; done < content.Length;)
        {
            var read = RandomAccess.Read(file, content[done..], HashBytes + done);
            if (read == 0)
            {
                what = "ended while it was read";
                return false;
            }

            done += read;
        }

        Span<byte> found = stackalloc byte[HashBytes];
        SHA256.HashData(content, found);
        what = found.SequenceEqual(expected) ? null : "does not have the content that its hash promises";
        return what is null;
    }
}
