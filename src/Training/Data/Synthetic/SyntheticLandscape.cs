namespace EoOnnx.Training.Data.Synthetic;

/// <summary>Composes a <see cref="SyntheticScene"/>: terrain, water, cover, fire, light, clouds, sensor; in that order.</summary>
/// <remarks>All lengths are metres on the ground, so a larger scene shows more land and not larger hills.</remarks>
internal sealed class SyntheticLandscape(SyntheticSceneOptions options)
{
    private const float ReliefMetres = 1500;
    private const float WaterLevel = 0.27f;
    private const float SunElevation = 0.96f;                    // radians, 55 degrees
    private static readonly (float East, float North) Sun = (0.64f, -0.77f);   // towards the sun, late morning
    private static readonly float[] Haze = [0.014f, 0.008f, 0.004f, 0.001f, 0, 0];

    private readonly int _size = options.Size;
    private readonly float _metres = (float)options.GroundResolutionMetres;
    private readonly FractalNoise _relief = Noise(options, 1), _warp = Noise(options, 2), _ridges = Noise(options, 3), _moisture = Noise(options, 4);
    private readonly FractalNoise _rivers = Noise(options, 5), _patches = Noise(options, 6), _texture = Noise(options, 7), _fire = Noise(options, 8);
    private readonly FractalNoise _clouds = Noise(options, 9), _cloudDetail = Noise(options, 10);
    private readonly ulong _fieldSeed = FractalNoise.Hash((ulong)options.Seed, 11, 0), _grain = FractalNoise.Hash((ulong)options.Seed, 12, 0);

    /// <summary>Makes the scene; rows in parallel, each pixel from its own coordinates, so threads change nothing.</summary>
    public SyntheticScene Render()
    {
        var height = EachPixel(Height);
        var severity = new float[_size * _size];
        var ground = new Ground[_size * _size];
        Parallel.For(0, _size, row =>
        {
            for (var column = 0; column < _size; column++)
            {
                ground[(row * _size) + column] = GroundAt(row, column, height);
            }
        });
        BurnScars.Burn(options, _fire, ground, height, severity);
        var cloud = CloudOpacity();
        var reflectance = new float[Spectra.Bands * _size * _size];
        Parallel.For(0, _size, row =>
        {
            Span<float> pixel = stackalloc float[Spectra.Bands];
            for (var column = 0; column < _size; column++)
            {
                Light(row, column, height, ground, severity, cloud, pixel);
                for (var band = 0; band < Spectra.Bands; band++)
                {
                    reflectance[(((band * _size) + row) * _size) + column] = pixel[band];
                }
            }
        });
        return new SyntheticScene(options, Sense(reflectance), Truth(severity, cloud), LandCover(ground, cloud));
    }

    private static FractalNoise Noise(SyntheticSceneOptions options, int purpose) => new(FractalNoise.Hash((ulong)options.Seed, purpose, 7));

    private float[] EachPixel(Func<int, int, float> value)
    {
        var values = new float[_size * _size];
        Parallel.For(0, _size, row =>
        {
            for (var column = 0; column < _size; column++)
            {
                values[(row * _size) + column] = value(row, column);
            }
        });
        return values;
    }

    // 0 (lowest) to 1: hills whose coordinates are bent by another noise, with crests where the land is high.
    private float Height(int row, int column)
    {
        var (x, y) = (column * _metres, row * _metres);
        var (bentX, bentY) = (x + (900 * _warp.Octaves(x / 4000, y / 4000, 3)), y + (900 * _warp.Octaves((x / 4000) + 31, y / 4000, 3)));
        var hills = 0.5f + (0.62f * _relief.Octaves(bentX / 7000, bentY / 7000, 7, 0.47f));
        var crests = _ridges.Ridges(bentX / 5200, bentY / 5200, 5);
        var land = float.Lerp(hills, crests, 0.45f * Smooth(0.35f, 0.8f, hills));
        var river = River(x, y);
        return Math.Clamp(land - (0.10f * river * (1 - land)), 0, 1);
    }

