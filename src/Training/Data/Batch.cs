using EoOnnx.Formats;

namespace EoOnnx.Training.Data;

/// <summary>An input of a batch: one of the two is filled.</summary>
/// <param name="Layout">Its name, type and shape.</param>
/// <param name="Floats">[sample, …] of floats; empty when <paramref name="Integers"/> is not.</param>
/// <param name="Integers">[sample, …] of whole numbers.</param>
public readonly record struct BatchInput(SampleInput Layout, Memory<float> Floats, Memory<long> Integers);

/// <summary>Samples that go through the model together. Owns buffers of its loader; dispose it to hand them back.</summary>
public sealed class Batch : IDisposable
{
    private readonly Action<Batch> _giveBack;
    private readonly IReadOnlyList<(SampleInput Layout, float[] Floats, long[] Integers)> _inputs;
    private readonly int[] _classes;
    private readonly float[] _values;

    internal Batch(int capacity, SampleSet samples, Action<Batch> giveBack)
    {
        _giveBack = giveBack;
        _inputs = [.. samples.Inputs.Select(input => (input,
            new float[input.Type == ElementType.Float ? checked(capacity * input.Length) : 0], new long[input.Type == ElementType.Int64 ? checked(capacity * input.Length) : 0]))];
        Target = samples.Target;
        _classes = new int[Target.HasClasses ? checked(capacity * Target.Length) : 0];
        _values = new float[Target.HasClasses ? 0 : checked(capacity * Target.Length)];
    }

    /// <summary>Number of samples.</summary>
    public int Count => Chips.Length;

    /// <summary>The inputs, in the order of the samples' set.</summary>
    public IReadOnlyList<BatchInput> Inputs => [.. _inputs.Select(input => new BatchInput(
        input.Layout,
        input.Layout.Type == ElementType.Float ? input.Floats.AsMemory(0, Count * input.Layout.Length) : default,
        input.Layout.Type == ElementType.Int64 ? input.Integers.AsMemory(0, Count * input.Layout.Length) : default))];

    /// <summary>The first input, [sample, …]: standardised images [sample, band, row, column] of chips.</summary>
    public Memory<float> Images => _inputs[0].Floats.AsMemory(0, Count * _inputs[0].Layout.Length);

    /// <summary>Classes, [sample, row, column] or [sample]; empty for values.</summary>
    public Memory<int> Classes => _classes.Length == 0 ? default : _classes.AsMemory(0, Count * Target.Length);

    /// <summary>Target values, [sample, 1, row, column] or [sample, value]; empty for classes.</summary>
    public Memory<float> Values => _values.Length == 0 ? default : _values.AsMemory(0, Count * Target.Length);

    /// <summary>Form of the target.</summary>
    public SampleTarget Target { get; }

    /// <summary>Number of each sample in its set.</summary>
    internal int[] Samples { get; set; } = [];

    /// <summary>Chip of each sample.</summary>
    public int[] Chips { get; internal set; } = [];

    /// <summary>Name of each sample's chip.</summary>
    public IReadOnlyList<string> Names { get; internal set; } = [];

    /// <summary>Values of one image.</summary>
    public int ImageLength => _inputs[0].Layout.Length;

    /// <summary>Labels of one sample.</summary>
    public int LabelLength => Target.Length;

    /// <summary>Hands the buffers back to the loader.</summary>
    public void Dispose() => _giveBack(this);
}
