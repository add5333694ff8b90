using System.Diagnostics;
using EoOnnx.Decoders;
using EoOnnx.Export;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Memory;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Bench.Training;

/// <summary>
/// One measuring process: a forward pass, a training step (LoRA r = 8 on q and v of every block, linear head, cross-entropy, AdamW) or both in
/// turns, on the encoder that <c>export dofa --random --size base</c> writes.
/// </summary>
internal static class StepProbe
{
    private const int Classes = 2, Rank = 8;

    public static StepFigures Measure(StepSettings settings)
    {
        var (encoder, bands) = Encoder(settings);
        var task = Task(settings, encoder);
        if (settings.Subject == "run")
        {
            return Run(settings, task, bands);
        }

        using var workspace = new Workspace(new FitOptions { Threads = settings.Threads, PackWeights = settings.Pack });
        using var batch = FirstBatch(settings, bands);
        var peerName = "";
        using var forward = settings.Subject is "forward" or "turns" ? new ForwardPass(workspace, encoder) : null;
        using var step = settings.Subject is "step" or "turns" ? new TrainingStep(workspace, task, settings) : null;
        using var peer = settings.Subject == "turns" && settings.Peer ? TrainingPeer.Create(settings, bands, Rank, Classes, out peerName) : null;
        var (forwards, steps, peers) = (new List<double>(), new List<double>(), new List<double>());
        for (var turn = -1; turn < settings.Repetitions; turn++)
        {
            Time(forward is null ? null : () => forward.Run(batch, bands, settings.Tile), turn, forwards);
            Time(step is null ? null : () => step.Run(batch, turn + 2), turn, steps);
            Time(peer is null ? null : () => peer.Run(settings.Batch), turn, peers);
        }

        var ratio = forwards.Count > 0 && steps.Count > 0 ? Median([.. steps.Zip(forwards, (a, b) => a / b)]) : 0;
        return new StepFigures(Median(forwards), Median(steps), ratio, Process.GetCurrentProcess().PeakWorkingSet64, $"ONNX Runtime {OrtEnv.Instance().GetVersionString()}", PeerStep: Median(peers), Peer: peerName);
    }

    /// <summary>The step of each plan in turns with the forward pass of packed weights, the fastest there is.</summary>
    public static IReadOnlyList<PlanFigures> Plans(StepSettings settings)
    {
        var (encoder, bands) = Encoder(settings);
        var task = Task(settings, encoder);
        using var packed = new Workspace(new FitOptions { Threads = settings.Threads });
        using var mapped = new Workspace(new FitOptions { Threads = settings.Threads, PackWeights = false });
        using var batch = FirstBatch(settings, bands);
        using var forward = new ForwardPass(packed, encoder);
        var plans = new[] { (settings.Batch, Recompute.Nothing, true), (null, Recompute.Nothing, true), (1, Recompute.Nothing, true), (4, Recompute.Nothing, true), ((int?)null, Recompute.Nothing, false), (null, Recompute.Cheap, true), (null, Recompute.Cheap, false) }
            .Select(plan => (Recompute: plan.Item2, Pack: plan.Item3, Step: new TrainingStep(plan.Item3 ? packed : mapped, task, settings with { Part = plan.Item1, Recompute = plan.Item2 }), Times: new Times())).ToList();
        var forwards = new Times();
        for (var turn = -1; turn < settings.Repetitions; turn++)
        {
            forwards.Take(() => forward.Run(batch, bands, settings.Tile), turn);
            plans.ForEach(plan => plan.Times.Take(() => plan.Step.Run(batch, turn + 2), turn));
        }

        plans.ForEach(plan => plan.Step.Dispose());
        return [.. plans.Select(plan => new PlanFigures(
            plan.Step.Part, plan.Recompute.ToString(), plan.Pack, Median([.. plan.Times.Wall]), Median([.. plan.Times.Wall.Zip(forwards.Wall, (a, b) => a / b)]),
            plan.Times.Processor.Min(), plan.Times.Processor.Min() / forwards.Processor.Min()))];
    }

