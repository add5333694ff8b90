namespace EoOnnx.Training.Data.Synthetic;

/// <summary>Smooth noise over the plane, the same for the same seed: gradient noise, and sums of its octaves.</summary>
/// <remarks>Source: K. Perlin, "Improving noise", 2002 (quintic fade, gradients at lattice points); lattice points are hashed, so
/// there is no table and no period.</remarks>
internal readonly struct FractalNoise(ulong seed)
{
    /// <summary>A hash of a lattice point, uniform over 64 bits.</summary>
    public static ulong Hash(ulong seed, int x, int y)
    {
        // SplitMix64's finalizer over the two coordinates.
        var z = seed + (0x9E3779B97F4A7C15UL * (uint)x) + (0xC2B2AE3D27D4EB4FUL * (uint)y);
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9UL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBUL;
        return z ^ (z >> 31);
    }

    /// <summary>A number in [0, 1) that belongs to a lattice point.</summary>
    public static float Uniform(ulong seed, int x, int y) => (Hash(seed, x, y) >> 40) * (1f / (1 << 24));

    /// <summary>Gradient noise, about −0.7 to 0.7, mean 0, one hill or hollow per unit length.</summary>
    public float Gradient(float x, float y) => Gradient(x, y, 0);

    /// <summary>Sum of <paramref name="octaves"/> of noise, each twice as fine and <paramref name="gain"/> times as high as the one before; about −1 to 1.</summary>
    public float Octaves(float x, float y, int octaves, float gain = 0.5f)
    {
        var (sum, amplitude, frequency) = (0f, 1f, 1f);
        for (var octave = 0; octave < octaves; octave++)
        {
            sum += amplitude * Gradient(x * frequency, y * frequency, octave);
            amplitude *= gain;
            frequency *= 2.03f;   // not 2: the lattices of two octaves must not coincide
        }

        return sum * 1.4f * (1 - gain) / (1 - MathF.Pow(gain, octaves));
    }

    /// <summary>Octaves of noise folded at 0, so that its zero lines become crests; 0 to about 1.</summary>
    public float Ridges(float x, float y, int octaves)
    {
        var (sum, amplitude, frequency, total) = (0f, 1f, 1f, 0f);
        for (var octave = 0; octave < octaves; octave++)
        {
            var crest = 1 - Math.Min(1, 1.6f * MathF.Abs(Gradient(x * frequency, y * frequency, octave)));
            sum += amplitude * crest * crest;
            total += amplitude;
            amplitude *= 0.5f;
            frequency *= 2.03f;
        }

        return sum / total;
    }

    private float Gradient(float x, float y, int octave)
    {
        var octaveSeed = seed + (0xD1B54A32D192ED03UL * (ulong)(octave + 1));
        var (column, row) = ((int)MathF.Floor(x), (int)MathF.Floor(y));
        var (u, v) = (x - column, y - row);
        var (fadeU, fadeV) = (Fade(u), Fade(v));
        var upper = float.Lerp(Corner(octaveSeed, column, row, u, v), Corner(octaveSeed, column + 1, row, u - 1, v), fadeU);
        var lower = float.Lerp(Corner(octaveSeed, column, row + 1, u, v - 1), Corner(octaveSeed, column + 1, row + 1, u - 1, v - 1), fadeU);
        return float.Lerp(upper, lower, fadeV);
    }

    private static float Fade(float t) => t * t * t * ((t * ((t * 6) - 15)) + 10);

    private static float Corner(ulong seed, int column, int row, float u, float v)
    {
        // A slope drawn from the square of the same mean length as the unit circle: no sine, twice as fast.
        const float scale = 1.2247f / (1 << 23);
        var bits = Hash(seed, column, row);
        return (((int)(bits >> 40) - (1 << 23)) * scale * u) + (((int)((bits >> 16) & 0xFFFFFF) - (1 << 23)) * scale * v);
    }
}
