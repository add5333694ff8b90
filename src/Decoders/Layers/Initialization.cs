using EoOnnx.Formats;

namespace EoOnnx.Decoders.Layers;

/// <summary>What a tensor holds before training.</summary>
public readonly record struct Initialization
{
    private Initialization(bool isRandom, double number) => (IsRandom, Number) = (isRandom, number);

    /// <summary>True for U(−<see cref="Number"/>, <see cref="Number"/>); false when every element is <see cref="Number"/>.</summary>
    public bool IsRandom { get; }

    /// <summary>The bound, or the element.</summary>
    public double Number { get; }

    /// <summary>Zeros.</summary>
    public static Initialization Zero => new(false, 0);

    /// <summary>Ones.</summary>
    public static Initialization One => new(false, 1);

    /// <summary>U(−b, b) with b = gain · √(3 / fan_in): Kaiming's rule for uniform numbers.</summary>
    /// <param name="fanIn">Input channels times kernel positions.</param>
    /// <param name="squaredGain">1/3 for PyTorch's default of linear and convolution layers (a = √5, which gives 1/√fan_in), 2 before
    /// a ReLU, 1 for a = 1.</param>
    public static Initialization Kaiming(long fanIn, double squaredGain) => new(true, Math.Sqrt(3 * squaredGain / fanIn));

    /// <summary>U(−1/√fan_in, 1/√fan_in): PyTorch's default for weights and biases.</summary>
    public static Initialization Standard(long fanIn) => Kaiming(fanIn, 1.0 / 3);

    /// <summary>The tensor; random ones depend only on seed, name and shape.</summary>
    public TensorData Draw(long seed, string name, ReadOnlySpan<long> shape) =>
        IsRandom ? RandomTensors.Uniform(seed, name, shape, Number) : RandomTensors.Constant(shape, (float)Number);
}
