namespace EoOnnx.Cli.Demo;

/// <summary>How well one way to find burns does on the scene that nobody trained on.</summary>
/// <param name="Name">The way.</param>
/// <param name="MeanIoU">Mean intersection over union of both classes.</param>
/// <param name="BurnedIoU">Intersection over union of the class burned.</param>
internal sealed record DemoScore(string Name, double MeanIoU, double BurnedIoU);

/// <summary>A stage of the demo.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Seconds">How long it took.</param>
internal sealed record DemoStage(string Name, double Seconds);

/// <summary>What the demo reached and where its files are.</summary>
internal sealed record DemoResult
{
    /// <summary>Scores on scene B, from the plainest way to the adapter.</summary>
    public required IReadOnlyList<DemoScore> Scores { get; init; }

    /// <summary>The stages in order.</summary>
    public required IReadOnlyList<DemoStage> Stages { get; init; }

    /// <summary>All stages together.</summary>
    public required double Seconds { get; init; }

    /// <summary>Numbers in the adapter, head included.</summary>
    public required long TrainedNumbers { get; init; }

    /// <summary>Pixels of the scene mapped a second.</summary>
    public required double PixelsPerSecond { get; init; }

    /// <summary>The map of scene B.</summary>
    public required string Map { get; init; }

    /// <summary>Scene, truth and map beside each other.</summary>
    public required string Picture { get; init; }

    /// <summary>The adapter.</summary>
    public required string Adapter { get; init; }

    /// <summary>The model that the adapter belongs to.</summary>
    public required string Model { get; init; }

    /// <summary>This record as a file.</summary>
    public required string Report { get; init; }
}
