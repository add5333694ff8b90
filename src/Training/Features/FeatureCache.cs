using System.Diagnostics;
using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Trainer;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Features;

/// <summary>
/// Training behind the frozen part of a model: the part runs once over every form of a sample that the run will see, and every epoch trains the rest of the graph on
/// what it gave. Adapter, saved model and everything after the run are those of the whole model.
/// </summary>
internal sealed class FeatureCache : IDisposable
{
    private const double LeastShare = 0.1;
    private const double LeastSaving = 0.25;
    private const long MostUnasked = 1L << 30;

    private readonly FeatureSet _training;
    private readonly FeatureSet _validation;
    private readonly FitOptions _options;
    private readonly string? _folder;
    private readonly string _temporary;
    private double _seconds;

    private FeatureCache(TaskModel task, TrainingData data, FitOptions options, FeatureSet training, FeatureSet validation)
    {
        (_training, _validation, _options) = (training, validation, options);
        _temporary = Directory.CreateTempSubdirectory("eoonnx-targets-").FullName;
        _folder = Mode(options) == FeatureCaching.Disk ? Path.GetFullPath(options.Features.Folder ?? Path.Combine(options.Folder!, "features")) : null;
        Task = task.WithGraphs(training.Prefix.Rest, validation.Prefix.Rest);
        try
        {
            Data = new TrainingData(training.Open(_folder, Path.Combine(_temporary, "training")), validation.Open(_folder, Path.Combine(_temporary, "validation")), data.How, data.Loading) { Skipped = data.Skipped };
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The task as graphs behind the cut.</summary>
    public TaskModel Task { get; }

    /// <summary>The data as features; they can be read once <see cref="FillAsync"/> is done.</summary>
    public TrainingData Data { get; }

    /// <summary>Memory of the features.</summary>
    public long MemoryBytes => _folder is null ? Bytes : 0;

    /// <summary>What is run over the samples before the first step.</summary>
    public IEnumerable<FrozenPrefix> Prefixes => [_training.Prefix, _validation.Prefix];

    /// <summary>What is kept, and how much of it was made in this run.</summary>
    public FeatureCacheReport Report => new()
    {
        Mode = Mode(_options),
        Precision = Precision(_options.Features),
        FrozenShare = _training.Prefix.Share,
        Records = _training.Records + _validation.Records,
        Bytes = Bytes,
        Computed = _training.Computed + _validation.Computed,
        Reused = _folder is null ? 0 : Done - _training.Computed - _validation.Computed,
        Seconds = _seconds,
    };

    private long Bytes => _training.FeatureBytes + _training.TargetBytes + _validation.FeatureBytes + _validation.TargetBytes;

    private int Done { get; set; }

    /// <summary>Decides whether features are kept.</summary>
    /// <param name="task">The whole task.</param>
    /// <param name="data">The data.</param>
    /// <param name="options">How, and where to.</param>
    /// <param name="report">Says why not when the result is null.</param>
    /// <exception cref="TrainingException">It was asked for and is impossible; the message says what to change.</exception>
    public static FeatureCache? Plan(TaskModel task, TrainingData data, FitOptions options, out FeatureCacheReport report)
    {
        report = new FeatureCacheReport { Mode = FeatureCaching.Off };
        if (options.Features.Mode == FeatureCaching.Off)
        {
            return null;
        }

        if (options.Features.Mode == FeatureCaching.Disk && options.Features.Folder is null && options.Folder is null)
        {
            throw new TrainingException("Features shall be kept on disk, but there is no folder for them. Name one with --cache-folder (run.cacheFolder), or give the run a folder.");
        }

        if (data.TrainingSamples.NeverRepeats is { } changes)
        {
            return Decline(options, $"{changes}, so no image comes twice; leave that out with --no-augmentation (data.augment: false)", out report);
        }

        var (training, validation) = (FrozenPrefix.Of(task.TrainingModel, data.TrainingSamples.Inputs, out var reason), FrozenPrefix.Of(task.InferenceModel, data.TrainingSamples.Inputs, out var further));
        if (training is null || validation is null)
        {
            return Decline(options, reason ?? further!, out report);
        }

        var precision = Precision(options.Features);
        var kept = new FeatureSet(training, data.TrainingSamples, data.Loading, options.Epochs, precision);
        var held = new FeatureSet(validation, data.ValidationSamples, data.Loading, null, precision);
        if (Objection(options, kept, held, data) is { } objection)
        {
            return Decline(options, objection, out report);
        }

        var cache = new FeatureCache(task, data, options, kept, held);
        report = cache.Report;
        return cache;
    }

    /// <summary>Says no, with the reason in the report, or as an error when features were asked for.</summary>
    /// <exception cref="TrainingException">They were asked for.</exception>
    public static FeatureCache? Decline(FitOptions options, string reason, out FeatureCacheReport report)
    {
        report = new FeatureCacheReport { Mode = FeatureCaching.Off, Reason = reason };
        return options.Features.Mode == FeatureCaching.Auto ? null
            : throw new TrainingException($"Features cannot be kept: {reason}. Or train with --cache-features off (run.cacheFeatures).");
    }

    private static void Require(string folder, long bytes, string what)
    {
        if (FreeDiskSpace.Lack(folder, bytes) is { } lack)
        {
            throw new TrainingException($"{lack} ({what}). Free some space, or choose another folder.");
        }
    }

    /// <summary>Computes what is not there yet.</summary>
    /// <param name="workspace">Opens graphs.</param>
    /// <param name="training">False when no epoch is left, and only held-out samples will be looked at.</param>
    /// <param name="progress">Told the share that is done.</param>
    /// <param name="cancellation">Stops between batches.</param>
    /// <exception cref="TrainingException">The disk is too full.</exception>
    public async Task FillAsync(Workspace workspace, bool training, Action<double> progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var sets = training ? [_training, _validation] : new[] { _validation };
        if (_folder is not null)
        {
            Require(_folder, sets.Sum(set => set.BytesToWrite), "features");
            Require(_temporary, sets.Sum(set => set.TargetBytes), "labels");
        }

        var all = sets.Sum(set => set.Records);
        foreach (var group in sets.GroupBy(set => set.Identity))   // equal graphs share a session
        {
            var session = new Lazy<InferenceSession>(() => workspace.Open("frozen", group.First().Prefix.Prefix));
            try
            {
                foreach (var set in group)
                {
                    await set.FillAsync(session, count => progress((Done += count) / (double)all), cancellation).ConfigureAwait(false);
                }
            }
            finally
            {
                if (session.IsValueCreated)
                {
                    session.Value.Dispose();
                    workspace.ReleasePages(group.First().Prefix.Prefix);
                }
            }
        }

        _seconds = clock.Elapsed.TotalSeconds;
    }

    public void Dispose()
    {
        _training.Dispose();
        _validation.Dispose();
        Directory.Delete(_temporary, recursive: true);
    }

    private static FeatureCaching Mode(FitOptions options) => options.Features.Mode == FeatureCaching.Disk ? FeatureCaching.Disk : FeatureCaching.Memory;

    private static FeaturePrecision Precision(FeatureCacheOptions options) =>
        options.Precision ?? (options.Mode == FeatureCaching.Disk ? FeaturePrecision.Bfloat16 : FeaturePrecision.Float32);

    private static string? Objection(FitOptions options, FeatureSet training, FeatureSet validation, TrainingData data)
    {
        var bytes = training.FeatureBytes + training.TargetBytes + validation.FeatureBytes + validation.TargetBytes;
        var mode = options.Features.Mode;
        var most = mode == FeatureCaching.Auto ? MostUnasked : GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 2;
        if (mode != FeatureCaching.Disk && bytes > most)
        {
            return $"features of {training.Records + validation.Records} samples take {new MemorySize(bytes)}, and at most {new MemorySize(most)} {(mode == FeatureCaching.Auto ? "are taken unasked" : "of this machine's memory may be used")}; keep them with --cache-features {(mode == FeatureCaching.Auto ? "memory or disk" : "disk")}";
        }

        if (mode != FeatureCaching.Auto)
        {
            return null;
        }

        var reads = (double)options.Epochs * data.Training.Samples;
        return options.Features.Precision == FeaturePrecision.Bfloat16 ? "features would be rounded to bfloat16; ask for it with --cache-features memory or disk"
            : training.Prefix.Share < LeastShare ? string.Create(CultureInfo.InvariantCulture, $"only {training.Prefix.Share:P0} of the model lies in front of what is trained")
            : training.Records > (1 - LeastSaving) * reads ? string.Create(CultureInfo.InvariantCulture, $"{training.Records} forms of {data.Training.Samples} samples in {options.Epochs} epochs leave little to save")
            : null;
    }
}
