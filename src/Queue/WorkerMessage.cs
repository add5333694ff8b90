namespace EoOnnx.Queue;

/// <summary>A line of a worker's log.</summary>
/// <param name="Subject">A scene, <c>worker</c>, or <c>queue</c>.</param>
/// <param name="Text">What happens to it.</param>
public sealed record WorkerMessage(string Subject, string Text);