    /// <summary>The step with forward products in 8 bits against that in float32, in turns in one process: time, and what the first step makes of the gradients.</summary>
    public static void NarrowStep(StepSettings settings, TextWriter output)
    {
        var (encoder, bands) = Encoder(settings);
        var task = Task(settings, encoder);
        using var workspace = new Workspace(new FitOptions { Threads = settings.Threads });
        using var batch = FirstBatch(settings, bands);
        using var plain = new TrainingStep(workspace, task, settings);
        using var other = new Workspace(new FitOptions { Threads = settings.Threads });
        using var narrow = new TrainingStep(other, task, settings, model => output.WriteLine(FormattableString.Invariant($"{NarrowForward.Apply(model)} forward products in 8 bits")));
        var (loss, narrowLoss) = (plain.Run(batch, 1), narrow.Run(batch, 1));
        var (gradients, narrowGradients) = (plain.Gradients(), narrow.Gradients());
        output.WriteLine(FormattableString.Invariant($"loss {loss:F5} in float32, {narrowLoss:F5} in 8 bits"));
        foreach (var part in new[] { "lora_B", "decoder" }.Select(part => gradients.Keys.Where(name => name.Contains(part, StringComparison.Ordinal)).ToList()).Where(names => names.Count > 0))
        {
            var (a, b) = (part.SelectMany(name => gradients[name]).ToList(), part.SelectMany(name => narrowGradients[name]).ToList());
            var (own, others, both) = (a.Sum(value => (double)value * value), b.Sum(value => (double)value * value), a.Zip(b, (x, y) => (double)x * y).Sum());
            output.WriteLine(FormattableString.Invariant($"first gradient of {part[0]} and {part.Count - 1} more: cosine {both / Math.Sqrt(own * others):F4}, relative error {Math.Sqrt(a.Zip(b, (x, y) => Math.Pow(x - (double)y, 2)).Sum() / own):F4}"));
        }

        var (times, narrowTimes) = (new Times(), new Times());
        for (var turn = -1; turn < settings.Repetitions; turn++)
        {
            times.Take(() => plain.Run(batch, turn + 3), turn);
            narrowTimes.Take(() => narrow.Run(batch, turn + 3), turn);
        }

        output.WriteLine(FormattableString.Invariant($"step: {Median([.. times.Wall]):F3} s in float32, {Median([.. narrowTimes.Wall.Zip(times.Wall, (a, b) => a / b)]):F2} of it in 8 bits; processor time {times.Processor.Min():F3} s, {narrowTimes.Processor.Min() / times.Processor.Min():F2} of it"));
    }

    private static Batch FirstBatch(StepSettings settings, int bands)
    {
        var samples = Data(settings, bands).TrainingSamples;
        var batch = new Batch(settings.Batch, samples, _ => { }) { Chips = new int[settings.Batch] };
        for (var i = 0; i < settings.Batch; i++)
        {
            samples.Read(i, null, batch, i);
        }

        return batch;
    }

    /// <summary>Several epochs of two steps with validation through the trainer; images are not changed, so that features can be kept.</summary>
    public static EpochFigures Epochs(StepSettings settings)
    {
        var (encoder, bands) = Encoder(settings);
        var (clock, training, whole, start, last) = (Stopwatch.StartNew(), new List<double>(), new List<double>(), 0.0, 0.0);
        var progress = new Immediate(now =>
        {
            var seconds = clock.Elapsed.TotalSeconds;
            last = now.Stage == TrainingStage.Training ? seconds : last;
            if (now.Stage == TrainingStage.EpochDone)
            {
                if (now.Epoch > 1)   // the first one warms up
                {
                    training.Add(last - start);
                    whole.Add(seconds - start);
                }

                start = seconds;
            }
        });
        var fit = new FitOptions
        {
            Epochs = settings.Repetitions + 1,
            Threads = settings.Threads,
            PackWeights = settings.Pack,
            Features = new FeatureCacheOptions { Mode = settings.KeepFeatures ? FeatureCaching.Memory : FeatureCaching.Off },
        };
        var report = new AdapterTrainer(Task(settings, encoder), Loss.CrossEntropy(255), new AdamW(1e-3)).FitAsync(Data(settings, bands, Augmentation.None), fit, progress).GetAwaiter().GetResult().Report;
        return new EpochFigures(Median(training), Median(whole), report.Features!.Seconds, report.Memory!.MeasuredPeak, report.Features.Bytes);
    }

