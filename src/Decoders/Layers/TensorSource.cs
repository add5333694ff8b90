using EoOnnx.Formats;

namespace EoOnnx.Decoders.Layers;

/// <summary>Where the content of a tensor comes from: a checkpoint, or its initialisation.</summary>
/// <param name="name">Full name, as in a checkpoint of the whole task: <c>decoder.bottleneck.conv.weight</c>.</param>
/// <param name="shape">The extents it must have.</param>
/// <param name="initialization">What it holds before training.</param>
public delegate TensorData TensorSource(string name, ReadOnlySpan<long> shape, Initialization initialization);

/// <summary>Sources of tensors.</summary>
public static class TensorSources
{
    /// <summary>Fresh tensors; the same seed gives the same bytes.</summary>
    public static TensorSource Random(long seed) => (name, shape, initialization) => initialization.Draw(seed, name, shape);
}
