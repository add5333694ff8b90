using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>A step between encoder and decoder: makes a list of features of a list of features.</summary>
public abstract record Neck
{
    private protected Neck()
    {
    }

    /// <summary>Appends the neck. Its channel counts are those of the values that it returns.</summary>
    /// <param name="layers">Builder, already below the neck's name.</param>
    /// <param name="features">Tokens [batch, N, channels] or maps [batch, channels, rows, columns].</param>
    /// <param name="image">The (padded) image, for its size.</param>
    /// <exception cref="DecoderException">The features do not fit the neck.</exception>
    internal abstract IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image);
}
