using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Heads;

/// <summary>The last step: makes a prediction of the decoder's features.</summary>
public abstract record Head
{
    private protected Head()
    {
    }

    /// <summary>Channels of the prediction.</summary>
    public abstract int Outputs { get; }

    /// <summary>True when the prediction is a map, which is then brought to the size of the image; false for one of the whole image.</summary>
    public abstract bool IsMap { get; }

    /// <summary>Appends the head. Tensors have the names below <c>head.</c> of a checkpoint.</summary>
    /// <param name="layers">Builder, already below the head's name.</param>
    /// <param name="x">The decoder's features.</param>
    /// <exception cref="DecoderException">The features do not fit the head.</exception>
    internal abstract Value Apply(LayerBuilder layers, Value x);

    private protected static int Positive(int value, string name) => value > 0 ? value
        : throw new ArgumentOutOfRangeException(name, value, "A prediction needs at least one channel.");

    private protected static double Probability(double value, string name) => value is >= 0 and < 1 ? value
        : throw new ArgumentOutOfRangeException(name, value, "Dropout is a probability from 0 to below 1.");

    private protected static IReadOnlyList<int> Layers(IReadOnlyList<int> value, string name) => value.All(width => width > 0) ? value
        : throw new ArgumentOutOfRangeException(name, string.Join(", ", value), "Every layer needs at least one channel.");
}
