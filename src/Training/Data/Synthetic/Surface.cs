namespace EoOnnx.Training.Data.Synthetic;

/// <summary>What the ground is made of.</summary>
internal enum Surface
{
    /// <summary>Closed conifer or broadleaf canopy.</summary>
    Forest,

    /// <summary>Irrigated crops and green grass.</summary>
    GreenGrass,

    /// <summary>Senescent grass and shrubs.</summary>
    DryGrass,

    /// <summary>Dry loam.</summary>
    LightSoil,

    /// <summary>Wet, organic or basaltic soil.</summary>
    DarkSoil,

    /// <summary>Rock, gravel and roofs.</summary>
    Rock,

    /// <summary>Deep clear water.</summary>
    ClearWater,

    /// <summary>Shallow or sediment-laden water.</summary>
    TurbidWater,

    /// <summary>Fresh char.</summary>
    Char,

    /// <summary>Char and ash after weeks of weather.</summary>
    WeatheredBurn,

    /// <summary>Opaque water cloud.</summary>
    Cloud,
}

/// <summary>Typical surface reflectance in the six HLS bands blue, green, red, narrow NIR, SWIR 1, SWIR 2 (0 to 1).</summary>
/// <remarks>Rounded from published spectra: USGS Spectral Library Version 7 (Kokaly et al., 2017: conifer, lawn grass, dry grass, loam, water,
/// charcoal-dark soils), the ECOSTRESS library (Meerdink et al., 2019) for rock and roofs, and for burns the behaviour reported by Key and Benson (2006, FIREMON landscape assessment):
/// NIR falls, SWIR 2 rises, NBR below about −0.1 where severity is high.</remarks>
internal static class Spectra
{
    /// <summary>Number of bands.</summary>
    public const int Bands = 6;

    private static readonly float[][] Table =
    [
        [0.022f, 0.045f, 0.028f, 0.300f, 0.140f, 0.065f],   // Forest
        [0.035f, 0.080f, 0.045f, 0.430f, 0.220f, 0.105f],   // GreenGrass
        [0.060f, 0.095f, 0.125f, 0.260f, 0.300f, 0.195f],   // DryGrass
        [0.090f, 0.130f, 0.180f, 0.260f, 0.330f, 0.275f],   // LightSoil
        [0.040f, 0.055f, 0.070f, 0.110f, 0.175f, 0.160f],   // DarkSoil
        [0.120f, 0.145f, 0.165f, 0.220f, 0.255f, 0.225f],   // Rock
        [0.045f, 0.040f, 0.024f, 0.012f, 0.006f, 0.004f],   // ClearWater
        [0.070f, 0.100f, 0.090f, 0.055f, 0.018f, 0.010f],   // TurbidWater
        [0.030f, 0.038f, 0.048f, 0.075f, 0.135f, 0.140f],   // Char
        [0.048f, 0.060f, 0.075f, 0.125f, 0.215f, 0.195f],   // WeatheredBurn
        [0.540f, 0.550f, 0.560f, 0.600f, 0.430f, 0.320f],   // Cloud
    ];

    /// <summary>The six reflectances of a pure surface.</summary>
    public static ReadOnlySpan<float> Of(Surface surface) => Table[(int)surface];

    /// <summary>The share of light that still reaches ground in a cloud's shadow: diffuse light, bluer than the sun's.</summary>
    public static ReadOnlySpan<float> Diffuse => [0.46f, 0.38f, 0.33f, 0.26f, 0.21f, 0.19f];
}