    // 1 on a river's axis, falling to 0 at its banks: the zero line of a noise.
    private float River(float x, float y) => 1 - Smooth(0, 0.055f, MathF.Abs(_rivers.Octaves(x / 8500, y / 8500, 4, 0.42f)));

    private Ground GroundAt(int row, int column, float[] height)
    {
        var (x, y) = (column * _metres, row * _metres);
        var h = height[(row * _size) + column];
        var moisture = 0.5f + (0.6f * _moisture.Octaves(x / 5000, y / 5000, 5)) - (0.35f * (h - 0.4f));
        var bed = h < 0.5f ? Smooth(0.72f, 0.8f, River(x, y)) : 0;
        var water = Math.Max(Smooth(WaterLevel + 0.008f, WaterLevel - 0.008f, h), bed);
        var turbid = Math.Clamp(Smooth(0.04f, 0, WaterLevel - h) + (0.7f * bed), 0, 1);
        var fine = _patches.Octaves(x / 420, y / 420, 4, 0.55f);
        var slope = Slope(row, column, height);
        var field = h is > WaterLevel + 0.01f and < 0.50f ? Field(x, y, moisture) : null;
        if (field is { } cover && slope < 0.24f)
        {
            return new Ground(cover, Surface.LightSoil, 0.06f + (0.05f * fine), water, turbid, IsField: true);
        }

        var forest = Smooth(-0.10f, 0.12f, moisture - 0.5f + (0.30f * fine));
        var rock = Smooth(0.72f, 0.86f, h + (0.25f * slope) + (0.10f * fine));
        var (main, other, share) = rock > 0.5f ? (Surface.Rock, Surface.DryGrass, 1 - rock)
            : forest > 0.5f ? (Surface.Forest, Surface.DryGrass, 1 - forest)
            : moisture + (0.2f * fine) < 0.24f ? (Surface.LightSoil, Surface.DryGrass, Smooth(0.1f, 0.3f, moisture))
            : (Surface.DryGrass, Surface.Forest, forest);
        return new Ground(main, other, Math.Clamp(share + (0.12f * fine), 0, 1), water, turbid, IsField: false);
    }

    // Fields: cells of a jittered, turned grid; each has one cover. Null where the land is too dry or too wild to farm.
    private Surface? Field(float x, float y, float moisture)
    {
        if (_patches.Octaves((x / 3600) + 57, y / 3600, 2) < -0.02f || moisture < 0.2f)
        {
            return null;
        }

        const float cell = 520;
        var (u, v) = (((0.94f * x) + (0.34f * y)) / cell, ((0.94f * y) - (0.34f * x)) / (cell * 0.62f));
        var (bestDistance, best) = (float.MaxValue, 0UL);
        for (var row = (int)MathF.Floor(v) - 1; row <= (int)MathF.Floor(v) + 1; row++)
        {
            for (var column = (int)MathF.Floor(u) - 1; column <= (int)MathF.Floor(u) + 1; column++)
            {
                var dx = column + 0.5f + (0.5f * (FractalNoise.Uniform(_fieldSeed, column, row) - 0.5f)) - u;
                var dy = row + 0.5f + (0.5f * (FractalNoise.Uniform(_fieldSeed + 1, column, row) - 0.5f)) - v;
                var distance = Math.Max(MathF.Abs(dx), MathF.Abs(dy));   // squares, not circles: straight field edges
                if (distance < bestDistance)
                {
                    (bestDistance, best) = (distance, FractalNoise.Hash(_fieldSeed + 2, column, row));
                }
            }
        }

        var (kind, dark) = ((best & 0xFFFF) / 65536f, ((best >> 16) & 0xFFFF) / 65536f);
        return kind < 0.38f ? Surface.GreenGrass : kind < 0.62f ? Surface.DryGrass : dark < options.DarkSoil ? Surface.DarkSoil : Surface.LightSoil;
    }

