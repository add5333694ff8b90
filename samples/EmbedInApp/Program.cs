// Everything a GIS program does with EoOnnx, on invented data: train, map into a file, map an array.
using EoOnnx.Raster;
using EoOnnx.Runtime;
using EoOnnx.Training.Data.Synthetic;
using EoOnnx.Training.Recipes;
using EoOnnx.Training.Trainer;

if (args is not [var encoder, var folder])
{
    Console.Error.WriteLine("Usage: EmbedInApp ENCODER.onnx FOLDER");
    return 2;
}

using var stop = new CancellationTokenSource();
Console.CancelKeyPress += (_, key) => (key.Cancel, _) = (true, stop.CancelAsync());

// A scene with labels, and a run folder with model.onnx and adapter.safetensors made from it.
var scene = SyntheticScene.Create(SyntheticSceneOptions.Plain(seed: 1) with { Size = 256 });
scene.WriteChips(Path.Combine(folder, "chips"), 64, scene.Truth);
var path = Path.Combine(folder, "scene.tif");
scene.WritePixels(path);
var fit = await TrainingJob.RunAsync(
    new TrainingRecipe
    {
        Model = encoder,
        Data = new DataRecipe { Folder = Path.Combine(folder, "chips"), Classes = [.. SyntheticScene.ClassNames.Select(name => new ClassRecipe(name))] },
        Method = new MethodRecipe { Name = TrainingMethod.LinearProbe },
        Decoder = new DecoderRecipe { Name = DecoderName.Conv, Channels = [16] },
        Optimizer = new OptimizerRecipe { LearningRate = 3e-3 },
        Run = new RunRecipe { Epochs = 20, Batch = 4, Seed = 1 },
    },
    new JobOptions { Folder = Path.Combine(folder, "run") }, progress: null, stop.Token);
Console.WriteLine($"trained {fit.Report.TrainableParameters} numbers");

// Into a file: with progress, cancellation and a report.
using var model = EoModel.Load(Path.Combine(folder, "run", "model.onnx"));
using var adapter = model.LoadAdapter(Path.Combine(folder, "run", "adapter.safetensors"));
var pipeline = new ScenePipeline(model);
var options = new SceneOptions { Adapter = adapter, Overwrite = true };
using var raster = RasterDataset.Open(path);
var progress = new Progress<SceneProgress>(now => Console.Error.Write($"\r{now.Stage} {now.Tiles}/{now.TileCount} "));
var report = await pipeline.RunAsync(raster, Path.Combine(folder, "map.tif"), options, progress, stop.Token);
foreach (var item in report.Classes)
{
    Console.WriteLine($"{item.Name}: {item.Pixels} pixels, {item.SquareKilometres:F2} km2");
}

// From an array into an array: no file on either side. EoModel is thread-safe, so both could run at once.
var profile = new RasterProfile
{
    Size = raster.Size, BandCount = SyntheticScene.BandNames.Count, Type = RasterType.UInt16, BandNames = SyntheticScene.BandNames,
};
var map = await pipeline.MapAsync(scene.Pixels, profile, options, cancellation: stop.Token);
Console.WriteLine($"in memory: {map.Pixels<byte>().Count(SyntheticScene.Burned)} pixels burned");
return 0;
