using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Layers;

/// <summary>
/// Dropout whose masks depend only on a seed, the step and the element's position, so that a run can be repeated and resumed on any
/// execution provider. The step is a buffer that training counts up by one.
/// </summary>
/// <remarks>Mask: the element's position in the tensor, the step and the number of the layer go through three rounds of
/// x ← (x · a + b) mod m, with a square folded in, over 64-bit integers that stay below 2⁶³; the result divided by m = 2³¹ − 1 is taken as
/// uniform in [0, 1).</remarks>
internal sealed class Dropout(GraphBuilder op, long seed)
{
    public const string CounterName = "dropout.step";

    private const long Modulus = int.MaxValue;

    private Value? _step;
    private int _layer;

    /// <summary>The step after this one; null before <see cref="Start"/>.</summary>
    public Value? Next { get; private set; }

    /// <summary>Makes the counter; returns its name and its next value.</summary>
    public (string Name, Value Next) Start()
    {
        _step = op.OverridableInput(CounterName, TensorData.FromValues<float>([1], [0]));
        Next = op.Add(_step, 1);
        return (CounterName, Next);
    }

    public Value Apply(Value x, double probability, bool wholeChannels)
    {
        using var scope = op.Scope("dropout");
        var shape = op.Shape(x);
        if (wholeChannels)
        {
            shape = op.Concat(0, op.Slice(shape, 0, 0, 2), op.Int64s([.. Enumerable.Repeat(1L, x.Rank - 2)]));
        }

        var count = op.ReduceProd(shape, keepDims: false);
        var position = op.Range(op.Scalar(0, ElementType.Int64), count, op.Scalar(1, ElementType.Int64));
        var start = op.Node("Mod", [op.Add(op.Mul(op.Cast(_step!, ElementType.Int64), Integer(48_271)), Integer(Key(++_layer))), Integer(Modulus)]);
        var mixed = op.Add(op.Node("Mod", [position, Integer(Modulus)]), start);
        foreach (var (factor, addend) in new[] { (1_103_515_245L, 12_345L), (1_664_525L, 1_013_904_223L), (950_706_376L, 907_633_385L) })
        {
            mixed = op.Node("Mod", [op.Add(op.Mul(op.Node("Mod", [mixed, Integer(Modulus)]), Integer(factor)), Integer(addend)), Integer(Modulus)]);
            mixed = op.Add(mixed, op.Node("Mod", [op.Mul(mixed, mixed), Integer(Modulus)]));
        }

        // Compared as integers: a float has no room for all of them.
        var kept = op.GreaterOrEqual(op.Node("Mod", [mixed, Integer(Modulus)]), Integer((long)Math.Round(probability * Modulus)));
        var mask = op.Reshape(op.Mul(op.Cast(kept, x.Type), 1 / (1 - probability)), shape);
        return op.Mul(x, mask);
    }

    private Value Integer(long number) => op.Scalar(number, ElementType.Int64);

    private long Key(int layer) => (long)((unchecked((ulong)seed * 0x9E3779B97F4A7C15UL) ^ ((ulong)layer * 0xBF58476D1CE4E5B9UL)) % (ulong)Modulus);
}
