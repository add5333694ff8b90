namespace EoOnnx.Training.Features;

/// <summary>What a run kept of the frozen part of its model.</summary>
public sealed record FeatureCacheReport
{
    /// <summary>Where features were kept; <see cref="FeatureCaching.Off"/> when they were not.</summary>
    public required FeatureCaching Mode { get; init; }

    /// <summary>How they were stored.</summary>
    public FeaturePrecision Precision { get; init; }

    /// <summary>Share of the forward pass (multiplications of a sample) that is made once instead of in every epoch.</summary>
    public double FrozenShare { get; init; }

    /// <summary>Kept samples; one that is turned and flipped counts once for each of its up to eight positions.</summary>
    public int Records { get; init; }

    /// <summary>Bytes of all of them, labels included.</summary>
    public long Bytes { get; init; }

    /// <summary>Samples that went through the frozen part in this run.</summary>
    public int Computed { get; init; }

    /// <summary>Samples whose features an earlier run had left.</summary>
    public int Reused { get; init; }

    /// <summary>Seconds that computing, finding and writing them took.</summary>
    public double Seconds { get; init; }

    /// <summary>Why nothing was kept although it was allowed; null otherwise.</summary>
    public string? Reason { get; init; }
}
