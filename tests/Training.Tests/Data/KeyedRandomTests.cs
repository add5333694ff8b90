using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

public class KeyedRandomTests
{
    [Fact]
    public void Numbers_depend_on_every_part_of_the_key_and_on_nothing_else()
    {
        static ulong First(long seed, long epoch, long sample) => new KeyedRandom(seed, epoch, sample).NextBits();
        var all = (from seed in Enumerable.Range(0, 10) from epoch in Enumerable.Range(0, 10) from sample in Enumerable.Range(0, 10) select First(seed, epoch, sample)).ToList();
        Assert.Equal(1000, all.Distinct().Count());
        Assert.Equal(First(3, 4, 5), First(3, 4, 5));
    }

    [Fact]
    public void Draws_are_uniform()
    {
        var counts = new int[8];
        for (var sample = 0; sample < 80_000; sample++)
        {
            var random = new KeyedRandom(1, 0, sample);
            counts[random.Next(8)]++;
            Assert.InRange(random.NextDouble(), 0, 1 - 1e-17);
        }

        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400));
    }
}
