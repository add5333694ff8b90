namespace EoOnnx.Training.Data;

/// <summary>A labelled data set, divided, cut into tiles and ready to be read in batches.</summary>
public sealed class TrainingData
{
    /// <summary>Divides one source.</summary>
    /// <param name="source">All chips.</param>
    /// <param name="split">Which are trained on and which are held out.</param>
    /// <param name="samples">How chips become samples.</param>
    /// <param name="loading">How samples become batches.</param>
    /// <exception cref="TrainingDataException">The chips do not have the model's bands.</exception>
    public TrainingData(ChipSource source, DataSplit split, SampleOptions samples, BatchLoaderOptions loading)
        : this(source, split.Training, source, split.Validation, split.How, samples, loading)
    {
    }

    /// <summary>Takes all chips of one source for training and all of another for validation.</summary>
    /// <inheritdoc cref="TrainingData(ChipSource, DataSplit, SampleOptions, BatchLoaderOptions)"/>
    public TrainingData(ChipSource training, ChipSource validation, SampleOptions samples, BatchLoaderOptions loading)
        : this(training, [.. Enumerable.Range(0, training.Chips.Count)], validation, [.. Enumerable.Range(0, validation.Chips.Count)], "separate sources", samples, loading)
    {
    }

    private TrainingData(ChipSource training, IReadOnlyList<int> trainingChips, ChipSource validation, IReadOnlyList<int> validationChips, string how, SampleOptions samples, BatchLoaderOptions loading)
    {
        (Samples, Loading, How) = (samples, loading, how);
        (TrainingSource, ValidationSource) = (training, validation);
        TrainingNames = [.. trainingChips.Select(chip => training.Chips[chip].Name)];
        ValidationNames = [.. validationChips.Select(chip => validation.Chips[chip].Name)];
        TrainingReader = new SampleReader(training, samples);
        TrainingWindows = SampleIndex.Tiles(training, trainingChips, samples.Tile);
        Training = new BatchLoader(TrainingReader, TrainingWindows, loading, training: true);
        ValidationWindows = SampleIndex.Tiles(validation, validationChips, samples.Tile);
        Validation = new BatchLoader(new SampleReader(validation, samples), ValidationWindows, loading, training: false);
        if (Training.Batches == 0)
        {
            throw new TrainingDataException($"{Training.Samples} training samples do not fill one batch of {loading.BatchSize}. Use a smaller batch, or keep the last batch of an epoch.");
        }
    }

    /// <summary>Shuffled, augmented training batches.</summary>
    public BatchLoader Training { get; }

    /// <summary>Validation batches, in order and unchanged; every labelled pixel occurs once.</summary>
    public BatchLoader Validation { get; }

    /// <summary>How chips become samples.</summary>
    public SampleOptions Samples { get; }

    /// <summary>How samples become batches.</summary>
    public BatchLoaderOptions Loading { get; }

    /// <summary>How the chips were divided.</summary>
    public string How { get; }

    /// <summary>Chips trained on.</summary>
    public IReadOnlyList<string> TrainingNames { get; }

    /// <summary>Chips held out.</summary>
    public IReadOnlyList<string> ValidationNames { get; }

    /// <summary>Where training chips come from.</summary>
    public ChipSource TrainingSource { get; }

    /// <summary>Where validation chips come from.</summary>
    public ChipSource ValidationSource { get; }

    internal SampleReader TrainingReader { get; }

    internal IReadOnlyList<SampleWindow> TrainingWindows { get; }

    internal IReadOnlyList<SampleWindow> ValidationWindows { get; }

    /// <summary>Labelled training pixels of each class: one pass over the labels.</summary>
    /// <exception cref="TrainingDataException">A label is not a class.</exception>
    public long[] CountClasses(CancellationToken cancellation = default)
    {
        var rules = Samples.Classes ?? throw new InvalidOperationException("A regression has no classes to count.");
        var counts = new long[rules.Classes];
        var classes = new int[TrainingReader.LabelLength];
        foreach (var window in TrainingWindows)
        {
            cancellation.ThrowIfCancellationRequested();
            TrainingReader.ReadClasses(window, classes);
            foreach (var label in classes)
            {
                if (label != rules.IgnoreIndex)
                {
                    counts[label]++;
                }
            }
        }

        return counts;
    }
}
