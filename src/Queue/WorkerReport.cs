namespace EoOnnx.Queue;

/// <summary>What a worker has done until it ended.</summary>
/// <param name="Done">Scenes it has mapped.</param>
/// <param name="Skipped">Scenes whose map was there.</param>
/// <param name="Failed">Attempts that failed; another may have succeeded since.</param>
/// <param name="Returned">Scenes that went back to the queue because the worker ended.</param>
public sealed record WorkerReport(int Done, int Skipped, int Failed, int Returned);
