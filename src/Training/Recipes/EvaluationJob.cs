using EoOnnx.Formats;
using EoOnnx.Runtime;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Recipes;

/// <summary>How well a model does on a labelled data set.</summary>
public sealed record EvaluationReport
{
    /// <summary>The model.</summary>
    public required string Model { get; init; }

    /// <summary>The adapter, if any.</summary>
    public string? Adapter { get; init; }

    /// <summary>Number of chips.</summary>
    public required int Chips { get; init; }

    /// <summary>What the model predicts.</summary>
    public required ModelTask Task { get; init; }

    /// <summary>Number of labels: of pixels, or of chips times what is known of each.</summary>
    public required long Pixels { get; init; }

    /// <summary>Mean of −log p of the true class over labels; null when the model gives no logits of classes.</summary>
    public double? CrossEntropy { get; init; }

    /// <summary>Names of the classes.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Metrics by the names that TerraTorch logs.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>How well the probabilities, scaled by the model's temperature, say how often a label is right; null when the model gives no logits of classes.</summary>
    public Reliability? Calibration { get; init; }

    /// <summary>Labels by true class (row) and predicted class (column); null when the task has no single class.</summary>
    public long[][]? Confusion { get; init; }
}

/// <summary>What of a data set is evaluated, and how.</summary>
public sealed record EvaluationOptions
{
    /// <summary>Samples that go through the model together.</summary>
    public int Batch { get; init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Batch), value, "At least one sample goes through the model at a time."); } = 4;

    /// <summary>The part; a recipe says how its data are divided.</summary>
    public DataPart Part { get; init; }

    /// <summary>Seed of a division by chance: that of the recipe's run.</summary>
    public long Seed { get; init; }
}

/// <summary>Runs a finished model over a labelled data set.</summary>
public static class EvaluationJob
{
    /// <summary>Evaluates a task model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">An adapter loaded for it, or null.</param>
    /// <param name="data">The chips; its classes map label values when they have any, else values are the class numbers of the model.</param>
    /// <param name="options">What of the data, and in which portions.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ModelException">The model is no task model, or gives an output of another shape than its labels.</exception>
    /// <exception cref="TrainingDataException">Chips or labels do not fit the model.</exception>
    public static async Task<EvaluationReport> RunAsync(EoModel model, EoAdapter? adapter, DataRecipe data, EvaluationOptions options, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var manifest = adapter?.Manifest ?? model.Manifest;
        var recipe = Complete(model, manifest, TerraMesh.WithImages(TerraMesh.WithLabels(data, manifest.Task), manifest)) with { Augment = false, Statistics = StatisticsSource.Model, Coordinates = RecipeCoordinates.UseOf(manifest) };
        var (samples, chips) = recipe.Arrays is null ? Chips(model, manifest, recipe, options, cancellation) : Arrays(model, manifest, recipe, options);
        var loader = new BatchLoader(samples, new BatchLoaderOptions { BatchSize = options.Batch }, training: false);
        var (evaluation, reliability, loss, done) = (new Evaluation(manifest.Task, samples), new ReliabilityCounter(), 0.0, 0);
        await foreach (var images in loader.ReadAsync(0, 0, cancellation).ConfigureAwait(false))
        {
            using (images)
            {
                var output = Run(model, adapter, images, cancellation);
                loss += Score(model, manifest, images, output, evaluation, reliability);
                progress?.Report((double)(done += images.Count) / loader.Samples);
            }
        }

        var names = recipe.Classes.Select(item => item.Name).ToList();
        return new EvaluationReport
        {
            Model = model.Path,
            Adapter = adapter?.Path,
            Task = manifest.Task,
            Chips = chips,
            Pixels = evaluation.Count,
            CrossEntropy = manifest.Activation == "none" && samples.Target.HasClasses ? loss / Math.Max(1, evaluation.Count) : null,
            Calibration = manifest.Activation == "none" && samples.Target.HasClasses ? reliability.Result() : null,
            Classes = names,
            Metrics = evaluation.Named(names),
            Confusion = evaluation.Confusion?.ToRows(),
        };
    }

    private static (SampleSet Samples, int Chips) Chips(EoModel model, ModelManifest manifest, DataRecipe recipe, EvaluationOptions options, CancellationToken cancellation)
    {
        if (!model.TakesImages)
        {
            throw new ModelException($"{model.Path} takes {string.Join("; ", model.Inputs)} and no image. Evaluate it on arrays: eoonnx evaluate MODEL --recipe RECIPE, with data.arrays.");
        }

        var source = RecipeData.Open(recipe, manifest.Task, manifest);
        var tile = RecipeData.Tile(manifest, model.Input.Shape[^2], model.Input.Shape[^1]) ?? throw new ModelException($"{model.Path} does not state its tile size (manifest member tile).");
        var bands = RecipeData.Bands(recipe, manifest, source, [], null, cancellation);
        var chosen = RecipeData.Part(recipe, source, options.Part, options.Seed);
        return (new ChipSamples(source, chosen, RecipeData.Samples(recipe, manifest.Task, source, manifest, bands, tile, model.Input.Name)), chosen.Count);
    }

