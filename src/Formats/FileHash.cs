using System.Security.Cryptography;

namespace EoOnnx.Formats;

/// <summary>SHA-256 of whole files.</summary>
public static class FileHash
{
    // A hash over a stream reads it by pages, and the calls cost as much as the hash.
    private const int Chunk = 1 << 18;

    /// <summary>64 lower-case hexadecimal digits.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string Sha256(string path)
    {
        using var file = new FileStream(path, new FileStreamOptions { BufferSize = 0, Options = FileOptions.SequentialScan });
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var buffer = new byte[Chunk];
        for (int count; (count = file.Read(buffer)) > 0;)
        {
            hash.AppendData(buffer, 0, count);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
