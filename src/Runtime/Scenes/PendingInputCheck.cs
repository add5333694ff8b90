namespace EoOnnx.Runtime;

/// <summary>
/// The comparison of a sample of the scene with the model's statistics, made while the first tiles are on their way, where it shall only
/// warn. When it cannot be made, the run ends.
/// </summary>
internal sealed class PendingInputCheck : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop;
    private readonly Task<IReadOnlyList<string>> _findings;
    private bool _told;

    /// <summary>Begins.</summary>
    /// <param name="job">What is compared; options that ask for a failure have been looked at before.</param>
    /// <param name="cancellation">Ends the run.</param>
    public PendingInputCheck(SceneJob job, CancellationToken cancellation)
    {
        _stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        _findings = job.Options.InputCheck == InputCheck.Warn ? Task.Run(() => Examine(job), CancellationToken.None) : Task.FromResult<IReadOnlyList<string>>([]);
    }

    /// <summary>Ends the run: because the caller wants it, or because the comparison failed.</summary>
    public CancellationToken Token => _stop.Token;

    /// <summary>What was found, once; null when nothing is new.</summary>
    public string? News()
    {
        if (_told || !_findings.IsCompletedSuccessfully)
        {
            return null;
        }

        _told = true;
        return _findings.Result.Count > 0 ? string.Join(' ', _findings.Result) : null;
    }

    /// <summary>Waits for the findings.</summary>
    /// <exception cref="Raster.RasterException">The sample could not be read.</exception>
    public Task<IReadOnlyList<string>> FindingsAsync() => _findings;

    /// <summary>Ends the comparison, whose scene is borrowed.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync().ConfigureAwait(false);
        await ((Task)_findings).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _stop.Dispose();
    }

    private IReadOnlyList<string> Examine(SceneJob job)
    {
        try
        {
            return InputGuard.Examine(job, _stop.Token);
        }
        catch
        {
            _stop.Cancel();
            throw;
        }
    }
}