    private static (SampleSet Samples, int Chips) Arrays(EoModel model, ModelManifest manifest, DataRecipe recipe, EvaluationOptions options)
    {
        var arrays = RecipeArrays.Open(recipe, manifest.Task, [.. model.Inputs.Select(input => (input.Name, input.Type))]);
        var samples = arrays.Samples;
        if (options.Part != DataPart.All)
        {
            var (split, test) = arrays.Split(recipe, options.Seed);
            samples = samples.Subset(RecipeData.Part(split, test, options.Part));
        }

        return (samples, samples.Count);
    }

    private static DataRecipe Complete(EoModel model, ModelManifest manifest, DataRecipe data)
    {
        if (manifest.Task == ModelTask.Features || (manifest.Task is ModelTask.Segmentation or ModelTask.Classification && manifest.Classes.Count < 2))
        {
            throw new ModelException($"{model.Path} is a model of the kind {manifest.Task} with {manifest.Classes.Count} classes; evaluate needs a task model, of classes at least two.");
        }

        var recipe = data.Classes.Count > 0 || manifest.Task.IsMeasured() ? data : data with { Classes = [.. manifest.Classes.Select(item => new ClassRecipe(item.Name, item.Id))] };
        return recipe.Classes.Count == (manifest.Task.IsMeasured() ? 0 : manifest.Classes.Count) ? recipe : throw new TrainingDataException(
            $"{recipe.Classes.Count} classes were given; {model.Path} has {manifest.Classes.Count} ({string.Join(", ", manifest.Classes.Select(item => item.Name))}).");
    }

    private static TensorData Run(EoModel model, EoAdapter? adapter, Batch batch, CancellationToken cancellation)
    {
        var output = (model.Outputs.FirstOrDefault(output => output.Name == TaskModel.PredictionName) ?? model.Outputs[0]).Name;
        var shape = batch.Inputs[0].Layout.Shape;
        var frames = model.Manifest.Frames;
        long[] images = model.Input.Shape.Count == 5 ? [batch.Count, shape[0] / frames, frames, shape[1], shape[2]] : [batch.Count, .. shape];
        if (batch.Inputs.Count > 1)
        {
            var several = batch.Inputs.ToDictionary(input => input.Layout.Name, input => Tensor(batch.Count, input));
            if (images.Length == 5)
            {
                several[model.Input.Name] = TensorData.FromValues<float>(images, batch.Images.Span);
            }

            return model.Run(several, [output], adapter, cancellation)[0];
        }

        return model.Run(batch.Images, images, [output], adapter, cancellation)[0];
    }

    private static TensorData Tensor(int count, BatchInput input) => input.Layout.Type == ElementType.Int64
        ? TensorData.FromValues<long>([count, .. input.Layout.Shape], input.Integers.Span)
        : TensorData.FromValues<float>([count, .. input.Layout.Shape], input.Floats.Span);

    /// <summary>Counts a batch; returns Σ −log p of the true classes, or 0 for values.</summary>
    private static double Score(EoModel model, ModelManifest manifest, Batch batch, TensorData output, Evaluation evaluation, ReliabilityCounter reliability)
    {
        var target = batch.Target;
        var wanted = target.HasClasses ? [batch.Count, target.Classes, .. target.Shape] : new List<long> { batch.Count }.Concat(target.Shape).ToArray();
        if (!output.Shape.SequenceEqual(wanted))
        {
            throw new ModelException($"{model.Path} gives [{string.Join(", ", output.Shape)}] for {batch.Count} images; expected [{string.Join(", ", wanted)}].");
        }

        if (!target.HasClasses)
        {
            evaluation.Add(output.AsSpan<float>(), batch, manifest.Activation);
            return 0;
        }

        var (predicted, loss) = Classify(output.AsSpan<float>(), batch.Classes.Span, target.Length, target, manifest.Temperature ?? 1, reliability);
        evaluation.Add(predicted, batch);
        return loss;
    }

    /// <summary>The class of each pixel and Σ −log softmax(z)[y] over labelled pixels.</summary>
    private static (int[] Predicted, double Loss) Classify(ReadOnlySpan<float> logits, ReadOnlySpan<int> target, int plane, SampleTarget labels, double temperature, ReliabilityCounter reliability)
    {
        var (predicted, row) = (new int[target.Length], new float[labels.Classes]);
        var loss = 0.0;
        for (var i = 0; i < target.Length; i++)
        {
            var start = ((i / plane) * labels.Classes * plane) + (i % plane);
            var best = 0;
            for (var c = 1; c < labels.Classes; c++)
            {
                best = logits[start + (c * plane)] > logits[start + (best * plane)] ? c : best;
            }

            predicted[i] = best;
            if (target[i] != labels.IgnoreIndex)
            {
                double largest = logits[start + (best * plane)];
                var sum = 0.0;
                for (var c = 0; c < labels.Classes; c++)
                {
                    row[c] = logits[start + (c * plane)];
                    sum += Math.Exp(row[c] - largest);
                }

                reliability.Add(row, target[i], temperature);

                loss += Math.Log(sum) + largest - logits[start + (target[i] * plane)];
            }
        }

        return (predicted, loss);
    }
}
