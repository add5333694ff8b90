using System.Text.Json;
using EoOnnx.Training.Trainer.Schedules;

namespace EoOnnx.Training.Recipes;

/// <summary>The learning-rate schedule that a recipe describes.</summary>
internal static class RecipeSchedule
{
    // A setting that a schedule does not have would do nothing, so it is refused.
    private static readonly (string Setting, Func<OptimizerRecipe, bool> IsGiven, ScheduleName[] Owners)[] Settings =
    [
        ("gamma", recipe => recipe.Gamma is not null, [ScheduleName.Step, ScheduleName.MultiStep, ScheduleName.Exponential, ScheduleName.Plateau]),
        ("every", recipe => recipe.Every is not null, [ScheduleName.Step, ScheduleName.CosineRestarts]),
        ("milestones", recipe => recipe.Milestones is not null, [ScheduleName.MultiStep]),
        ("power", recipe => recipe.Power is not null, [ScheduleName.Polynomial]),
        ("minimum", recipe => recipe.Minimum is not null, [ScheduleName.Cosine, ScheduleName.CosineRestarts, ScheduleName.Plateau]),
        ("schedulePatience", recipe => recipe.SchedulePatience is not null, [ScheduleName.Plateau]),
    ];

    /// <summary>Makes the schedule.</summary>
    /// <exception cref="ArgumentException">A setting belongs to another schedule, is missing, or is out of range.</exception>
    public static LearningRateSchedule Of(OptimizerRecipe recipe, int epochs)
    {
        foreach (var (setting, isGiven, owners) in Settings)
        {
            if (isGiven(recipe) && !owners.Contains(recipe.Schedule))
            {
                throw new ArgumentException($"optimizer.{setting} belongs to the schedule {string.Join(" or ", owners.Select(Word))}; the schedule is {Word(recipe.Schedule)}. Leave the setting out, or choose another schedule.", nameof(recipe));
            }
        }

        var third = Math.Max(1, epochs / 3);
        return recipe.Schedule switch
        {
            ScheduleName.Cosine => new CosineSchedule { WarmUp = recipe.WarmUp, Minimum = recipe.Minimum ?? 0 },
            ScheduleName.Linear => new PolynomialSchedule(),
            ScheduleName.OneCycle => new OneCycleSchedule(),
            ScheduleName.Step => new StepSchedule { Every = recipe.Every ?? third, Gamma = recipe.Gamma ?? 0.1 },
            ScheduleName.MultiStep => new MultiStepSchedule
            {
                Milestones = recipe.Milestones ?? throw new ArgumentException("The schedule multi-step needs the epochs after which the rate falls: optimizer.milestones (--lr-milestones 10,15).", nameof(recipe)),
                Gamma = recipe.Gamma ?? 0.1,
            },
            ScheduleName.Exponential => new ExponentialSchedule { Gamma = recipe.Gamma ?? 0.95 },
            ScheduleName.Polynomial => new PolynomialSchedule { Power = recipe.Power ?? 0.9 },
            ScheduleName.CosineRestarts => new CosineRestartsSchedule { Every = recipe.Every ?? third, Minimum = recipe.Minimum ?? 0 },
            ScheduleName.Plateau => new PlateauSchedule { Gamma = recipe.Gamma ?? 0.1, Patience = recipe.SchedulePatience ?? 10, Minimum = recipe.Minimum ?? 0 },
            _ => LearningRateSchedule.Constant,
        };
    }

    private static string Word(ScheduleName name) => JsonNamingPolicy.KebabCaseLower.ConvertName(name.ToString());
}