    private float Slope(int row, int column, float[] height)
    {
        var (east, north) = Gradient(row, column, height);
        return MathF.Sqrt((east * east) + (north * north));
    }

    // Rise per metre towards east and north.
    private (float East, float North) Gradient(int row, int column, float[] height)
    {
        var (left, right) = (Math.Max(0, column - 1), Math.Min(_size - 1, column + 1));
        var (up, down) = (Math.Max(0, row - 1), Math.Min(_size - 1, row + 1));
        return (ReliefMetres * (height[(row * _size) + right] - height[(row * _size) + left]) / ((right - left) * _metres),
            ReliefMetres * (height[(up * _size) + column] - height[(down * _size) + column]) / ((down - up) * _metres));
    }

    // Cumulus: a noise cut so that the wanted share remains, with ragged edges.
    private float[] CloudOpacity()
    {
        if (options.CloudCover <= 0)
        {
            return new float[_size * _size];
        }

        var field = EachPixel((row, column) =>
        {
            var (x, y) = (column * _metres, row * _metres);
            return _clouds.Octaves(x / 4200, y / 4200, 4, 0.45f) + (0.22f * _cloudDetail.Octaves(x / 700, y / 700, 5, 0.6f));
        });
        var sorted = (float[])field.Clone();
        Array.Sort(sorted);
        var cut = sorted[(int)((1 - options.CloudCover) * (sorted.Length - 1))];
        return [.. field.Select(value => Smooth(cut - 0.05f, cut + 0.09f, value))];
    }

    private void Light(int row, int column, float[] height, Ground[] ground, float[] severity, float[] cloud, Span<float> pixel)
    {
        var index = (row * _size) + column;
        var here = ground[index];
        var (east, north) = Gradient(row, column, height);

        // Lambert: cosine between the sun and the slope's normal, over that of flat land; diffuse light softens it.
        var (flat, tilt) = (MathF.Sin(SunElevation), MathF.Cos(SunElevation));
        var cosine = (flat - (tilt * ((east * Sun.East) + (north * Sun.North)))) / MathF.Sqrt(1 + (east * east) + (north * north));
        var sun = 0.25f + (0.75f * Math.Max(0, cosine) / flat);
        var (x, y) = (column * _metres, row * _metres);
        var texture = 1 + (0.16f * _texture.Octaves(x / 160, y / 160, 4, 0.62f)) + (here.IsField ? 0 : 0.10f * Grain(row, column, 0));
        var dryness = 0.10f * _texture.Octaves((x / 2600) + 91, y / 2600, 3);
        var shadow = Shadow(row, column, cloud);
        var burn = severity[index];
        var regrowth = (float)options.Weathering * Math.Clamp(0.25f + (0.5f * _patches.Octaves((x / 900) + 23, y / 900, 4, 0.6f)), 0, 0.6f);
        for (var band = 0; band < Spectra.Bands; band++)
        {
            var value = float.Lerp(Spectra.Of(here.Main)[band], Spectra.Of(here.Other)[band], here.Share);
            value *= 1 + (dryness * (band == 3 ? -1 : 1));
            var burned = float.Lerp(Spectra.Of(Surface.Char)[band], Spectra.Of(Surface.WeatheredBurn)[band], (float)options.Weathering);
            burned = float.Lerp(burned, Spectra.Of(Surface.DryGrass)[band], regrowth);
            value = float.Lerp(value, burned, burn) * texture * sun;
            var water = float.Lerp(Spectra.Of(Surface.ClearWater)[band], Spectra.Of(Surface.TurbidWater)[band], here.Turbidity);
            value = float.Lerp(value, water, here.Water);
            value *= float.Lerp(1, Spectra.Diffuse[band], shadow);
            value += Haze[band];
            var top = Spectra.Of(Surface.Cloud)[band] * (0.8f + (0.35f * cloud[index]) + (0.10f * _cloudDetail.Octaves(x / 300, y / 300, 3)));
            pixel[band] = float.Lerp(value, top, cloud[index]);
        }
    }

