using CsCheck;

namespace EoOnnx.Runtime.Tests.Scenes.Batch;

public class ShardTests
{
    [Fact]
    public void Every_scene_belongs_to_exactly_one_part() =>
        Gen.Select(Gen.String.Array[0, 60], Gen.Int[1, 40]).Sample((names, count) =>
        {
            var parts = Enumerable.Range(1, count).Select(i => Shard.Parse(FormattableString.Invariant($"{i}/{count}"))).ToArray();
            return names.All(name => parts.Count(part => part.Holds(name)) == 1);
        });

    [Fact]
    public void A_scene_stays_in_its_part_whatever_else_is_listed()
    {
        var part = Shard.Parse("2/3");
        var names = Enumerable.Range(0, 300).Select(i => $"scene {i}.tif").ToArray();
        var alone = names.Where(name => part.Holds(name)).ToArray();
        Assert.Equal(alone, names.Concat(Enumerable.Range(0, 50).Select(i => $"new {i}.tif")).Where(name => part.Holds(name)).Where(names.Contains));
        Assert.InRange(alone.Length, 70, 130);
    }

    [Theory, InlineData("0/3"), InlineData("4/3"), InlineData("1"), InlineData("a/b"), InlineData("1/2/3"), InlineData("-1/2"), InlineData("1/0")]
    public void A_part_that_does_not_exist_is_refused(string text) =>
        Assert.Contains(text, Assert.Throws<ArgumentException>(() => Shard.Parse(text)).Message, StringComparison.Ordinal);
}
