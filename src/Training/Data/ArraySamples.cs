using EoOnnx.Formats;

namespace EoOnnx.Training.Data;

/// <summary>Samples whose inputs are arrays in memory, one entry a sample along the first axis: pixel time series, tables, embeddings.</summary>
public sealed class ArraySamples : SampleSet
{
    private readonly IReadOnlyList<(SampleInput Layout, float[]? Floats, long[]? Integers)> _inputs;
    private readonly float[] _targets;
    private readonly IReadOnlyList<int> _samples;
    private readonly IReadOnlyList<string>? _names;

    /// <summary>Makes samples of arrays.</summary>
    /// <param name="inputs">Arrays [samples, …] by the name of the model's input; Float, Double, Int64 or a smaller whole number. NaN may mean a missing value to the model.</param>
    /// <param name="targets">[samples] of class numbers, or [samples, n] (or [samples]) of values; NaN means not labelled.</param>
    /// <param name="classes">Number of classes; 0 when targets are values.</param>
    /// <param name="names">A name for each sample; null numbers them.</param>
    /// <exception cref="TrainingDataException">The arrays do not have one entry a sample, or a target is not a class.</exception>
    public ArraySamples(IReadOnlyDictionary<string, TensorData> inputs, TensorData targets, int classes = 0, IReadOnlyList<string>? names = null)
    {
        var count = targets.Shape.Length > 0 ? targets.Shape[0] : 0;
        foreach (var (name, data) in inputs)
        {
            if (data.Shape.Length == 0 || data.Shape[0] != count)
            {
                throw new TrainingDataException($"The array '{name}' is [{string.Join(", ", data.Shape)}]; the targets have {count} samples. Every array has one entry a sample along its first axis.");
            }
        }

        if (inputs.Count == 0 || count == 0 || (names is not null && names.Count != count) || (classes > 0 && targets.Shape.Length != 1) || targets.Shape.Length > 2)
        {
            throw new TrainingDataException(
                $"There are {inputs.Count} arrays, targets [{string.Join(", ", targets.Shape)}] and {names?.Count.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "no"} names; expected at least one array, " +
                $"a name a sample when there are names, and targets {(classes > 0 ? "[samples] of classes" : "[samples, n] of values")}.");
        }

        _inputs = [.. inputs.Select(item => Input(item.Key, item.Value))];
        _targets = targets.ToSingles();
        Target = classes > 0 ? new SampleTarget([], classes) : new SampleTarget([targets.Count / count]);
        (_samples, _names) = ([.. Enumerable.Range(0, (int)count)], names);
        if (classes > 0 && Array.FindIndex(_targets, value => !float.IsNaN(value) && (value != MathF.Floor(value) || value < 0 || value >= classes)) is var wrong and >= 0)
        {
            throw new TrainingDataException($"The target of sample '{NameOf(wrong)}' is {_targets[wrong]}; expected a class from 0 to {classes - 1}, or NaN for not labelled.");
        }
    }

    private ArraySamples(ArraySamples all, IReadOnlyList<int> chosen) =>
        (_inputs, _targets, _names, Target, _samples) = (all._inputs, all._targets, all._names, all.Target, [.. chosen.Select(sample => all._samples[sample])]);

    /// <inheritdoc/>
    public override IReadOnlyList<SampleInput> Inputs => [.. _inputs.Select(input => input.Layout)];

    /// <inheritdoc/>
    public override SampleTarget Target { get; }

    /// <inheritdoc/>
    public override int Count => _samples.Count;

    /// <summary>Some of the samples; the arrays are shared.</summary>
    public ArraySamples Subset(IReadOnlyList<int> samples) => new(this, samples);

    /// <inheritdoc/>
    public override string NameOf(int sample) => _names?[_samples[sample]] ?? $"sample {_samples[sample]}";

    internal override void Read(int sample, KeyedRandom? random, Batch batch, int slot)
    {
        var row = _samples[sample];
        foreach (var (index, (layout, floats, integers)) in _inputs.Index())
        {
            var (from, length) = (row * layout.Length, layout.Length);
            if (floats is not null)
            {
                floats.AsSpan(from, length).CopyTo(batch.Inputs[index].Floats.Span.Slice(slot * length, length));
            }
            else
            {
                integers.AsSpan(from, length).CopyTo(batch.Inputs[index].Integers.Span.Slice(slot * length, length));
            }
        }

        var targets = Target.Length;
        ReadTarget(sample, Target.HasClasses ? batch.Classes.Span.Slice(slot, 1) : default, Target.HasClasses ? default : batch.Values.Span.Slice(slot * targets, targets));
    }

    internal override void ReadTarget(int sample, Span<int> classes, Span<float> values)
    {
        var target = _targets.AsSpan(_samples[sample] * Target.Length, Target.Length);
        if (Target.HasClasses)
        {
            classes[0] = float.IsNaN(target[0]) ? Target.IgnoreIndex : (int)target[0];
        }
        else
        {
            target.CopyTo(values);
        }
    }

    private static (SampleInput, float[]?, long[]?) Input(string name, TensorData data)
    {
        var shape = data.Shape.Skip(1).ToList();
        return data.Type is ElementType.Float or ElementType.Double or ElementType.Float16
            ? (new SampleInput(name, ElementType.Float, shape), data.ToSingles(), null)
            : (new SampleInput(name, ElementType.Int64, shape), null, data.Type == ElementType.Int64 ? data.AsSpan<long>().ToArray() : Array.ConvertAll(data.ToSingles(), value => (long)value));
    }
}
