using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>One map of a run: its scores, encoding and work area. Several maps of one scene share what is read and cut.</summary>
internal sealed class MapTarget : IDisposable
{
    private const int ScoreBuffers = 3;
    private readonly AugmentedModel? _augmented;
    private readonly Dictionary<(int Images, int Scores, int First, int Count), TileRun> _bindings = [];
    private readonly TilePlaces? _places;
    private readonly float[] _arranged;
    private int _limit;

    /// <summary>Allocates the buffers of a map.</summary>
    /// <param name="job">What is made.</param>
    /// <param name="sink">Where it is stored; borrowed.</param>
    public MapTarget(SceneJob job, IStripSink sink)
    {
        (Job, Sink, _limit) = (job, sink, job.Model.Batch);
        var (model, area) = (job.Model, checked((int)job.Model.MapTile.Area));
        Encoder = job.NewEncoder();
        Activation = new ScoreActivation(job.Activation, model.Classes, area, (float)(model.Manifest.Temperature ?? 1));
        Statistics = NewStatistics();
        Scores = new Pool<ScoreBatch>(Enumerable.Range(0, ScoreBuffers).Select(i => new ScoreBatch(i, model.Batch, model.ScoreLength, model.MapTile) { Target = this }));
        _arranged = new float[model.Layout is { } layout ? layout.Bands * (int)layout.Grid.Area : 0];
        _augmented = job.Options.Augmentation == TestTimeAugmentation.None ? null : new AugmentedModel(model, job.Options.Augmentation, Activation, job.Options.Adapter);
        _places = model.TakesPlaces ? new TilePlaces(job.Plan, job.Transform!.Value, job.Profile.Projection) : null;
        (ResumedRows, ResumedColumn) = (sink.FirstMissingRow, sink.FirstMissingColumn);
    }

    public SceneJob Job { get; }

    public IStripSink Sink { get; }

    public MapEncoder Encoder { get; }

    public ScoreActivation Activation { get; }

    public MapStatistics Statistics { get; private set; }

    public Pool<ScoreBatch> Scores { get; }

    /// <summary>First missing row and column when the run began.</summary>
    public int ResumedRows { get; }

    private int ResumedColumn { get; }

    /// <summary>Scores are blended as they are: they are probabilities already, or become such afterwards.</summary>
    public bool IsActivated => _augmented is not null || Job.ActivatesRows;

    /// <summary>Tiles a call that the device had memory for.</summary>
    public int BatchLimit => _limit;

    public long Bytes => (_augmented?.Bytes ?? 0) + ((long)Job.Model.Batch * Job.Model.RawLength * sizeof(float)) + ((long)_arranged.Length * sizeof(float)) + Scores.Items.Sum(batch => (long)batch.Scores.Length * sizeof(float));

    /// <summary>The row behind the last that is made; the height of the map, unless others make those below.</summary>
    public int EndRow => Sink.EndRow ?? Job.MapPlan.Map.Height;

    /// <summary>First row that is missing in a panel; <see cref="EndRow"/> when there is none.</summary>
    public int FirstMissingRow(Panel panel) => panel.MapX < ResumedColumn ? EndRow : panel.MapX == ResumedColumn ? ResumedRows : Sink.FirstRow;

    /// <summary>A tile's scores as planes of the map's pixels; valid until the next call.</summary>
    public ReadOnlySpan<float> Arranged(ReadOnlySpan<float> scores)
    {
        if (Job.Model.Layout is not { } layout)
        {
            return scores;
        }

        layout.Arrange(scores, _arranged);
        return _arranged;
    }

    public RowAssembler NewAssembler(Panel panel, int firstRow) => Job.Blend == Raster.Tiling.BlendMode.None
        ? new CropAssembler(Job.MapPlan, panel, Encoder)
        : new BlendAssembler(Job.MapPlan, panel, Encoder, Job.Model.Classes, Job.Blend, firstRow)
        {
            Activation = Job.ActivatesRows ? new ScoreActivation(Job.Activation, Job.Model.Classes, panel.MapWidth, (float)(Job.Model.Manifest.Temperature ?? 1)) : null,
        };

    /// <summary>Tiles that the graph computes: one with a fixed batch computes the rest of the last one in vain; so does a run that must not depend on it.</summary>
    public int Computed(ImageBatch images) => Job.Model.BatchIsFixed || Job.Options.Deterministic ? Job.Model.Batch : images.Tiles.Count;

    /// <summary>Scores a batch; when the device has no memory for all of it, in halves from then on.</summary>
    /// <exception cref="ModelException">ONNX Runtime refuses, or has no memory for a single tile.</exception>
    public void Score(ImageBatch images, ScoreBatch scores, CancellationToken cancellation)
    {
        var (model, count, computed) = (Job.Model, images.Tiles.Count, Computed(images));
        _places?.Fill(images.Tiles, images.Places);
        for (var first = 0; first < count;)
        {
            var part = Math.Min(_limit, computed - first);
            try
            {
                if (_augmented is not null)
                {
                    _augmented.Run(images, scores, first, Math.Min(part, count - first), part, cancellation);
                }
                else
                {
                    Binding(images, scores, first, part).Run(cancellation);
                }

                first += part;
            }
            catch (ModelException failure) when (failure.IsOutOfMemory && part > 1 && !model.BatchIsFixed)
            {
                _limit = part / 2;
            }
        }
    }

    /// <summary>Smooths the classes of the whole map, where that is asked for, and counts them anew. All rows must be stored.</summary>
    public void Smooth(CancellationToken cancellation)
    {
        if (Job.Median == 1 || Sink.EndRow is not null)
        {
            return; // a part is smoothed with all others
        }

        var smoothed = NewStatistics();
        Sink.Replace(write => Job.NewMedian().Run(Sink.Read, (first, rows) =>
        {
            var map = Job.Rim.IsEmpty ? rows : Cut(first, rows);
            first = Math.Max(0, first - Job.Rim.Top);
            smoothed.Add(first, Job.Profile.Size.Width, map);
            write(first, map);
        }, cancellation));
        Statistics = smoothed;
    }

    public void Dispose()
    {
        foreach (var binding in _bindings.Values)
        {
            binding.Dispose();
        }

        _augmented?.Dispose();
        Scores.Dispose();
        foreach (var batch in Scores.Items)
        {
            batch.Release();
        }
    }

    // Rows of the work area without what lies beyond the map.
    private byte[] Cut(int first, ReadOnlySpan<byte> rows)
    {
        var (profile, work) = (Job.Profile, Job.WorkProfile);
        var (line, workLine) = (profile.Size.Width * profile.Type.SizeInBytes(), work.Size.Width * profile.Type.SizeInBytes());
        var skipped = Math.Min(rows.Length, Math.Max(0, Job.Rim.Top - first) * profile.BandCount * workLine);
        var lines = (rows.Length - skipped) / workLine;
        var map = new byte[lines * line];
        for (var i = 0; i < lines; i++)
        {
            rows.Slice(skipped + (i * workLine), line).CopyTo(map.AsSpan(i * line));
        }

        return map;
    }

    private MapStatistics NewStatistics() => new(Job.Profile, GroundArea.Of(Job.Transform, Job.Scene.Projection), Job.SurenessBand);

    private TileRun Binding(ImageBatch images, ScoreBatch scores, int first, int count)
    {
        if (!_bindings.TryGetValue((images.Index, scores.Index, first, count), out var binding))
        {
            binding = Job.Model.Bind(images, scores, first, count, Job.Options.Adapter);
            _bindings.Add((images.Index, scores.Index, first, count), binding);
        }

        return binding;
    }
}
