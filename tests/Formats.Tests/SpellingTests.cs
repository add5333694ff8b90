namespace EoOnnx.Formats.Tests;

public class SpellingTests
{
    [Theory]
    [InlineData("overlp", "overlap")]
    [InlineData("adaptr", "adapter")]
    [InlineData("modle", "model")]
    [InlineData("zzzzz", null)]
    public void The_nearest_word_is_offered_when_few_edits_away(string word, string? expected) =>
        Assert.Equal(expected, Spelling.Nearest(word, ["overlap", "adapter", "model", "out"]));
}
