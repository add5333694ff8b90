using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Metrics;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer.Schedules;

namespace EoOnnx.Training.Trainer;

/// <summary>One run of <see cref="AdapterTrainer"/>: its sessions, its state and its clock.</summary>
internal sealed class TrainingRun : IDisposable
{
    private readonly TaskModel _task;
    private readonly TrainingData _source;
    private readonly TrainingData _data;
    private readonly FeatureCache? _features;
    private readonly FeatureCacheReport _featureReport;
    private readonly FitOptions _options;
    private readonly Optimizer _optimizer;
    private readonly IProgress<TrainingProgress>? _progress;
    private readonly Workspace _workspace;
    private readonly TrainingGraph _graph;
    private readonly MemoryPlan _plan;
    private readonly StepRunner _runner;
    private readonly Evaluator _evaluator;
    private readonly HashSet<string> _adapterSlots;
    private readonly RunState _state = new();
    private readonly ResourceMeter _resources = new();
    private readonly Stopwatch _total = Stopwatch.StartNew();
    private readonly Stopwatch _training = new();
    private readonly Stopwatch _validation = new();
    private Dictionary<string, TensorData>? _kept;
    private long _imagesDone;
    private ValidationReview? _review;
    private TemperatureScaling? _calibration;
    private IReadOnlyDictionary<string, ValidationReport>? _baselines;

