namespace EoOnnx.Bench.Scene;

/// <summary>What one contestant did in one turn.</summary>
/// <param name="Contestant">The way.</param>
/// <param name="Tiles">Tiles of the plan.</param>
/// <param name="Pixels">Pixels of the scene; overlaps are not counted twice.</param>
/// <param name="Seconds">All of it.</param>
/// <param name="ProcessorSeconds">Processor time.</param>
/// <param name="PeakBytes">Largest resident memory of the process.</param>
/// <param name="Threads">Threads of the model.</param>
internal sealed record TurnResult(string Contestant, long Tiles, long Pixels, double Seconds, double ProcessorSeconds, long PeakBytes, int Threads)
{
    /// <summary>Seconds without making the file; null where there is none.</summary>
    public double? StreamedSeconds { get; init; }

    /// <summary>Bytes that the process read while it streamed, over the size of the scene's file; null where it was not counted.</summary>
    public double? BytesReadShare { get; init; }

    /// <summary>More about it.</summary>
    public string Note { get; init; } = "";
}
