namespace EoOnnx.Training.Data.Synthetic;

/// <summary>Which scene is made. The same options make the same pixels.</summary>
public sealed record SyntheticSceneOptions
{
    /// <summary>Everything random comes from it.</summary>
    public int Seed { get; init; } = 1;

    /// <summary>Edge of the square scene in pixels.</summary>
    public int Size
    {
        get;
        init => field = value is >= 32 and <= 20_000 ? value
            : throw new ArgumentOutOfRangeException(nameof(Size), value, $"A synthetic scene has 32 to 20000 pixels an edge, not {value}.");
    } = 512;

    /// <summary>Edge of a pixel on the ground.</summary>
    public double GroundResolutionMetres
    {
        get;
        init => field = value is > 0 and <= 1000 ? value
            : throw new ArgumentOutOfRangeException(nameof(GroundResolutionMetres), value, $"The ground resolution must be above 0 and at most 1000 m, not {value}.");
    } = 30;

    /// <summary>Share of the sky covered by cloud, 0 to 0.6.</summary>
    public double CloudCover
    {
        get;
        init => field = value is >= 0 and <= 0.6 ? value
            : throw new ArgumentOutOfRangeException(nameof(CloudCover), value, $"Cloud cover must be 0 to 0.6, not {value}.");
    }

    /// <summary>Share of fields that lie bare and dark, where an index of NIR and SWIR takes soil for a burn; 0 to 1.</summary>
    public double DarkSoil
    {
        get;
        init => field = value is >= 0 and <= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(DarkSoil), value, $"The share of dark soil must be 0 to 1, not {value}.");
    }

    /// <summary>How far burns have weathered, 0 fresh to 1 months old.</summary>
    public double Weathering
    {
        get;
        init => field = value is >= 0 and <= 1 ? value
            : throw new ArgumentOutOfRangeException(nameof(Weathering), value, $"Weathering must be 0 to 1, not {value}.");
    }

    /// <summary>A scene in which a burn index works: clear sky, fresh burns, no dark soil.</summary>
    public static SyntheticSceneOptions Plain(int seed) => new() { Seed = seed };

    /// <summary>A scene in which a threshold on a burn index fails: clouds and their shadows, dark soil, weathered burns.</summary>
    public static SyntheticSceneOptions Hard(int seed) => new() { Seed = seed, CloudCover = 0.15, DarkSoil = 0.7, Weathering = 0.8 };
}
