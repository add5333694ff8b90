using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Baselines;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Trainer;

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
        var job = Prepare(recipe, cancellation);
        var trainer = new AdapterTrainer(job.Model, job.Loss, Rule(recipe.Optimizer));
        return await trainer.FitAsync(job.Data, Fit(recipe, options, job), progress, cancellation).ConfigureAwait(false);
    }

    /// <summary>Opens model and chips, reads all labels and composes the task, as a run does before its first step.</summary>
    /// <param name="recipe">What to train on what.</param>
    /// <param name="cancellation">Stops between chips.</param>
    /// <exception cref="EoOnnxException">Model, chips or recipe cannot be used; the message says what to change.</exception>
    internal static PreparedJob Prepare(TrainingRecipe recipe, CancellationToken cancellation)
    {
        var task = recipe.Task.ToModelTask();
        recipe = recipe with { Data = TerraMesh.WithLabels(recipe.Data, task) };
        CheckClasses(recipe, task);
        var schedule = RecipeSchedule.Of(recipe.Optimizer, recipe.Run.Epochs);
        RecipeLoss.Check(recipe.Task, recipe.Loss);
        var encoder = OnnxModel.Load(recipe.Model);
        var manifest = encoder.Metadata.TryGetValue(ModelManifest.MetadataKey, out var json) ? ModelManifest.Parse(json)
            : throw new TrainingException($"{recipe.Model} has no manifest ({ModelManifest.MetadataKey}), so its bands and features are unknown. Export the encoder with eoonnx export.");
        if (recipe.Data.Arrays is null)
        {
            recipe = recipe with { Data = TerraMesh.WithImages(recipe.Data, manifest, RecipeWavelengths.AreOpen(encoder)) };
            encoder = RecipeCoordinates.Prepare(RecipeWavelengths.Prepare(encoder, recipe.Data), recipe.Data);
            manifest = ModelManifest.Parse(encoder.Metadata[ModelManifest.MetadataKey]);
        }

        manifest = RecipeData.Scaled(recipe.Data, manifest);
        var (data, described, noDataLabel, map) = recipe.Data.Arrays is null ? Chips(recipe, task, encoder, manifest, cancellation) : Arrays(recipe, task, encoder, manifest);
        var survey = data.Survey(seen: recipe.Loss.ClassWeights != ClassWeighting.None || recipe.Loss.StandardizeTarget, cancellation);
        data = survey.Data;
        var target = data.TrainingSamples.Target;
        var counts = target.HasClasses ? survey.Training.Counts : null;
        var statistics = task.IsMeasured() ? survey.Training.Scaling() : null;
        var scaling = recipe.Loss.StandardizeTarget ? statistics : null;
        var outputs = target.HasClasses ? target.Classes : task == ModelTask.Regression ? 1 : target.Length;
        var model = TaskModel.Compose(encoder, recipe.Method.ToPeft(recipe.Run.Seed), RecipeDecoder.Of(recipe.Decoder, task, outputs, manifest, recipe.Run.Seed), new TaskDescription
        {
            Task = task,
            Classes = [.. recipe.Data.Classes.Select((item, id) => new ManifestClass(id, item.Name))],
            NoDataLabel = noDataLabel,
            Bands = described.Bands,
            Modalities = described.Modalities,
            Unit = recipe.Data.Unit,
            Targets = scaling,
            ConstantScale = recipe.Data.ConstantScale,
        });
        model.Require(RecipeCoordinates.Inputs(recipe.Data));
        return new PreparedJob(model, WithFullBatches(data, model.SmallestBatch), RecipeLoss.Of(recipe.Task, recipe.Loss, target, counts, scaling), counts, statistics, schedule, ParameterGroups.Of(model, recipe.Optimizer)) { SplitMap = map };
    }

    private static (TrainingData Data, ModelManifest Described, int? NoDataLabel, SplitMap? Map) Chips(TrainingRecipe recipe, ModelTask task, OnnxModel encoder, ModelManifest manifest, CancellationToken cancellation)
    {
        var source = RecipeData.Open(recipe.Data, task, manifest);
        var split = RecipeData.Split(recipe.Data, source, recipe.Run.Seed);
        var bands = RecipeData.Bands(recipe.Data, manifest, source, split.Training, null, cancellation);
        var samples = RecipeData.Samples(recipe.Data, task, source, manifest, bands, RecipeData.Tile(encoder, manifest), encoder.Graph.Inputs[0].Name);
        return (new TrainingData(source, split, samples, Loading(recipe)), RecipeData.Describe(manifest, bands), samples.Classes?.IgnoreIndex, SplitMap.Of(source, split, recipe.Data.HoldOut.Count == 0 ? recipe.Data.BlockMetres : null));
    }

    private static (TrainingData Data, ModelManifest Described, int? NoDataLabel, SplitMap? Map) Arrays(TrainingRecipe recipe, ModelTask task, OnnxModel encoder, ModelManifest manifest)
    {
        var arrays = RecipeArrays.Open(recipe.Data, task, [.. encoder.Graph.Inputs.Where(input => input.Data is null).Select(input => (input.Name, input.Type))]);
        var (split, _) = arrays.Split(recipe.Data, recipe.Run.Seed);
        return (new TrainingData(arrays.Samples.Subset(split.Training), arrays.Samples.Subset(split.Validation), split.How, Loading(recipe)), manifest, null, null);
    }

    private static BatchLoaderOptions Loading(TrainingRecipe recipe) => new() { BatchSize = recipe.Run.Batch, Seed = recipe.Run.Seed };

    /// <summary>Leaves out the last batch of an epoch where the decoder cannot learn from one so small; each epoch shuffles anew, so no sample is left out for good.</summary>
    private static TrainingData WithFullBatches(TrainingData data, int smallest)
    {
        var (samples, batch) = (data.Training.Samples, data.Training.BatchSize);
        return samples > batch && batch >= smallest && samples % batch != 0 && samples % batch < smallest
            ? new TrainingData(data.TrainingSamples, data.ValidationSamples, data.How, data.Loading with { DropLast = true }) { Skipped = data.Skipped }
            : data;
    }

    private static void CheckClasses(TrainingRecipe recipe, ModelTask task)
    {
        var (count, fewest) = (recipe.Data.Classes.Count, task == ModelTask.Multilabel ? 1 : 2);
        if (task.IsMeasured() && count > 0)
        {
            throw new ArgumentException($"{count} classes were given, but the task predicts measured values. Leave out --classes, or choose another --task.", nameof(recipe));
        }

        if (!task.IsMeasured() && count < fewest)
        {
            throw new ArgumentException($"{count} class{(count == 1 ? " was" : "es were")} given; the task {task} needs at least {fewest}, for example --classes other,water.", nameof(recipe));
        }
    }

    /// <summary>What plain rules reach, so that a figure can be judged.</summary>
    private static async Task<IReadOnlyDictionary<string, ValidationReport>> BaselinesAsync(TaskModel model, TrainingData data, long[]? counts, TargetScaling? statistics, CancellationToken cancellation)
    {
        var baselines = new Dictionary<string, ValidationReport>();
        if (statistics is not null)
        {
            baselines["training mean"] = TrainingMean.Evaluate(data, statistics, cancellation);
        }

        if (model.Manifest!.Task == ModelTask.Multilabel)
        {
            baselines["majority per label"] = MajorityLabels.Evaluate(data, cancellation);
        }

        if (counts is not null)
        {
            baselines["majority class"] = MajorityClass.Evaluate(data, counts, model.Manifest!, cancellation);
        }

        if (counts is not null && model.Manifest!.Task == ModelTask.Segmentation)
        {
            var linear = await PixelLinear.FitAsync(data, counts.Sum(), cancellation).ConfigureAwait(false);
            baselines["pixel linear"] = await linear.EvaluateAsync(data, model.Manifest, cancellation).ConfigureAwait(false);
        }

        return baselines;
    }

    private static FitOptions Fit(TrainingRecipe recipe, JobOptions options, PreparedJob job) => new()
    {
        Epochs = recipe.Run.Epochs,
        Folder = options.Folder,
        Resume = options.Resume,
        CheckpointEvery = options.CheckpointEvery,
        PackWeights = options.PackWeights,
        Threads = recipe.Run.Threads,
        MemoryBudget = recipe.Run.Memory is { } memory ? MemorySize.Parse(memory).Bytes : null,
        Features = new FeatureCacheOptions { Mode = recipe.Run.CacheFeatures, Folder = recipe.Run.CacheFolder, Precision = recipe.Run.CachePrecision },
        BestBy = recipe.Run.BestBy,
        Keep = recipe.Run.Keep,
        Patience = recipe.Run.Patience,
        Schedule = job.Schedule,
        Graph = new TrainingGraphOptions
        {
            ClipNorm = recipe.Optimizer.ClipNorm,
            Accumulation = recipe.Optimizer.Accumulation,
            ClipValue = recipe.Optimizer.ClipValue,
            AverageDecay = recipe.Optimizer.AverageDecay,
            Base = recipe.Run.Base,
            Groups = job.Groups.Groups,
        },
        LearningRates = job.Groups.LearningRates,
        RecipeJson = recipe.ToJson(),
        SplitMap = job.SplitMap,
        Baselines = cancellation => BaselinesAsync(job.Model, job.Data, job.Counts, job.Statistics, cancellation),
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
}
