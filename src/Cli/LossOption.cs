using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli;

/// <summary><c>--loss</c>: one loss, or several with their weights.</summary>
internal static class LossOption
{
    private const string Name = "--loss";

    /// <summary>The option, for a verb that makes recipes.</summary>
    public static Option<LossPartRecipe[]?> Create() => new(Name)
    {
        Description = $"The objective, or several that are added with their weights: ce:1,dice:0.5. Default: cross-entropy of classes, bce of several labels, mse of values. Known are {string.Join(", ", SharedOptions.Words<LossName>().Keys)}.",
        HelpName = "loss[:weight],…",
        CustomParser = Parse,
    };

    /// <summary>The objective with the losses of the command line; the same without any.</summary>
    public static LossRecipe Apply(LossRecipe loss, LossPartRecipe[]? parts) => parts switch
    {
        null or [] => loss,
        [{ Weight: 1 } only] => loss with { Name = only.Name },
        _ => loss with { Parts = parts },
    };

    private static LossPartRecipe[] Parse(ArgumentResult argument)
    {
        var parts = new List<LossPartRecipe>();
        foreach (var text in Lists.Texts(argument))
        {
            var (word, weight) = text.IndexOf(':', StringComparison.Ordinal) is >= 0 and var colon ? (text[..colon].Trim(), text[(colon + 1)..].Trim()) : (text, "1");
            if (SharedOptions.Word<LossName>(Name, argument, word) is not { } loss)
            {
                return [];
            }

            if (!double.TryParse(weight, NumberStyles.Float, CultureInfo.InvariantCulture, out var factor) || factor is not (> 0 and <= double.MaxValue))
            {
                argument.AddError($"{Name} gives {word} the weight '{weight}'; expected a number above 0, for example ce:1,dice:0.5.");
                return [];
            }

            if (parts.Exists(part => part.Name == loss))
            {
                argument.AddError($"{Name} has {word} twice; give it one weight.");
                return [];
            }

            parts.Add(new LossPartRecipe { Name = loss, Weight = factor });
        }

        return [.. parts];
    }
}
