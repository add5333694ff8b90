using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace EoOnnx.Formats;

/// <summary>
/// Random initial values that depend only on seed, tensor name and shape, so that neither the order of creation nor other tensors
/// change them.
/// </summary>
/// <remarks>
/// Generator: SplitMix64 (Steele, Lea and Flood 2014), started at seed · 0x9E3779B97F4A7C15 xor the 64-bit FNV-1a hash of the name's
/// UTF-8 bytes. A uniform number is the upper 53 bits · 2⁻⁵³; normal numbers come in pairs from the Box–Muller transform. Values are
/// computed in double precision, in row-major order, and rounded to single.
/// </remarks>
public static class RandomTensors
{
    /// <summary>U(−bound, bound).</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static TensorData Uniform(long seed, string name, ReadOnlySpan<long> shape, double bound)
    {
        var generator = new Generator(seed, name);
        var bytes = GC.AllocateUninitializedArray<byte>(checked((int)(TensorData.CountOf(shape) * sizeof(float))));
        foreach (ref var value in MemoryMarshal.Cast<byte, float>(bytes.AsSpan()))
        {
            value = (float)(((2 * generator.Next()) - 1) * bound);
        }

        return TensorData.FromBytes(ElementType.Float, shape, bytes);
    }

    /// <summary>N(0, deviation²).</summary>
    public static TensorData Normal(long seed, string name, ReadOnlySpan<long> shape, double deviation)
    {
        var generator = new Generator(seed, name);
        var values = new float[TensorData.CountOf(shape)];
        for (var i = 0; i < values.Length; i += 2)
        {
            var radius = Math.Sqrt(-2 * Math.Log(1 - generator.Next())) * deviation;
            var angle = 2 * Math.PI * generator.Next();
            values[i] = (float)(radius * Math.Cos(angle));
            if (i + 1 < values.Length)
            {
                values[i + 1] = (float)(radius * Math.Sin(angle));
            }
        }

        return TensorData.FromValues<float>(shape, values);
    }

    /// <summary>All elements equal.</summary>
    public static TensorData Constant(ReadOnlySpan<long> shape, float value)
    {
        var values = new float[TensorData.CountOf(shape)];
        Array.Fill(values, value);
        return TensorData.FromValues<float>(shape, values);
    }

    private sealed class Generator
    {
        private ulong _state;

        public Generator(long seed, string name)
        {
            var hash = 0xCBF29CE484222325UL;
            foreach (var letter in Encoding.UTF8.GetBytes(name))
            {
                hash = unchecked((hash ^ letter) * 0x100000001B3UL);
            }

            _state = unchecked((ulong)seed * 0x9E3779B97F4A7C15UL) ^ hash;
        }

        /// <summary>Uniform in [0, 1).</summary>
        public double Next()
        {
            unchecked
            {
                var z = _state += 0x9E3779B97F4A7C15UL;
                z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
                z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
                return ((z ^ (z >> 31)) >> 11) * (1.0 / (1UL << 53));
            }
        }
    }
}
