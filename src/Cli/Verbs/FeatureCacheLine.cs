using System.Globalization;
using EoOnnx.Training.Features;
using EoOnnx.Training.Memory;

namespace EoOnnx.Cli.Verbs;

/// <summary>Says what a training run keeps of the frozen part of its model.</summary>
internal static class FeatureCacheLine
{
    /// <summary>Before the first step; null when there is nothing to say.</summary>
    public static string? Plan(FeatureCacheReport? features) => features switch
    {
        null or { Mode: FeatureCaching.Off, Reason: null } => null,
        { Mode: FeatureCaching.Off } => $"no features are kept: {features.Reason}",
        _ => string.Create(CultureInfo.InvariantCulture, $"{features.FrozenShare:P0} of the forward pass is computed once: {features.Records} samples, {new MemorySize(features.Bytes)} {Place(features)}"),
    };

    /// <summary>After the run; null when nothing was kept.</summary>
    public static string? Result(FeatureCacheReport? features) => features is null or { Mode: FeatureCaching.Off } ? Plan(features) : string.Create(
        CultureInfo.InvariantCulture, $"{Plan(features)}; {features.Computed} computed and {features.Reused} found in {features.Seconds:F1} s");

    private static string Place(FeatureCacheReport features) => (features.Mode == FeatureCaching.Disk ? "on disk" : "in memory")
        + (features.Precision == FeaturePrecision.Bfloat16 ? ", rounded to bfloat16" : "");
}