    public TrainingRun(TaskModel task, Loss loss, Optimizer optimizer, TrainingData data, FitOptions options, IProgress<TrainingProgress>? progress)
    {
        (_task, _source, _options, _optimizer, _progress) = (task, data, options, optimizer, progress);
        _adapterSlots = [.. task.InferenceModel.Graph.Inputs.Where(input => input.Data is not null).Select(input => input.Name)];
        _features = FeatureCache.Plan(task, data, options, out _featureReport);
        try
        {
            (_graph, _plan) = Compile(task, loss, ref _features, ref _featureReport);
            _data = _features?.Data ?? data;
            _progress?.Report(new TrainingProgress { Stage = TrainingStage.Planned, Epochs = options.Epochs, Plan = _plan, Features = _featureReport });
            _workspace = new Workspace(options with { PackWeights = _plan.PackWeights });
            if (options.Folder is not null && FreeDiskSpace.Lack(options.Folder, BytesToWrite(task, _graph)) is { } lack)
            {
                throw new TrainingException($"{lack} (graphs, model, checkpoint and its successor). Free some space, or choose another folder.");
            }

            _runner = new StepRunner(_graph, _workspace);
            _evaluator = new Evaluator(_features?.Task ?? task, loss, _workspace);
            if (options is { Resume: true, Folder: not null } && File.Exists(CheckpointPath))
            {
                (_state, var current, _kept) = RunState.Load(CheckpointPath, _runner.Slots.Read(IsKept), options.RecipeJson);
                _runner.Slots.Write(current);
            }
            else if (options.Folder is not null)
            {
                SaveCheckpoint();   // a folder that cannot be written is found before the first step
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException && options.Folder is not null && _graph is not null)
        {
            DisposeParts();
            throw new TrainingException(string.Create(CultureInfo.InvariantCulture,
                $"The folder {options.Folder} cannot take the run: {failure.Message} It writes up to {BytesToWrite(task, _graph) / 1e6:F1} MB there; free some space or lift the limit on file sizes, make the folder writable, or choose another."), failure);
        }
        catch
        {
            DisposeParts();
            throw;
        }

        void DisposeParts()
        {
            _resources.Dispose();
            _evaluator?.Dispose();
            _runner?.Dispose();
            _workspace?.Dispose();
            _features?.Dispose();
        }
    }

    private (TrainingGraph Graph, MemoryPlan Plan) Compile(TaskModel task, Loss loss, ref FeatureCache? features, ref FeatureCacheReport report)
    {
        var request = new MemoryRequest(_source.Training.BatchSize, _options.MemoryBudget, _options.PackWeights, _source.Loading.Workers) { Part = _options.Part };
        if (features is not null)
        {
            try
            {
                return MemoryPlanner.Compile(features.Task, loss, _optimizer, _options.Graph, request with { FeatureBytes = features.MemoryBytes, Before = [.. features.Prefixes.Select(prefix => prefix.Prefix)] });
            }
            catch (MemoryBudgetException failure) when (_options.Features.Mode == FeatureCaching.Auto)
            {
                features.Dispose();
                features = FeatureCache.Decline(_options, $"with them the run would need about {new MemorySize(failure.Needed)}", out report);
            }
        }

        return MemoryPlanner.Compile(task, loss, _optimizer, _options.Graph, request);
    }

    /// <summary>Twice the weights (the run's graphs and its model) and, of what is trained, two checkpoints with the best parameters.</summary>
    private static long BytesToWrite(TaskModel task, TrainingGraph graph) =>
        (2 * task.InferenceModel.Graph.Initializers.Sum(value => value.Data?.ByteLength ?? 0)) + (3 * graph.Slots.Sum(slot => slot.Initial.ByteLength));

    // Training and validation do not hold their intermediate values at the same time.
    private bool IsTight => _plan.TakesTurns;

    private string CheckpointPath => Path.Combine(_options.Folder!, "checkpoint.safetensors");

    private int StepsPerEpoch => (_data.Training.Batches + _graph.Accumulation - 1) / _graph.Accumulation;

    /// <summary>Trains until all epochs are done, patience ends or the run is cancelled.</summary>
    public async Task TrainAsync(CancellationToken cancellation)
    {
        try
        {
            var epochsAreLeft = _state.Epoch < _options.Epochs && !_state.Stopped;
            if (_features is not null)
            {
                await _features.FillAsync(
                    _workspace, epochsAreLeft, share => _progress?.Report(new TrainingProgress { Stage = TrainingStage.Caching, Epochs = _options.Epochs, Fraction = share, Features = _featureReport }), cancellation).ConfigureAwait(false);
            }

            while (_state.Epoch < _options.Epochs && !_state.Stopped)
            {
                await TrainEpochAsync(cancellation).ConfigureAwait(false);
                await EndEpochAsync(cancellation).ConfigureAwait(false);
            }

            await ReviewAsync(cancellation).ConfigureAwait(false);
            _baselines = _options.Baselines is { } measure ? await measure(cancellation).ConfigureAwait(false) : null;
        }
        catch (OperationCanceledException) when (_state.Step > 0)
        {
            // The result is what has been reached; Finish says that the run was interrupted.
        }
    }

    /// <summary>A last pass over the held-out samples, with the parameters that are saved.</summary>
    private async Task ReviewAsync(CancellationToken cancellation)
    {
        if (_kept is null)
        {
            return;
        }

        var review = new ValidationReview(_source.ValidationSamples, _evaluator.Task(_data));
        var slots = _kept.Where(item => _runner.Slots.Evaluated(item.Key) is not null).ToDictionary(StringComparer.Ordinal);
        _runner.Slots.WriteEvaluated(slots);   // the last checkpoint is written: nothing else needs the slots any more
        _validation.Start();
        await _evaluator.RunAsync(
            _data, _runner.Slots, share => _progress?.Report(new TrainingProgress { Stage = TrainingStage.Reviewing, Epoch = _state.Epoch, Epochs = _options.Epochs, Fraction = share }), cancellation, review).ConfigureAwait(false);
        _validation.Stop();
        review.Finish();
        (_review, _calibration) = (review, review.Calibrate());
    }

    /// <summary>The result, written to the run's folder when there is one.</summary>
    public FitResult Finish(bool interrupted)
    {
        var finished = _state.Epoch >= _options.Epochs || _state.Stopped;
        var tensors = _kept ?? _runner.Slots.ReadEvaluated(IsPartOfAdapter);
        var kept = _state.History.Find(epoch => epoch.Epoch == KeptEpochOf(_state));
        var made = TrainedAdapter.Make(_task, tensors);
        var adapter = made with
        {
            Manifest = _calibration is null ? made.Manifest : made.Manifest is { } manifest ? manifest with { Temperature = _calibration.Temperature } : null,
            RecipeJson = _options.RecipeJson,
            MetricsJson = kept is null ? null : TrainingReport.MetricsJson(kept),
        };
        var result = new FitResult(adapter, Report(interrupted && !finished)) { Review = _review, SplitMap = _options.SplitMap };
        if (_options.Folder is not null)
        {
            if (!finished)
            {
                SaveCheckpoint();
            }

            result.Write(_task, _options.Folder);
        }

        return result;
    }

    public void Dispose()
    {
        _resources.Dispose();
        _evaluator.Dispose();
        _runner.Dispose();
        _workspace.Dispose();
        _features?.Dispose();
    }

    private static bool IsKept(TrainingSlot slot) => slot.Kind != TrainingSlotKind.GradientSum;   // checkpoints lie between steps, where sums are 0

    // Auxiliary heads and some buffers, such as dropout's step counter, serve training only: the inference graph has no slot for them. Prefixes are made
    // of what the network in front of them holds.
    private bool IsPartOfAdapter(TrainingSlot slot) => slot.Kind is TrainingSlotKind.Parameter or TrainingSlotKind.Buffer && (_adapterSlots.Contains(slot.Name) || PrefixEncoder.Names.Contains(slot.Name));

    private async Task TrainEpochAsync(CancellationToken cancellation)
    {
        // Cancelled between steps only: a checkpoint holds no sums of half a step.
        await foreach (var batch in _data.Training.ReadAsync(_state.Epoch, _state.Batch, CancellationToken.None).ConfigureAwait(false))
        {
            using (batch)
            {
                _training.Start();
                var step = NextStep();
                var loss = _runner.Run(batch, _plan.Part, step, release: IsTight && _state.Batch == _data.Training.Batches - 1);
                _state.LossSum += loss * batch.Count;
                _state.Images += batch.Count;
                _state.Batch++;
                _imagesDone += batch.Count;
                var stepped = _graph.Accumulation == 1 || _state.Batch % _graph.Accumulation == 0 || _state.Batch == _data.Training.Batches;
                if (stepped)
                {
                    if (_graph.Update is not null)
                    {
                        _runner.Update(step);
                    }

                    _state.Step++;
                }

                _training.Stop();
                Report(TrainingStage.Training);
                if (stepped && _options.Folder is not null && _options.CheckpointEvery > 0 && _state.Step % _options.CheckpointEvery == 0)
                {
                    SaveCheckpoint();
                }

                if (stepped)
                {
                    cancellation.ThrowIfCancellationRequested();
                }
            }
        }
    }

    private async Task EndEpochAsync(CancellationToken cancellation)
    {
        _validation.Start();
        var validation = await _evaluator.RunAsync(
            _data, _runner.Slots, share => _progress?.Report(new TrainingProgress { Stage = TrainingStage.Validating, Epoch = _state.Epoch + 1, Epochs = _options.Epochs, Fraction = share }), cancellation, release: IsTight).ConfigureAwait(false);
        _validation.Stop();
        var rates = Rates(Position(Math.Max(0, _state.Step - 1)));
        _state.History.Add(new EpochReport(_state.Epoch + 1, _state.LossSum / Math.Max(1, _state.Images), rates[^1], validation));
        (_state.BestEpoch, _state.Waited) = IsBetter(validation) ? (_state.Epoch + 1, 0) : (_state.BestEpoch, _state.Waited + 1);
        if (KeptEpochOf(_state) == _state.Epoch + 1)
        {
            _kept = _runner.Slots.ReadEvaluated(IsPartOfAdapter);
        }

        Report(TrainingStage.EpochDone, validation);
        (_state.Epoch, _state.Batch, _state.LossSum, _state.Images) = (_state.Epoch + 1, 0, 0, 0);
        _state.Stopped = _options.Patience is { } patience && _state.Waited >= patience;
        if (_options.Folder is not null)
        {
            SaveCheckpoint();
        }
    }

    private SchedulePosition Position(long step) => new(step, StepsPerEpoch, (long)StepsPerEpoch * _options.Epochs) { ValidationLosses = [.. _state.History.Select(epoch => epoch.Validation.Loss)] };

    private OptimizerStep NextStep() => new(_state.Step + 1, Rates(Position(_state.Step)), _options.Schedule.Momentum(Position(_state.Step)));

    private List<double> Rates(SchedulePosition position)
    {
        var factor = _options.Schedule.Factor(position);
        return [.. _graph.Groups.Select(group => factor * _options.LearningRates.GetValueOrDefault(group, _optimizer.LearningRate))];
    }

    private bool IsBetter(ValidationReport validation)
    {
        var best = _state.History.Find(epoch => epoch.Epoch == _state.BestEpoch)?.Validation;
        return best is null || (_options.BestBy == BestBy.Loss ? validation.Loss < best.Loss
            : validation.HigherIsBetter ? validation.Score > best.Score : validation.Score < best.Score);
    }

    private int KeptEpochOf(RunState state) => _options.Keep == KeptEpoch.Last ? state.History.Count : state.BestEpoch;

    private void SaveCheckpoint() => _state.Save(CheckpointPath, _runner.Slots.Read(IsKept), _kept, _options.RecipeJson);

    private double WaitingShare => _data.Training.Waited / (_data.Training.Waited + _training.Elapsed + TimeSpan.FromTicks(1));

    private void Report(TrainingStage stage, ValidationReport? validation = null)
    {
        var done = (_state.Epoch + (_state.Batch / (double)_data.Training.Batches)) / _options.Epochs;
        var busy = _training.Elapsed + _data.Training.Waited;
        var batchesLeft = ((_options.Epochs - _state.Epoch) * (long)_data.Training.Batches) - _state.Batch;
        var rate = _imagesDone / Math.Max(1e-9, busy.TotalSeconds);
        var epochsHere = Math.Max(1, _state.History.Count);
        var validating = _validation.Elapsed.TotalSeconds / epochsHere * (_options.Epochs - _state.Epoch);
        _progress?.Report(new TrainingProgress
        {
            Stage = stage,
            Epoch = _state.Epoch + 1,
            Epochs = _options.Epochs,
            Fraction = done,
            Loss = _state.LossSum / Math.Max(1, _state.Images),
            ImagesPerSecond = rate,
            Remaining = TimeSpan.FromSeconds((batchesLeft * _data.Training.BatchSize / Math.Max(1e-9, rate)) + validating),
            WaitingShare = WaitingShare,
            Validation = validation,
        });
    }

    private TrainingReport Report(bool interrupted) => new()
    {
        Base = _task.Base?.Name,
        BaseSha256 = _task.Manifest?.WeightsSha256,
        Recipe = _options.RecipeJson is { } recipe ? JsonElement.Parse(recipe) : null,
        Split = _data.How,
        TrainingChips = _data.TrainingNames,
        ValidationChips = _data.ValidationNames,
        TrainableParameters = _graph.Parameters.Sum(slot => slot.Initial.Count),
        Epochs = _state.History,
        BestEpoch = _state.BestEpoch,
        KeptEpoch = KeptEpochOf(_state),
        Baselines = _baselines,
        Interrupted = interrupted,
        Calibration = _calibration,
        Resources = _resources.Result(),
        Steps = _state.Step,
        SkippedTiles = _data.Skipped,
        Features = _features?.Report ?? _featureReport,
        Memory = new MemoryReport(_plan, Process.GetCurrentProcess().PeakWorkingSet64),
        Timing = new TrainingTiming(
            _total.Elapsed.TotalSeconds, _training.Elapsed.TotalSeconds, _validation.Elapsed.TotalSeconds, _data.Training.Waited.TotalSeconds,
            _imagesDone / Math.Max(1e-9, _training.Elapsed.TotalSeconds)),
    };
}
