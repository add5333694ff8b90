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
        var name = Name(task, recipe);
        if (!task.Losses().Contains(name))
        {
            throw new TrainingException($"The loss {Word(name)} does not belong to the task {Word(task)}; choose {string.Join(", ", task.Losses().Select(loss => Word(loss)))} (--loss).");
        }

        if (recipe.Weights.Count > 0 && recipe.ClassWeights != ClassWeighting.None)
        {
            throw new TrainingException("The recipe has both loss.weights and loss.classWeights; leave out one.");
        }

        if (recipe.Weights.Any(weight => weight is not (>= 0 and <= double.MaxValue)))
        {
            throw new TrainingException($"The weights of the classes are {string.Join(", ", recipe.Weights)}; expected numbers from 0.");
        }

        if ((recipe.ClassWeights != ClassWeighting.None || recipe.Weights.Count > 0) && name is not (LossName.Ce or LossName.CeDice))
        {
            throw new TrainingException($"Class weights belong to cross-entropy; the loss is {Word(name)}. Leave out --class-weights, or choose --loss ce.");
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
        var loss = Name(task, recipe) switch
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
        return scaling is null ? loss : Loss.Standardized(loss, scaling);
    }

    private static double[] Given(IReadOnlyList<double> weights, int classes) => weights.Count == classes ? [.. weights]
        : throw new TrainingException($"The recipe gives {weights.Count} weights of classes (loss.weights); there are {classes} classes. Give one a class.");

    private static LossName Name(TaskName task, LossRecipe recipe) => recipe.Name ?? task.Losses()[0];

    private static string Word<T>(T name) where T : struct, Enum => JsonNamingPolicy.KebabCaseLower.ConvertName(name.ToString());
}
