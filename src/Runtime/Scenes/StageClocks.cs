namespace EoOnnx.Runtime;

/// <summary>The clocks of all stages.</summary>
internal sealed class StageClocks
{
    public StageClock Read { get; } = new();

    public StageClock Prepare { get; } = new();

    public StageClock Model { get; } = new();

    public StageClock Blend { get; } = new();

    public StageClock Write { get; } = new();
}
