using EoOnnx.Formats;
using EoOnnx.Runtime;
using EoOnnx.Training.Data;
using EoOnnx.Training.Metrics;

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

    /// <summary>Number of labelled pixels.</summary>
    public required long Pixels { get; init; }

    /// <summary>Mean of −log p of the true class over labelled pixels; null when the model gives no logits.</summary>
    public double? CrossEntropy { get; init; }

    /// <summary>Names of the classes.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Metrics by the names that TerraTorch logs.</summary>
    public required IReadOnlyDictionary<string, double> Metrics { get; init; }

    /// <summary>Pixels by true class (row) and predicted class (column).</summary>
    public required long[][] Confusion { get; init; }
}

/// <summary>Runs a finished model over a labelled data set.</summary>
public static class EvaluationJob
{
    /// <summary>Evaluates a segmentation.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">An adapter loaded for it, or null.</param>
    /// <param name="data">The chips; its classes map label values when they have any, else values are the class numbers of the model.</param>
    /// <param name="batch">Images that go through the model together.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="ModelException">The model is no segmentation, or gives a map of another size than its image.</exception>
    /// <exception cref="TrainingDataException">Chips or labels do not fit the model.</exception>
    public static async Task<EvaluationReport> RunAsync(EoModel model, EoAdapter? adapter, DataRecipe data, int batch, IProgress<double>? progress = null, CancellationToken cancellation = default)
    {
        var manifest = adapter?.Manifest ?? model.Manifest;
        if (manifest.Task != ModelTask.Segmentation || manifest.Classes.Count < 2)
        {
            throw new ModelException($"{model.Path} is a model of the kind {manifest.Task} with {manifest.Classes.Count} classes; evaluate needs a segmentation of at least two.");
        }

        var source = RecipeData.Open(data);
        var recipe = data.Classes.Count > 0 ? data : data with { Classes = [.. manifest.Classes.Select(item => new ClassRecipe(item.Name, item.Id))] };
        if (recipe.Classes.Count != manifest.Classes.Count)
        {
            throw new TrainingDataException($"{recipe.Classes.Count} classes were given; {model.Path} has {manifest.Classes.Count} ({string.Join(", ", manifest.Classes.Select(item => item.Name))}).");
        }

        var labels = RecipeData.Labels(recipe);
        var tile = manifest.Tile ?? (model.Input.Shape[^1] > 0 ? (int)model.Input.Shape[^1] : throw new ModelException($"{model.Path} does not state its tile size (manifest member tile)."));
        var bands = RecipeData.Bands(recipe with { Statistics = StatisticsSource.Model }, manifest, source, [], null, cancellation);
        var samples = new SampleOptions { Tile = tile, Scaling = RecipeData.Scaling(manifest, bands), Classes = labels, Augmentation = Augmentation.None };
        var loader = new BatchLoader(
            new SampleReader(source, samples), SampleIndex.Tiles(source, Enumerable.Range(0, source.Chips.Count), tile), new BatchLoaderOptions { BatchSize = batch }, training: false);
        var (confusion, loss, done) = (new ConfusionMatrix(labels.Classes, labels.IgnoreIndex), 0.0, 0);
        await foreach (var images in loader.ReadAsync(0, 0, cancellation).ConfigureAwait(false))
        {
            using (images)
            {
                var logits = model.Run(images.Images, [images.Count, source.Bands, tile, tile], [model.Outputs[0].Name], adapter, cancellation)[0];
                if (logits.Shape is not [_, var classes, var rows, var columns] || classes != labels.Classes || rows != tile || columns != tile)
                {
                    throw new ModelException($"{model.Path} gives [{string.Join(", ", logits.Shape)}] for {images.Count} images of {tile} x {tile}; expected [{images.Count}, {labels.Classes}, {tile}, {tile}].");
                }

                var (predicted, sum) = Classify(logits.AsSpan<float>(), images.Classes.Span, tile * tile, labels);
                confusion.Add(predicted, images.Classes.Span);
                loss += sum;
                progress?.Report((double)(done += images.Count) / loader.Samples);
            }
        }

        var names = recipe.Classes.Select(item => item.Name).ToList();
        return new EvaluationReport
        {
            Model = model.Path,
            Adapter = adapter?.Path,
            Chips = source.Chips.Count,
            Pixels = confusion.Total,
            CrossEntropy = manifest.Activation == "none" ? loss / Math.Max(1, confusion.Total) : null,
            Classes = names,
            Metrics = confusion.Metrics().Named(names),
            Confusion = confusion.ToRows(),
        };
    }

    /// <summary>The class of each pixel and Σ −log softmax(z)[y] over labelled pixels.</summary>
    private static (int[] Predicted, double Loss) Classify(ReadOnlySpan<float> logits, ReadOnlySpan<int> target, int plane, ClassLabels labels)
    {
        var predicted = new int[target.Length];
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
                    sum += Math.Exp(logits[start + (c * plane)] - largest);
                }

                loss += Math.Log(sum) + largest - logits[start + (target[i] * plane)];
            }
        }

        return (predicted, loss);
    }
}
