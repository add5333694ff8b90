using System.CommandLine;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli.Tests;

public class LossOptionTests
{
    [Theory]
    [InlineData("", null, "")]
    [InlineData("dice", LossName.Dice, "")]
    [InlineData("dice:1", LossName.Dice, "")]
    [InlineData("dice:0.5", null, "Dice 0.5")]
    [InlineData("ce:1,dice:0.5", null, "Ce 1, Dice 0.5")]
    [InlineData("ce, lovasz:2e-1", null, "Ce 1, Lovasz 0.2")]
    public void One_loss_is_a_name_and_several_are_parts_with_weights(string text, LossName? name, string parts)
    {
        var loss = LossOption.Apply(new LossRecipe(), Parse(text, out var errors));
        Assert.Empty(errors);
        Assert.Equal(name, loss.Name);
        Assert.Equal(parts, string.Join(", ", loss.Parts.Select(part => FormattableString.Invariant($"{part.Name} {part.Weight}"))));
    }

    [Theory]
    [InlineData("ce:1,dise:0.5", "--loss is 'dise'", "Did you mean 'dice'?")]
    [InlineData("ce:0,dice", "weight '0'", "above 0")]
    [InlineData("ce:x", "weight 'x'", "ce:1,dice:0.5")]
    [InlineData("ce:1,ce:2", "--loss has ce twice", "one weight")]
    public void What_cannot_be_added_is_refused_with_what_was_written(string text, string found, string next)
    {
        Parse(text, out var errors);
        Assert.Contains(found, Assert.Single(errors), StringComparison.Ordinal);
        Assert.Contains(next, errors[0], StringComparison.Ordinal);
    }

    private static LossPartRecipe[]? Parse(string text, out List<string> errors)
    {
        var option = LossOption.Create();
        var parsed = new RootCommand { option }.Parse(text.Length == 0 ? [] : ["--loss", text]);
        errors = [.. parsed.Errors.Select(error => error.Message)];
        return errors.Count == 0 ? parsed.GetValue(option) : null;
    }
}
