using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Recipes.Import;

/// <summary>Optimizer, schedule and trainer of a Lightning configuration.</summary>
internal static class ImportedRun
{
    private const string Model = "model.init_args";

    public static (OptimizerRecipe Optimizer, RunRecipe Run) Of(ForeignConfiguration config)
    {
        var defaults = new RunRecipe();
        var run = defaults with
        {
            Epochs = config.Integer("trainer.max_epochs") ?? defaults.Epochs,
            Seed = config.Text("seed_everything") is { } seed && long.TryParse(seed, out var number) ? number : defaults.Seed,
        };
        if (config.Integer("trainer.check_val_every_n_epoch") is { } every && every != 1)
        {
            config.Gap("trainer.check_val_every_n_epoch", "the held-out chips are looked at after each epoch", "left out");
        }

        config.Ignore([.. new[]
        {
            "accelerator", "strategy", "devices", "num_nodes", "precision", "logger", "log_every_n_steps", "enable_checkpointing", "default_root_dir", "detect_anomaly", "enable_progress_bar",
            "enable_model_summary", "num_sanity_val_steps", "benchmark", "deterministic", "profiler",
        }.Select(name => $"trainer.{name}")]);
        run = Callbacks(config, run);
        return (Optimizer(config, run.Epochs), run);
    }

    private static RunRecipe Callbacks(ForeignConfiguration config, RunRecipe run)
    {
        for (var index = 0; index < config.Count("trainer.callbacks"); index++)
        {
            var key = FormattableString.Invariant($"trainer.callbacks.{index}");
            var name = config.Text($"{key}.class_path")?.Split('.')[^1];
            if (name is "EarlyStopping" or "ModelCheckpoint" or "StateDictAwareModelCheckpoint")
            {
                run = run with { BestBy = config.Text($"{key}.init_args.monitor")?.EndsWith("loss", StringComparison.Ordinal) == true ? BestBy.Loss : run.BestBy };
                run = name == "EarlyStopping" ? run with { Patience = config.Integer($"{key}.init_args.patience") ?? 3 } : run;
                config.Ignore(key);
            }
            else if (name is "RichProgressBar" or "LearningRateMonitor" or "TQDMProgressBar" or "ModelSummary" or "RichModelSummary")
            {
                config.Ignore(key);
            }
        }

        return run;
    }

    private static OptimizerRecipe Optimizer(ForeignConfiguration config, int epochs)
    {
        var apart = config.Has("optimizer.class_path");
        var (nameKey, group) = apart ? ("optimizer.class_path", "optimizer.init_args") : ($"{Model}.optimizer", $"{Model}.optimizer_hparams");
        var name = config.Text(nameKey)?.Split('.')[^1] ?? "Adam";
        var known = Enum.TryParse<OptimizerName>(name, ignoreCase: true, out var optimizer);
        if (!known)
        {
            config.Gap(nameKey, $"the optimizer {name} is not known; known are {string.Join(", ", Enum.GetNames<OptimizerName>())}", "adamw");
        }

        var rate = config.Number($"{group}.lr") ?? config.Number($"{Model}.lr") ?? 1e-3;
        config.Ignore($"{group}.foreach", $"{group}.fused", $"{Model}.lr");
        var encoder = config.Number($"{Model}.lr_overrides.encoder");
        return Schedule(config, epochs, new OptimizerRecipe
        {
            Name = known ? optimizer : OptimizerName.Adamw,
            LearningRate = encoder ?? rate,
            HeadLearningRate = encoder is null ? null : rate,
            WeightDecay = config.Number($"{group}.weight_decay"),
            WarmUp = 0,
            ClipNorm = config.Number("trainer.gradient_clip_val"),
            Accumulation = config.Integer("trainer.accumulate_grad_batches") ?? 1,
        });
    }

    private static OptimizerRecipe Schedule(ForeignConfiguration config, int epochs, OptimizerRecipe recipe)
    {
        var apart = config.Has("lr_scheduler.class_path");
        var (nameKey, group) = apart ? ("lr_scheduler.class_path", "lr_scheduler.init_args") : ($"{Model}.scheduler", $"{Model}.scheduler_hparams");
        var name = config.Text(nameKey)?.Split('.')[^1];
        config.Ignore($"{group}.monitor", $"{group}.interval");
        switch (name)
        {
            case null:
                return recipe with { Schedule = ScheduleName.Constant };
            case "CosineAnnealingLR":
                if (config.Integer($"{group}.T_max") is { } length && length != epochs)
                {
                    config.Gap($"{group}.T_max", FormattableString.Invariant($"half a cosine lasts {length} steps or epochs there, the whole run of {epochs} epochs here"), "cosine over the run");
                }

                return recipe with { Schedule = ScheduleName.Cosine };
            case "OneCycleLR":
                config.Ignore($"{group}.total_steps", $"{group}.epochs", $"{group}.steps_per_epoch");
                return recipe with { Schedule = ScheduleName.OneCycle, LearningRate = config.Number($"{group}.max_lr") ?? recipe.LearningRate };
            case "StepLR":
                return recipe with { Schedule = ScheduleName.Step, Every = config.Integer($"{group}.step_size"), Gamma = config.Number($"{group}.gamma") };
            case "MultiStepLR":
                return recipe with { Schedule = ScheduleName.MultiStep, Milestones = [.. config.Numbers($"{group}.milestones").Select(epoch => (int)epoch)], Gamma = config.Number($"{group}.gamma") };
            case "ExponentialLR":
                return recipe with { Schedule = ScheduleName.Exponential, Gamma = config.Number($"{group}.gamma") };
            case "ReduceLROnPlateau":
                return recipe with { Schedule = ScheduleName.Plateau, Gamma = config.Number($"{group}.factor"), SchedulePatience = config.Integer($"{group}.patience") };
            default:
                config.Gap(nameKey, $"the schedule {name} is not known; known are CosineAnnealingLR, OneCycleLR, StepLR, MultiStepLR, ExponentialLR and ReduceLROnPlateau", "constant");
                config.Ignore(group);
                return recipe with { Schedule = ScheduleName.Constant };
        }
    }
}