    private static TaskModel Task(StepSettings settings, OnnxModel encoder) => TaskModel.Compose(
        encoder,
        settings.Adapted == 0 ? null : new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = Rank, Layers = settings.Adapted is { } last ? [.. Enumerable.Range(settings.Depth - last, last)] : [], Seed = 1 },
        new LinearDecoder { Classes = Classes, Upsampling = 16, Seed = 1 });

    /// <summary>An epoch of two steps with validation through the trainer, as <c>train-adapter</c> makes it.</summary>
    private static StepFigures Run(StepSettings settings, TaskModel task, int bands)
    {
        var fit = new FitOptions { Epochs = 1, Threads = settings.Threads, PackWeights = settings.Pack, MemoryBudget = settings.MemoryBudget };
        var report = new AdapterTrainer(task, Loss.CrossEntropy(255), new AdamW(1e-3)).FitAsync(Data(settings, bands), fit).GetAwaiter().GetResult().Report;
        return new StepFigures(0, report.Timing.Steps / report.Steps, 0, report.Memory!.MeasuredPeak, report.Memory.Plan.Recompute.ToString(), report.Memory.Plan.EstimatedPeak);
    }

    // Two batches to train on and one held out.
    private static TrainingData Data(StepSettings settings, int bands, Augmentation? augmentation = null)
    {
        var (chips, pixels) = (3 * settings.Batch, settings.Tile * settings.Tile);
        var size = new PixelSize(settings.Tile, settings.Tile);
        var labels = Enumerable.Range(0, pixels).Select(i => (float)(i / 7 % Classes)).ToArray();
        var image = Enumerable.Range(0, bands * pixels).Select(i => MathF.Sin(i)).ToArray();
        var source = new ArrayChipSource([.. Enumerable.Range(0, chips).Select(chip => new ArrayChip($"chip {chip}", size, image, labels))]);
        return new TrainingData(
            source,
            DataSplit.LeaveOut(source.Chips, [.. Enumerable.Range(0, settings.Batch).Select(chip => $"chip {chip}")]),
            new SampleOptions { Tile = settings.Tile, Scaling = [.. Enumerable.Repeat(new ChannelScaling(0, 1), bands)], Classes = new ClassLabels { Classes = Classes }, Augmentation = augmentation ?? Augmentation.Standard },
            new BatchLoaderOptions { BatchSize = settings.Batch });
    }

    public static double Median(List<double> values)
    {
        values.Sort();
        return values.Count == 0 ? 0 : values[values.Count / 2];
    }

    // The file is read back: weights are then pages of a mapped file, as in a real run.
    private static (OnnxModel Encoder, int Bands) Encoder(StepSettings settings)
    {
        var folder = Path.Combine(Path.GetTempPath(), $"eoonnx-bench-encoder-{settings.Tile}-{settings.Depth}");
        var path = Path.Combine(folder, "encoder.onnx");
        if (!File.Exists(path))
        {
            Directory.CreateDirectory(folder);
            BackboneExport.FromRandom(Backbones.Find("dofa"), "base", 1, new BackboneOptions { Tile = settings.Tile, Layers = [settings.Depth - 1] }).Save(path, externalData: true);
        }

        var encoder = OnnxModel.Load(path);
        return (encoder, (int)encoder.Graph.Inputs[0].KnownShape[1].Value!.Value);
    }

    private static void Time(Action? work, int turn, List<double> seconds)
    {
        var clock = Stopwatch.StartNew();
        work?.Invoke();
        if (work is not null && turn >= 0)
        {
            seconds.Add(clock.Elapsed.TotalSeconds);
        }
    }

    private sealed class Times
    {
        public List<double> Wall { get; } = [];

        public List<double> Processor { get; } = [];

        public void Take(Action work, int turn)
        {
            var before = Environment.CpuUsage.TotalTime;
            Time(work, turn, Wall);
            if (turn >= 0)
            {
                Processor.Add((Environment.CpuUsage.TotalTime - before).TotalSeconds);
            }
        }
    }

    private sealed class Immediate(Action<TrainingProgress> report) : IProgress<TrainingProgress>
    {
        public void Report(TrainingProgress value) => report(value);
    }

    private sealed class ForwardPass(Workspace workspace, OnnxModel encoder) : IDisposable
    {
        private readonly InferenceSession _session = workspace.Open("forward", encoder);
        private readonly RunOptions _run = new();

        public void Run(Batch batch, int bands, int tile)
        {
            using var image = OrtValue.CreateTensorValueFromMemory(OrtMemoryInfo.DefaultInstance, batch.Images, [batch.Count, bands, tile, tile]);
            _session.Run(_run, [_session.InputNames[0]], [image], [_session.OutputNames[^1]]).Dispose();
        }

        public void Dispose()
        {
            _session.Dispose();
            _run.Dispose();
        }
    }

    private sealed class TrainingStep : IDisposable
    {
        private readonly TrainingGraph _graph;
        private readonly StepRunner _runner;

        public TrainingStep(Workspace workspace, TaskModel task, StepSettings settings, Action<OnnxModel>? rewrite = null)
        {
            var loss = Loss.CrossEntropy(255);
            Part = settings.Part ?? BatchParts.Size(task, loss, settings.Batch);
            _graph = GradientCompiler.Compile(task, loss, new AdamW(1e-3), new TrainingGraphOptions { Recompute = settings.Recompute, InParts = Part < settings.Batch });
            rewrite?.Invoke(_graph.Step);
            _runner = new StepRunner(_graph, workspace);
        }

        public int Part { get; }

        public double Run(Batch batch, int number)
        {
            var step = new OptimizerStep(number, [1e-3]);
            var loss = _runner.Run(batch, Part, step);
            if (_graph.Update is not null)
            {
                _runner.Update(step);
            }

            return loss;
        }

        /// <summary>After the first step: the optimizer's mean of gradients, a tenth of the only one.</summary>
        public Dictionary<string, float[]> Gradients() => _runner.Slots.Read(slot => slot.Name.EndsWith(".exp_avg", StringComparison.Ordinal)).ToDictionary(slot => slot.Key, slot => slot.Value.ToSingles());

        public void Dispose() => _runner.Dispose();
    }
}
