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
        : this(new ChipSamples(training, trainingChips, samples), new ChipSamples(validation, validationChips, samples), how, loading)
    {
    }

    /// <summary>Takes samples of any kind, already divided.</summary>
    /// <param name="training">Samples to train on.</param>
    /// <param name="validation">Samples held out; of the same form.</param>
    /// <param name="how">How they were divided, for the report.</param>
    /// <param name="loading">How samples become batches.</param>
    /// <exception cref="TrainingDataException">The samples do not fill a batch, or differ in form.</exception>
    public TrainingData(SampleSet training, SampleSet validation, string how, BatchLoaderOptions loading)
    {
        (TrainingSamples, ValidationSamples, Loading, How) = (training, validation, loading, how);
        TrainingNames = Names(training);
        ValidationNames = Names(validation);
        Training = new BatchLoader(training, loading, training: true);
        Validation = new BatchLoader(validation, loading, training: false);
        if (!training.Target.Shape.SequenceEqual(validation.Target.Shape) || training.Target.Classes != validation.Target.Classes)
        {
            throw new TrainingDataException($"Training samples have targets [{string.Join(", ", training.Target.Shape)}], those held out [{string.Join(", ", validation.Target.Shape)}]; both need one form.");
        }

        if (Training.Batches == 0)
        {
            throw new TrainingDataException($"{Training.Samples} training samples do not fill one batch of {loading.BatchSize}. Use a smaller batch, or keep the last batch of an epoch.");
        }
    }

    /// <summary>Shuffled, augmented training batches.</summary>
    public BatchLoader Training { get; }

    /// <summary>Validation batches, in order and unchanged; every labelled pixel occurs once.</summary>
    public BatchLoader Validation { get; }

    /// <summary>Samples trained on.</summary>
    public SampleSet TrainingSamples { get; }

    /// <summary>Samples held out.</summary>
    public SampleSet ValidationSamples { get; }

    /// <summary>How samples become batches.</summary>
    public BatchLoaderOptions Loading { get; }

    /// <summary>How the chips were divided.</summary>
    public string How { get; }

    /// <summary>Chips trained on.</summary>
    public IReadOnlyList<string> TrainingNames { get; }

    /// <summary>Chips held out.</summary>
    public IReadOnlyList<string> ValidationNames { get; }

    /// <summary>Tiles that were left out because nothing in them is labelled.</summary>
    public int Skipped { get; internal init; }

    /// <summary>
    /// The same data without the tiles in which no pixel is labelled: they cost a pass through the model and teach nothing. One pass over the
    /// labels. Where crops are drawn at random from a chip, its tiles go only when the whole chip has no label. Metrics count labelled pixels
    /// and are the same; the validation loss is the mean over tiles with labels.
    /// </summary>
    /// <exception cref="TrainingDataException">A label is not a class, or what is left does not fill a batch.</exception>
    public TrainingData WithoutUnlabelledTiles(CancellationToken cancellation = default) => Survey(seen: false, cancellation).Data;

    /// <summary>Reads every label once: which tiles are labelled, how often each class occurs, mean and deviation of measured targets.</summary>
    /// <param name="seen">True reads the images too, and labels of pixels that they lack do not count: the loss ignores them, and what is weighted by these numbers is the loss. False reads
    /// no image.</param>
    /// <param name="cancellation">Ends the pass.</param>
    /// <exception cref="TrainingDataException">A label is not a class, or what is left does not fill a batch.</exception>
    internal LabelSurvey Survey(bool seen, CancellationToken cancellation)
    {
        var (learned, heldOut) = (new TargetTally(TrainingSamples.Target), new TargetTally(ValidationSamples.Target));
        var training = TrainingSamples.WithLabels(training: true, seen, learned, cancellation);
        var validation = ValidationSamples.WithLabels(training: false, seen, heldOut, cancellation);
        var skipped = TrainingSamples.Count + ValidationSamples.Count - training.Count - validation.Count;
        return new LabelSurvey(skipped == 0 ? this : new TrainingData(training, validation, How, Loading) { Skipped = Skipped + skipped }, learned, heldOut);
    }

    /// <summary>Labelled training pixels (or chips) of each class, without pixels that the image lacks: one pass over the data.</summary>
    /// <exception cref="TrainingDataException">A label is not a class.</exception>
    public long[] CountClasses(CancellationToken cancellation = default)
    {
        _ = TrainingSamples.Target.HasClasses ? 0 : throw new InvalidOperationException("A regression has no classes to count.");
        var tally = new TargetTally(TrainingSamples.Target);
        TrainingSamples.WithLabels(training: true, seen: true, tally, cancellation);
        return tally.Counts;
    }

    private static IReadOnlyList<string> Names(SampleSet samples) => [.. Enumerable.Range(0, samples.Count).Select(samples.NameOf).Distinct(StringComparer.Ordinal)];
}
