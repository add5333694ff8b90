namespace EoOnnx.Training.Data.Synthetic;

/// <summary>Fires: where they started, how far they ran, how hard they burned.</summary>
internal static class BurnScars
{
    /// <summary>Severity from which ground counts as burned.</summary>
    public const float BurnedFrom = 0.4f;

    private const float MetresPerFire = 5_500;   // one start for every square of this edge
    private static readonly (float East, float North) Wind = (0.92f, 0.39f);

    /// <summary>Writes the severity, 0 to 1, of every pixel into <paramref name="severity"/>.</summary>
    /// <remarks>A fire is an ellipse along the wind whose rim is bent by noise; inside, severity is patchy, and islands stay green. Water, rock
    /// and most fields do not burn.</remarks>
    public static void Burn(SyntheticSceneOptions options, FractalNoise noise, Ground[] ground, float[] height, float[] severity)
    {
        var (size, metres) = (options.Size, (float)options.GroundResolutionMetres);
        var fires = Starts(options);
        Parallel.For(0, size, row =>
        {
            for (var column = 0; column < size; column++)
            {
                var index = (row * size) + column;
                var here = ground[index];
                var fuel = (1 - here.Water) * Fuel(here);
                if (fuel <= 0)
                {
                    continue;
                }

                var (x, y) = (column * metres, row * metres);
                var rim = 0.85f * noise.Octaves(x / 2600, y / 2600, 6, 0.56f);
                var reach = float.MinValue;
                foreach (var fire in fires)
                {
                    var (dx, dy) = (x - fire.X, y - fire.Y);
                    var along = ((dx * Wind.East) + (dy * Wind.North)) / fire.Length;
                    var across = ((dy * Wind.East) - (dx * Wind.North)) / (fire.Length * 0.55f);
                    reach = Math.Max(reach, 1 - MathF.Sqrt((along * along) + (across * across)));
                }

                reach += rim + (0.6f * (height[index] - 0.45f));   // fire climbs
                var patch = noise.Octaves((x / 420) + 17, y / 420, 4, 0.6f);
                var island = SyntheticLandscape.Smooth(-0.30f, -0.42f, patch);
                severity[index] = SyntheticLandscape.Smooth(0, 0.07f, reach) * (1 - island) * Math.Clamp(0.92f + (0.3f * patch), 0, 1) * fuel;
            }
        });
    }

    private static float Fuel(Ground here) => here.IsField ? here.Main == Surface.DryGrass ? 0.95f : 0 : here.Main switch
    {
        Surface.Rock => 0,
        Surface.LightSoil or Surface.DarkSoil => 0.25f,
        _ => 1,
    };

    private static List<(float X, float Y, float Length)> Starts(SyntheticSceneOptions options)
    {
        var edge = (float)(options.Size * options.GroundResolutionMetres);
        var cells = Math.Max(1, (int)MathF.Round(edge / MetresPerFire));
        var fires = new List<(float X, float Y, float Length)>();
        for (var row = 0; row < cells; row++)
        {
            for (var column = 0; column < cells; column++)
            {
                var seed = FractalNoise.Hash((ulong)options.Seed, 13, (row * 4096) + column);
                float Random(int n) => FractalNoise.Uniform(seed, n, 0);
                fires.Add(((column + 0.15f + (0.7f * Random(1))) * edge / cells, (row + 0.15f + (0.7f * Random(2))) * edge / cells, 900 + (1700 * Random(3) * Random(3))));
            }
        }

        return fires;
    }
}
