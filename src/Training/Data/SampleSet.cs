using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>
/// Labelled samples of one form: named input arrays and a target. Where they come from is the business of the kinds: tiles of raster chips
/// (<see cref="ChipSamples"/>) or arrays in memory (<see cref="ArraySamples"/>). Safe for concurrent readers.
/// </summary>
public abstract class SampleSet
{
    private protected SampleSet()
    {
    }

    /// <summary>The inputs of a sample, in a fixed order.</summary>
    public abstract IReadOnlyList<SampleInput> Inputs { get; }

    /// <summary>The target of a sample.</summary>
    public abstract SampleTarget Target { get; }

    /// <summary>Number of samples.</summary>
    public abstract int Count { get; }

    /// <summary>Name of the chip, place or row that a sample belongs to, for messages and reports.</summary>
    public abstract string NameOf(int sample);

    /// <summary>Number of the chip that a sample belongs to.</summary>
    internal virtual int ChipOf(int sample) => sample;

    /// <summary>The part of a tile whose labels count, in pixels of the tile; null when that is the whole target.</summary>
    internal virtual PixelWindow? PartOf(int sample) => null;

    /// <summary>Reads a sample into slot <paramref name="slot"/> of a batch.</summary>
    /// <param name="sample">Which sample.</param>
    /// <param name="random">Source of augmentation; null for evaluation.</param>
    /// <param name="batch">Receives inputs and target.</param>
    /// <param name="slot">Position in the batch.</param>
    /// <exception cref="TrainingDataException">The sample cannot be used; the message names it.</exception>
    internal abstract void Read(int sample, KeyedRandom? random, Batch batch, int slot);

    /// <summary>Reads the target alone, unchanged, without the image: a pixel that the image lacks keeps its label.</summary>
    /// <param name="sample">Which sample.</param>
    /// <param name="classes">Receives class numbers, when the target has them.</param>
    /// <param name="values">Receives values, when it has those.</param>
    internal abstract void ReadTarget(int sample, Span<int> classes, Span<float> values);

    /// <summary>What makes a training sample different in every epoch beyond a few positions, for messages; null when <see cref="VariantOf"/> tells all that changes.</summary>
    internal virtual string? NeverRepeats => null;

    /// <summary>Which of the few forms of a sample is drawn: samples of one number and variant have the same inputs and target.</summary>
    /// <param name="sample">Which sample.</param>
    /// <param name="random">Source of augmentation; null for evaluation.</param>
    internal virtual int VariantOf(int sample, KeyedRandom? random) => 0;

    /// <summary>The samples that have a label, after one pass over the labels; the set itself when all have one.</summary>
    /// <param name="training">True when crops may be drawn from the sample's chip, whose labels then count together.</param>
    /// <param name="seen">True reads the images too and leaves out labels of pixels that they lack, as a step does.</param>
    /// <param name="tally">Told every target.</param>
    /// <param name="cancellation">Ends the pass over the labels.</param>
    internal virtual SampleSet WithLabels(bool training, bool seen, TargetTally tally, CancellationToken cancellation)
    {
        var (classes, values) = Target.HasClasses ? (new int[Target.Length], Array.Empty<float>()) : ([], new float[Target.Length]);
        for (var sample = 0; sample < Count; sample++)
        {
            cancellation.ThrowIfCancellationRequested();
            ReadTarget(sample, classes, values);
            tally.Add(classes, values);
        }

        return this;
    }
}
