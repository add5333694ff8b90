using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Trainer.Schedules;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Recipes;

/// <summary>A recipe with its model composed and its data opened, before the first step.</summary>
/// <param name="Model">Encoder, method and decoder.</param>
/// <param name="Data">Training and held-out chips.</param>
/// <param name="Loss">The objective.</param>
/// <param name="Counts">Labels of each class; null without classes.</param>
/// <param name="Statistics">Mean and deviation of measured targets; null for classes.</param>
/// <param name="Schedule">How the learning rate changes.</param>
/// <param name="Groups">Tensors with a learning rate or weight decay of their own.</param>
internal sealed record PreparedJob(TaskModel Model, TrainingData Data, Loss Loss, long[]? Counts, TargetScaling? Statistics, LearningRateSchedule Schedule, ParameterGroups Groups)
{
    /// <summary>Where the chips lie; null when they are not georeferenced.</summary>
    public SplitMap? SplitMap { get; init; }
}
