using System.Diagnostics;
using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Baselines;
using EoOnnx.Training.Data;
using EoOnnx.Training.Data.Synthetic;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Cli.Demo;

/// <summary>The main job from end to end: train an adapter on chips of one invented scene, evaluate it on another, map that scene.</summary>
internal sealed class DemoRun(string folder, SyntheticSceneOptions scene, ProgressSink progress)
{
    private const int Nir = 3, ShortWaveInfrared = 5;
    private static readonly (byte, byte, byte)[] Colors = [(70, 110, 70), (230, 60, 30)];

    private readonly List<DemoStage> _stages = [];

    /// <summary>The small encoder that ships with the program; how it was made stands beside it in the repository.</summary>
    public static string Encoder => Path.Combine(AppContext.BaseDirectory, "models", "demo-encoder.onnx");

    /// <summary>Does everything and writes <c>demo.json</c> last.</summary>
    public async Task<DemoResult> RunAsync(CancellationToken cancellation)
    {
        var start = Stopwatch.GetTimestamp();
        var scenes = await Stage("scenes", () => Task.FromResult(DemoScenes.Write(folder, scene, progress, cancellation)));
        var threshold = await Stage("threshold rule", () => Task.FromResult(IndexThreshold.Fit(Open(scenes.TrainingFolder), Nir, ShortWaveInfrared, cancellation)));
        await Train("head only", TrainingMethod.LinearProbe, "head-only", scenes, cancellation);
        var run = await Train("adapter", TrainingMethod.Lora, "run", scenes, cancellation);
        var scores = await Stage("evaluation", async () => new List<DemoScore>
        {
            Score("threshold on NBR", threshold.Evaluate(Open(scenes.EvaluationFolder), cancellation).Named(SyntheticScene.ClassNames)),
            await Evaluate("frozen encoder, trained head", "head-only", scenes, cancellation),
            await Evaluate("LoRA adapter and head", "run", scenes, cancellation),
        });
        var map = Path.Combine(folder, "map.tif");
        var report = await Stage("map", () => Map(scenes.Scene, map, cancellation));
        var picture = Path.Combine(folder, "quicklook.png");
        await Stage("picture", () =>
        {
            QuickLook.Write(picture, [QuickLookPanel.Composite(scenes.Scene, 6, 4, 3), QuickLookPanel.Classes(scenes.Truth, Colors), QuickLookPanel.Classes(map, Colors)]);
            return Task.FromResult(true);
        });
        var result = new DemoResult
        {
            Scores = scores,
            Stages = _stages,
            Seconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            TrainedNumbers = run.Report.TrainableParameters,
            PixelsPerSecond = report.Rate.PixelsPerSecond,
            Map = map,
            Picture = picture,
            Adapter = Path.Combine(folder, "run", "adapter.safetensors"),
            Model = Path.Combine(folder, "run", "model.onnx"),
            Report = Path.Combine(folder, "demo.json"),
        };
        AtomicFile.WriteText(result.Report, System.Text.Json.JsonSerializer.Serialize(result, JsonOutput.Document) + "\n");
        return result;
    }

    private Task<FitResult> Train(string stage, TrainingMethod method, string name, DemoScenes scenes, CancellationToken cancellation) => Stage(stage, () => TrainingJob.RunAsync(
        new TrainingRecipe
        {
            Model = Encoder,
            Data = Data(scenes.TrainingFolder),
            Method = new MethodRecipe { Name = method, Rank = 8, Targets = method == TrainingMethod.Lora ? ["attn.qkv:q,v", "mlp.fc1", "mlp.fc2"] : null },
            Decoder = new DecoderRecipe { Name = DecoderName.Conv, Channels = [32] },
            Optimizer = new OptimizerRecipe { LearningRate = 3e-3 },
            Run = new RunRecipe { Epochs = 10, Batch = 8, Seed = 1 },
        },
        new JobOptions { Folder = Path.Combine(folder, name) },
        progress.For<TrainingProgress>(now => TrainingStep.Within(stage, now)),
        cancellation));

    private async Task<DemoScore> Evaluate(string name, string run, DemoScenes scenes, CancellationToken cancellation)
    {
        using var model = EoModel.Load(Path.Combine(folder, run, "model.onnx"));
        using var adapter = model.LoadAdapter(Path.Combine(folder, run, "adapter.safetensors"));
        var report = await EvaluationJob.RunAsync(model, adapter, Data(scenes.EvaluationFolder), new EvaluationOptions { Batch = 8 }, progress.For<double>(share => new Step("evaluation", share, name)), cancellation);
        return Score(name, report.Metrics);
    }

    private async Task<SceneReport> Map(string scenePath, string map, CancellationToken cancellation)
    {
        using var model = EoModel.Load(Path.Combine(folder, "run", "model.onnx"));
        using var adapter = model.LoadAdapter(Path.Combine(folder, "run", "adapter.safetensors"));
        using var raster = RasterDataset.Open(scenePath);
        return await new ScenePipeline(model).RunAsync(
            raster, map, new SceneOptions { Adapter = adapter, Overwrite = true }, progress.For<SceneProgress>(now => new Step("map", (double)now.Tiles / now.TileCount)), cancellation);
    }

    private async Task<T> Stage<T>(string name, Func<Task<T>> work)
    {
        var start = Stopwatch.GetTimestamp();
        progress.Report(new Step(name));
        var result = await work();
        _stages.Add(new DemoStage(name, Stopwatch.GetElapsedTime(start).TotalSeconds));
        return result;
    }

    private static DataRecipe Data(string path) => new()
    {
        Folder = path,
        Classes = [.. SyntheticScene.ClassNames.Select(name => new ClassRecipe(name))],
    };

    private static RasterChipSource Open(string path) => new(ChipFolder.Find(new ChipFolderOptions { Folder = path }), new RasterChipOptions());

    private static DemoScore Score(string name, IReadOnlyDictionary<string, double> metrics) =>
        new(name, metrics["mIoU"], metrics[$"IoU_{SyntheticScene.ClassNames[SyntheticScene.Burned]}"]);
}
