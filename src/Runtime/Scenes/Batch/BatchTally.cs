namespace EoOnnx.Runtime;

/// <summary>Adds up how far the scenes of a batch are. Safe to call from any thread.</summary>
/// <param name="scenes">All scenes.</param>
/// <param name="progress">Who is told.</param>
public sealed class BatchTally(int scenes, IProgress<BatchProgress>? progress)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, double> _running = new(StringComparer.Ordinal);
    private int _ended;
    private int _failed;

    /// <summary>The progress of one scene as progress of the batch.</summary>
    public IProgress<SceneProgress> For(BatchScene scene) => new SceneShare(this, scene);

    /// <summary>A scene has ended.</summary>
    public void End(BatchScene scene, SceneOutcome outcome)
    {
        ArgumentNullException.ThrowIfNull(scene);
        ArgumentNullException.ThrowIfNull(outcome);
        lock (_gate)
        {
            _running.Remove(scene.Map);
            _ended++;
            _failed += outcome.Status == SceneStatus.Failed ? 1 : 0;
            Tell(scene.Name, 1, outcome);
        }
    }

    /// <summary>A scene has come so far.</summary>
    public void Advance(BatchScene scene, double fraction)
    {
        ArgumentNullException.ThrowIfNull(scene);
        lock (_gate)
        {
            _running[scene.Map] = fraction;
            Tell(scene.Name, fraction, null);
        }
    }

    private void Tell(string scene, double fraction, SceneOutcome? outcome) =>
        progress?.Report(new BatchProgress(scenes, _ended, _failed, (_ended + _running.Values.Sum()) / Math.Max(1, scenes), scene, fraction, outcome));

    private sealed class SceneShare(BatchTally tally, BatchScene scene) : IProgress<SceneProgress>
    {
        public void Report(SceneProgress value) => tally.Advance(scene, (double)value.Tiles / Math.Max(1, value.TileCount));
    }
}
