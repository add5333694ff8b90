using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Checkpoints;

public sealed class CheckpointFuzzTests : CheckpointFolder
{
    private const int Mutations = 6000;

    /// <summary>Seeds: change one to search elsewhere, keep it when it finds something.</summary>
    [Theory, InlineData(false, 1), InlineData(true, 2)]
    public void A_damaged_file_is_read_or_refused_and_nothing_else_happens(bool isLegacy, int seed)
    {
        var original = TorchFiles.Small(isLegacy);
        var random = new Random(seed);
        var path = Save(original);
        var (read, refused) = (0, 0);
        for (var i = 0; i < Mutations; i++)
        {
            File.WriteAllBytes(path, Mutate(original, random));
            try
            {
                var checkpoint = Checkpoint.Open(path);
                foreach (var name in checkpoint.Weights.Names)
                {
                    Assert.InRange(checkpoint.Weights.Take(name).ToSingles().Length, 0, 16 << 20);
                }

                Assert.NotNull(checkpoint.Root?.ToString());
                read++;
            }
            catch (FileFormatException failure)
            {
                Assert.Contains(path, failure.Message, StringComparison.Ordinal);
                refused++;
            }
        }

        Assert.True(read > 0 && refused > Mutations / 10, $"{read} read, {refused} refused: the mutations test nothing");
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        var bytes = original.ToList();
        for (var change = random.Next(1, 5); change > 0 && bytes.Count > 0; change--)
        {
            var at = random.Next(bytes.Count);
            var length = random.Next(1, Math.Min(16, bytes.Count - at) + 1);
            switch (random.Next(6))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes[at] = random.Next(2) == 0 ? (byte)0xFF : (byte)0; break;
                case 3: bytes.RemoveRange(at, length); break;
                case 4: bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - length + 1), length)); break;
                default:
                    if (random.Next(10) == 0)
                    {
                        bytes.RemoveRange(at, bytes.Count - at);
                    }

                    break;
            }
        }

        return [.. bytes];
    }
}
