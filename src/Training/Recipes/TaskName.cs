using EoOnnx.Formats;

namespace EoOnnx.Training.Recipes;

/// <summary>Tasks of a recipe.</summary>
public enum TaskName
{
    /// <summary>A class for each pixel.</summary>
    Segmentation,

    /// <summary>A value for each pixel.</summary>
    Regression,

    /// <summary>A class for each chip.</summary>
    Classification,

    /// <summary>Several labels for each chip.</summary>
    Multilabel,

    /// <summary>One or more values for each chip.</summary>
    ScalarRegression,
}

/// <summary>What follows from a task.</summary>
internal static class TaskRules
{
    public static ModelTask ToModelTask(this TaskName task) => task switch
    {
        TaskName.Regression => ModelTask.Regression,
        TaskName.Classification => ModelTask.Classification,
        TaskName.Multilabel => ModelTask.Multilabel,
        TaskName.ScalarRegression => ModelTask.ScalarRegression,
        _ => ModelTask.Segmentation,
    };

    /// <summary>True when pixels are labelled, false when whole chips are.</summary>
    public static bool LabelsPixels(this ModelTask task) => task is ModelTask.Segmentation or ModelTask.Regression;

    /// <summary>True when the target is measured values.</summary>
    public static bool IsMeasured(this ModelTask task) => task is ModelTask.Regression or ModelTask.ScalarRegression;

    /// <summary>The losses that a task can be trained with; the first is the usual one.</summary>
    public static IReadOnlyList<LossName> Losses(this TaskName task) => task switch
    {
        TaskName.Segmentation => [LossName.Ce, LossName.Dice, LossName.CeDice, LossName.Jaccard, LossName.Focal, LossName.Lovasz],
        TaskName.Classification => [LossName.Ce, LossName.Focal, LossName.Jaccard, LossName.Dice],
        TaskName.Multilabel => [LossName.Bce, LossName.BalancedBce],
        _ => [LossName.Mse, LossName.Rmse, LossName.Mae, LossName.Huber],
    };
}
