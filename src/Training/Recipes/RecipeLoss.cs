using System.Text.Json;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;

namespace EoOnnx.Training.Recipes;

/// <summary>The objective that a recipe describes.</summary>
internal static class RecipeLoss
{
    /// <summary>Refuses a loss or a setting that does not belong to the task, before anything is read.</summary>
    /// <exception cref="TrainingException">It does not.</exception>
    public static void Check(TaskName task, LossRecipe recipe)
    {
        var names = Parts(task, recipe).Select(part => part.Name).ToList();
        if (recipe is { Name: not null, Parts.Count: > 0 })
        {
            throw new TrainingException("The recipe has both loss.name and loss.parts; leave out one.");
        }

        if (names.FindIndex(name => !task.Losses().Contains(name)) is >= 0 and var wrong)
        {
            throw new TrainingException($"The loss {Word(names[wrong])} does not belong to the task {Word(task)}; choose {string.Join(", ", task.Losses().Select(loss => Word(loss)))} (--loss).");
        }

        if (recipe.Weights.Count > 0 && recipe.ClassWeights != ClassWeighting.None)
        {
            throw new TrainingException("The recipe has both loss.weights and loss.classWeights; leave out one.");
        }

        if (recipe.Weights.Any(weight => weight is not (>= 0 and <= double.MaxValue)))
        {
            throw new TrainingException($"The weights of the classes are {string.Join(", ", recipe.Weights)}; expected numbers from 0.");
        }

        if ((recipe.ClassWeights != ClassWeighting.None || recipe.Weights.Count > 0) && !names.Exists(name => name is LossName.Ce or LossName.CeDice))
        {
            throw new TrainingException($"Class weights belong to cross-entropy; the loss is {string.Join(" + ", names.Select(Word))}. Leave out --class-weights, or choose --loss ce.");
        }

        if (recipe.StandardizeTarget && !task.ToModelTask().IsMeasured())
        {
            throw new TrainingException($"Only values can be standardised; the targets of the task {Word(task)} are classes. Leave out --standardize-target.");
        }
    }

    /// <summary>The objective.</summary>
    /// <param name="task">The task.</param>
    /// <param name="recipe">The recipe.</param>
    /// <param name="target">Form of the targets.</param>
    /// <param name="counts">Labels of each class; null without classes.</param>
    /// <param name="scaling">Mean and deviation of the targets, when they are standardised.</param>
    public static Loss Of(TaskName task, LossRecipe recipe, SampleTarget target, long[]? counts, TargetScaling? scaling)
    {
        var ignored = target.IgnoreIndex;
        var weights = counts is null ? null : recipe.Weights.Count > 0 ? Given(recipe.Weights, target.Classes) : recipe.ClassWeights switch
        {
            ClassWeighting.Balanced => Array.ConvertAll(ClassWeights.Balanced(counts), weight => (double)weight),
            ClassWeighting.SquareRoot => Array.ConvertAll(ClassWeights.SquareRoot(counts), weight => (double)weight),
            _ => null,
        };
        var parts = Parts(task, recipe).Select(part => (part.Weight, Single(part.Name, ignored, weights))).ToList();
        var loss = parts is [(1, var only)] ? only : Loss.Combine(parts);
        return scaling is null ? loss : Loss.Standardized(loss, scaling);
    }

    private static Loss Single(LossName name, int ignored, double[]? weights) => name switch
    {
        LossName.Ce => Loss.CrossEntropy(ignored, weights),
        LossName.Dice => Loss.Dice(ignored),
        LossName.Jaccard => Loss.Jaccard(ignored),
        LossName.Focal => Loss.Focal(ignored),
        LossName.Lovasz => Loss.Lovasz(ignored),
        LossName.CeDice => Loss.Combine((1, Loss.CrossEntropy(ignored, weights)), (1, Loss.Dice(ignored))),
        LossName.Bce => Loss.BinaryCrossEntropy(),
        LossName.BalancedBce => Loss.BinaryCrossEntropy(balanced: true),
        LossName.Rmse => Loss.RootMeanSquaredError(),
        LossName.Mae => Loss.MeanAbsoluteError(),
        LossName.Huber => Loss.Huber(),
        _ => Loss.MeanSquaredError(),
    };

    private static double[] Given(IReadOnlyList<double> weights, int classes) => weights.Count == classes ? [.. weights]
        : throw new TrainingException($"The recipe gives {weights.Count} weights of classes (loss.weights); there are {classes} classes. Give one a class.");

    private static IReadOnlyList<LossPartRecipe> Parts(TaskName task, LossRecipe recipe) => recipe.Parts.Count > 0 ? recipe.Parts : [new LossPartRecipe { Name = recipe.Name ?? task.Losses()[0] }];

    private static string Word<T>(T name) where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(name.ToString());
}
