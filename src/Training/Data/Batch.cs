namespace EoOnnx.Training.Data;

/// <summary>Samples that go through the model together. Owns buffers of its loader; dispose it to hand them back.</summary>
public sealed class Batch : IDisposable
{
    private readonly Action<Batch> _giveBack;
    private readonly float[] _images;
    private readonly int[] _classes;
    private readonly float[] _values;

    internal Batch(int capacity, int imageLength, int labelLength, bool classes, Action<Batch> giveBack)
    {
        _giveBack = giveBack;
        _images = new float[checked(capacity * imageLength)];
        _classes = new int[classes ? capacity * labelLength : 0];
        _values = new float[classes ? 0 : capacity * labelLength];
        (ImageLength, LabelLength) = (imageLength, labelLength);
    }

    /// <summary>Number of samples.</summary>
    public int Count => Chips.Length;

    /// <summary>Standardised images, [sample, band, row, column].</summary>
    public Memory<float> Images => _images.AsMemory(0, Count * ImageLength);

    /// <summary>Classes, [sample, row, column]; empty for a regression.</summary>
    public Memory<int> Classes => _classes.Length == 0 ? default : _classes.AsMemory(0, Count * LabelLength);

    /// <summary>Target values, [sample, row, column]; empty for a classification.</summary>
    public Memory<float> Values => _values.Length == 0 ? default : _values.AsMemory(0, Count * LabelLength);

    /// <summary>Chip of each sample.</summary>
    public int[] Chips { get; internal set; } = [];

    /// <summary>Values of one image.</summary>
    public int ImageLength { get; }

    /// <summary>Labels of one sample.</summary>
    public int LabelLength { get; }

    /// <summary>Hands the buffers back to the loader.</summary>
    public void Dispose() => _giveBack(this);
}
