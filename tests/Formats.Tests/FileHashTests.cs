using System.Security.Cryptography;
using EoOnnx.Formats;

namespace EoOnnx.Formats.Tests;

public class FileHashTests
{
    [Theory, InlineData(0), InlineData(1), InlineData(262_144), InlineData(600_001)]
    public void The_hash_is_that_of_all_bytes(int length)
    {
        var path = Path.GetTempFileName();
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        File.WriteAllBytes(path, bytes);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(bytes)), FileHash.Sha256(path));
        File.Delete(path);
    }
}
