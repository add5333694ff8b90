using System.Text.Json.Serialization;

namespace EoOnnx.Training.Features;

/// <summary>Whether the outputs of the frozen part of a model are computed once and kept.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FeatureCaching>))]
public enum FeatureCaching
{
    /// <summary>In memory and without rounding, when that fits and saves work; else not at all, and the run says why.</summary>
    Auto,

    /// <summary>Never: every epoch computes everything.</summary>
    Off,

    /// <summary>In memory.</summary>
    Memory,

    /// <summary>In files that later runs use too.</summary>
    Disk,
}

/// <summary>How kept features are stored.</summary>
[JsonConverter(typeof(JsonStringEnumConverter<FeaturePrecision>))]
public enum FeaturePrecision
{
    /// <summary>As they are.</summary>
    Float32,

    /// <summary>Rounded to 8 significant bits, in half the room.</summary>
    Bfloat16,
}

/// <summary>How the outputs of the frozen part of a model are kept.</summary>
public sealed record FeatureCacheOptions
{
    /// <summary>Nothing is kept.</summary>
    public static FeatureCacheOptions None { get; } = new() { Mode = FeatureCaching.Off };

    /// <summary>Where they are kept.</summary>
    public FeatureCaching Mode { get; init; } = FeatureCaching.Auto;

    /// <summary>Folder of <see cref="FeatureCaching.Disk"/>, which any number of runs may share; null takes <c>features</c> in the run's folder.</summary>
    public string? Folder { get; init; }

    /// <summary>How they are stored; null takes float32 in memory and bfloat16 on disk.</summary>
    public FeaturePrecision? Precision { get; init; }
}