    // A cloud at 1200 m throws its shadow away from the sun; 0 under the sun, 1 in full shadow. The cloud itself hides its own.
    private float Shadow(int row, int column, float[] cloud)
    {
        if (options.CloudCover <= 0)
        {
            return 0;
        }

        var length = 1200 / MathF.Tan(SunElevation) / _metres;
        var (fromRow, fromColumn) = (row - (int)MathF.Round(Sun.North * length), column + (int)MathF.Round(Sun.East * length));
        return fromRow >= 0 && fromRow < _size && fromColumn >= 0 && fromColumn < _size ? 0.9f * cloud[(fromRow * _size) + fromColumn] : 0;
    }

    // The instrument: neighbours bleed into each other (a small point spread), photons and electronics add noise, counts are whole numbers.
    private ushort[] Sense(float[] reflectance)
    {
        var counts = new ushort[reflectance.Length];
        Parallel.For(0, Spectra.Bands * _size, line =>
        {
            var (band, row) = (line / _size, line % _size);
            for (var column = 0; column < _size; column++)
            {
                var (sum, weights) = (0f, 0f);
                for (var dy = -1; dy <= 1; dy++)
                {
                    for (var dx = -1; dx <= 1; dx++)
                    {
                        if (row + dy >= 0 && row + dy < _size && column + dx >= 0 && column + dx < _size)
                        {
                            var weight = (dx == 0 ? 1f : 0.28f) * (dy == 0 ? 1f : 0.28f);
                            sum += weight * reflectance[(((band * _size) + row + dy) * _size) + column + dx];
                            weights += weight;
                        }
                    }
                }

                var value = sum / weights;
                value += (0.0015f + (0.012f * value)) * 1.7f * Grain(row, column, band + 1);
                counts[(line * _size) + column] = (ushort)Math.Clamp(MathF.Round(value * SyntheticScene.Quantification), 1, ushort.MaxValue);
            }
        });
        return counts;
    }

    private static byte[] Truth(float[] severity, float[] cloud) =>
        [.. severity.Select((burn, index) => cloud[index] > 0.5f ? SyntheticScene.Unknown : burn > BurnScars.BurnedFrom ? SyntheticScene.Burned : SyntheticScene.Unburned)];

    private byte[] LandCover(Ground[] ground, float[] cloud) => [.. ground.Select((here, index) => (byte)(
        cloud[index] > 0.5f ? 6 : Shadow(index / _size, index % _size, cloud) > 0.5f ? 7 : here.Water > 0.5f ? 5 : (here.Share > 0.5f ? here.Other : here.Main) switch
        {
            Surface.Forest => 0,
            Surface.GreenGrass => 1,
            Surface.DryGrass => 2,
            Surface.Rock => 4,
            _ => 3,
        }))];

    // Noise without neighbours, −1 to 1, triangular.
    private float Grain(int row, int column, int band) =>
        FractalNoise.Uniform(_grain + (ulong)band, column, row) - FractalNoise.Uniform(_grain + (ulong)band + 101, column, row);

    /// <summary>Hermite step from 0 at <paramref name="from"/> to 1 at <paramref name="to"/>; falls when they are swapped.</summary>
    internal static float Smooth(float from, float to, float value)
    {
        var t = Math.Clamp((value - from) / (to - from), 0, 1);
        return t * t * (3 - (2 * t));
    }
}

/// <summary>What covers one pixel.</summary>
/// <param name="Main">The larger part.</param>
/// <param name="Other">The rest.</param>
/// <param name="Share">Share of the rest, 0 to 1.</param>
/// <param name="Water">Share under water, 0 to 1.</param>
/// <param name="Turbidity">How muddy that water is, 0 to 1.</param>
/// <param name="IsField">Ploughed or sown: burns rarely and is smooth.</param>
internal readonly record struct Ground(Surface Main, Surface Other, float Share, float Water, float Turbidity, bool IsField);
