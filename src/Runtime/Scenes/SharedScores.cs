using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>
/// Scores of several maps of one batch with an encoder that is run once. On its first batch a map is scored in both ways: only an answer with the
/// same bits lets it go on, since a runtime may fuse operators across the place where the model was cut. Used by one thread.
/// </summary>
internal sealed class SharedScores : IDisposable
{
    private readonly SharedEncoder _encoder;
    private readonly OrtMemoryInfo _memory = new(OrtMemoryInfo.allocatorCPU, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);
    private readonly Dictionary<MapTarget, (RunOptions Options, EoAdapter.Lease? Lease)> _runs = [];
    private readonly HashSet<MapTarget> _refused = [];
    private readonly string[] _names;
    private readonly OrtValue[] _inputs;
    private IDisposableReadOnlyCollection<OrtValue>? _features;
    private OrtValue? _images;

    private SharedScores(SharedEncoder encoder)
    {
        _encoder = encoder;
        _names = encoder.TakesImages ? [.. encoder.Crossing, encoder.Model.Input.Name] : [.. encoder.Crossing];
        _inputs = new OrtValue[_names.Length];
    }

    /// <summary>Maps whose answer differed in the last bits, so that they are scored by the whole model.</summary>
    public IReadOnlyCollection<MapTarget> Refused => _refused;

    /// <summary>Prepares it when the options hold an encoder that fits all maps; null otherwise.</summary>
    public static SharedScores? For(IReadOnlyList<MapTarget> targets)
    {
        var job = targets[0].Job;
        return job.Options.SharedEncoder is { } encoder && targets.Count > 1 && targets.All(target => Fits(encoder, target.Job)) ? new SharedScores(encoder) : null;
    }

    /// <summary>Runs the first part.</summary>
    /// <returns>False when the device has no memory for it.</returns>
    public bool TryEncode(ImageBatch images, int count, SceneModel model, CancellationToken cancellation)
    {
        Forget();
        var length = images.Images.Length / images.Tiles.Capacity;
        _images = OrtValue.CreateTensorValueFromMemory(_memory, images.Images.AsMemory(0, count * length), model.ImageShape(count));
        using var options = new RunOptions();
        try
        {
            _features = Guarded(options, () => _encoder.RunBefore(options, _images), cancellation);
        }
        catch (ModelException failure) when (failure.IsOutOfMemory)
        {
            return false;
        }

        foreach (var (index, feature) in _features.Index())
        {
            _inputs[index] = feature;
        }

        if (_encoder.TakesImages)
        {
            _inputs[^1] = _images;
        }

        return true;
    }

    /// <summary>Scores the batch that was encoded.</summary>
    /// <returns>False when the whole model must do it.</returns>
    public bool TryScore(MapTarget target, ImageBatch images, ScoreBatch scores, int count, CancellationToken cancellation)
    {
        if (_refused.Contains(target) || target.BatchLimit < count)
        {
            return false;
        }

        var length = count * target.Job.Model.ScoreLength;
        var isFirst = !_runs.ContainsKey(target);
        try
        {
            RunAfter(target, scores.Scores.AsMemory(0, length), count, cancellation);
        }
        catch (ModelException failure) when (failure.IsOutOfMemory)
        {
            return false;
        }

        if (isFirst)
        {
            var shared = scores.Scores.AsSpan(0, images.Tiles.Count * target.Job.Model.ScoreLength).ToArray();
            target.Score(images, scores, cancellation);
            if (!System.Runtime.InteropServices.MemoryMarshal.AsBytes(shared.AsSpan()).SequenceEqual(System.Runtime.InteropServices.MemoryMarshal.AsBytes(scores.Scores.AsSpan(0, shared.Length))))
            {
                _refused.Add(target);
            }
        }

        return true;
    }

    public void Dispose()
    {
        Forget();
        foreach (var (options, lease) in _runs.Values)
        {
            lease?.Dispose();
            options.Dispose();
        }

        _memory.Dispose();
    }

    private static bool Fits(SharedEncoder encoder, SceneJob job) => job.Model.Model == encoder.Model && job.Model.Output == encoder.Output && job.Model.IsPlain
        && job.Options.Augmentation == TestTimeAugmentation.None && (job.Options.Adapter is null || job.Options.Adapter.TensorNames.All(encoder.Slots.Contains));

    private void RunAfter(MapTarget target, Memory<float> destination, int count, CancellationToken cancellation)
    {
        if (!_runs.TryGetValue(target, out var run))
        {
            var options = new RunOptions();
            _runs.Add(target, run = (options, target.Job.Options.Adapter?.Activate(options)));
        }

        using var output = OrtValue.CreateTensorValueFromMemory(_memory, destination, target.Job.Model.ScoreShape(count));
        Guarded(run.Options, () =>
        {
            _encoder.RunAfter(run.Options, _names, _inputs, output);
            return true;
        }, cancellation);
    }

    private T Guarded<T>(RunOptions options, Func<T> run, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        using var stop = cancellation.UnsafeRegister(static state => ((RunOptions)state!).Terminate = true, options);
        try
        {
            return run();
        }
        catch (OnnxRuntimeException failure)
        {
            cancellation.ThrowIfCancellationRequested();
            throw new ModelException($"A part of {_encoder.Model.Path} cannot be run. ONNX Runtime says: {failure.Message}", failure);
        }
    }

    private void Forget()
    {
        _features?.Dispose();
        _images?.Dispose();
        (_features, _images) = (null, null);
    }
}
