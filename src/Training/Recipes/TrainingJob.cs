using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Baselines;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;
using EoOnnx.Training.Trainer.Schedules;

namespace EoOnnx.Training.Recipes;

/// <summary>What a run is asked for that does not change its result.</summary>
public sealed record JobOptions
{
    /// <summary>Folder of the run.</summary>
    public required string Folder { get; init; }

    /// <summary>Go on from the folder's checkpoint when there is one.</summary>
    public bool Resume { get; init; }

    /// <summary>Optimizer steps between two checkpoints; 0 writes one an epoch.</summary>
    public int CheckpointEvery { get; init; }

    /// <summary>Keep packed copies of the frozen weights.</summary>
    public bool PackWeights { get; init; } = true;
}

/// <summary>Carries out a recipe: opens model and chips, composes the task, trains, compares with plain rules and writes the folder.</summary>
public static class TrainingJob
{
    /// <summary>Runs a recipe.</summary>
    /// <param name="recipe">What to train on what.</param>
    /// <param name="options">Folder and resumption.</param>
    /// <param name="progress">Told the figures of the moment.</param>
    /// <param name="cancellation">Ends the run in good order; the folder then holds the best so far.</param>
    /// <exception cref="EoOnnxException">Model, chips or recipe cannot be used; the message says what to change.</exception>
    public static async Task<FitResult> RunAsync(TrainingRecipe recipe, JobOptions options, IProgress<TrainingProgress>? progress = null, CancellationToken cancellation = default)
    {
        if (recipe.Data.Classes.Count < 2)
        {
            throw new ArgumentException($"{recipe.Data.Classes.Count} class was given; a segmentation has at least two, for example --classes other,water.", nameof(recipe));
        }

        var encoder = OnnxModel.Load(recipe.Model);
        var manifest = encoder.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json)
            : throw new TrainingException($"{recipe.Model} has no manifest ({ModelManifest.MetadataKey}), so its bands and features are unknown. Export the encoder with eoonnx export.");
        var source = RecipeData.Open(recipe.Data);
        var split = RecipeData.Split(recipe.Data, source, recipe.Run.Seed);
        var bands = RecipeData.Bands(recipe.Data, manifest, source, split.Training, null, cancellation);
        var labels = RecipeData.Labels(recipe.Data);
        var task = TaskModel.Compose(encoder, recipe.Method.ToPeft(recipe.Run.Seed), RecipeDecoder.Of(recipe.Decoder, ModelTask.Segmentation, recipe.Data.Classes.Count, manifest, recipe.Run.Seed), new TaskDescription
        {
            Classes = [.. recipe.Data.Classes.Select((item, id) => new ManifestClass(id, item.Name))],
            NoDataLabel = labels.IgnoreIndex,
            Bands = bands,
        });
        var data = new TrainingData(
            source,
            split,
            new SampleOptions
            {
                Tile = RecipeData.Tile(encoder, manifest),
                Scaling = RecipeData.Scaling(manifest, bands),
                Classes = labels,
                Augmentation = recipe.Data.Augment ? Augmentation.Standard : Augmentation.None,
            },
            new BatchLoaderOptions { BatchSize = recipe.Run.Batch, Seed = recipe.Run.Seed });
        var counts = data.CountClasses(cancellation);
        var trainer = new AdapterTrainer(task, Objective(recipe.Loss, labels.IgnoreIndex, Weights(recipe.Loss.ClassWeights, counts)), Rule(recipe.Optimizer));
        var linear = await PixelLinear.FitAsync(data, counts.Sum(), cancellation).ConfigureAwait(false);
        var baselines = new Dictionary<string, ValidationReport>
        {
            ["majority class"] = MajorityClass.Evaluate(data, counts, task.Manifest!, cancellation),
            ["pixel linear"] = await linear.EvaluateAsync(data, task.Manifest!, cancellation).ConfigureAwait(false),
        };
        return await trainer.FitAsync(data, Fit(recipe, options, baselines), progress, cancellation).ConfigureAwait(false);
    }

    private static FitOptions Fit(TrainingRecipe recipe, JobOptions options, IReadOnlyDictionary<string, ValidationReport> baselines) => new()
    {
        Epochs = recipe.Run.Epochs,
        Folder = options.Folder,
        Resume = options.Resume,
        CheckpointEvery = options.CheckpointEvery,
        PackWeights = options.PackWeights,
        Threads = recipe.Run.Threads,
        BestBy = recipe.Run.BestBy,
        Patience = recipe.Run.Patience,
        Schedule = recipe.Optimizer.Schedule switch
        {
            ScheduleName.Cosine => new CosineSchedule { WarmUp = recipe.Optimizer.WarmUp },
            ScheduleName.Linear => new PolynomialSchedule(),
            ScheduleName.OneCycle => new OneCycleSchedule(),
            ScheduleName.Step => new StepSchedule { Every = Math.Max(1, recipe.Run.Epochs / 3) },
            _ => LearningRateSchedule.Constant,
        },
        Graph = new TrainingGraphOptions
        {
            ClipNorm = recipe.Optimizer.ClipNorm,
            Accumulation = recipe.Optimizer.Accumulation,
            Groups = recipe.Optimizer.HeadLearningRate is null ? [] : [new ParameterGroup(HeadGroup, name => TrainableTensor.IsBehindEncoder(name))],
        },
        LearningRates = recipe.Optimizer.HeadLearningRate is { } rate ? new Dictionary<string, double> { [HeadGroup] = rate } : [],
        RecipeJson = recipe.ToJson(),
        Baselines = baselines,
    };

    private const string HeadGroup = "head";

    private static Loss Objective(LossRecipe recipe, int ignoreIndex, double[]? weights) => recipe.Name switch
    {
        LossName.Ce => Loss.CrossEntropy(ignoreIndex, weights),
        LossName.Dice => Loss.Dice(ignoreIndex),
        LossName.Jaccard => Loss.Jaccard(ignoreIndex),
        LossName.Focal => Loss.Focal(ignoreIndex),
        LossName.Lovasz => Loss.Lovasz(ignoreIndex),
        _ => Loss.Combine((1, Loss.CrossEntropy(ignoreIndex, weights)), (1, Loss.Dice(ignoreIndex))),
    };

    private static Optimizer Rule(OptimizerRecipe recipe)
    {
        Optimizer rule = recipe.Name switch
        {
            OptimizerName.Adamw => new AdamW(recipe.LearningRate),
            OptimizerName.Adam => new Adam(recipe.LearningRate),
            _ => new StochasticGradientDescent(recipe.LearningRate),
        };
        return recipe.WeightDecay is { } decay ? rule with { WeightDecay = decay } : rule;
    }

    private static double[]? Weights(ClassWeighting weighting, long[] counts) => weighting switch
    {
        ClassWeighting.Balanced => Array.ConvertAll(ClassWeights.Balanced(counts), weight => (double)weight),
        ClassWeighting.SquareRoot => Array.ConvertAll(ClassWeights.SquareRoot(counts), weight => (double)weight),
        _ => null,
    };
}
