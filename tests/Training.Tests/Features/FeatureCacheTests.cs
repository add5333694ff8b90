using System.Security.Cryptography;
using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Features;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Tests.Trainer;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Features;

public sealed class FeatureCacheTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-features-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    public static TheoryData<string> Methods => [.. Peft.Keys];

    private static readonly Dictionary<string, PeftOptions?> Peft = new()
    {
        ["linear probe"] = null,
        ["LoRA on the last block"] = new LoraOptions { Targets = ["attn.qkv:q,v"], Layers = [3], Rank = 4, Seed = 5 },
        ["LoRA in the last MLPs, with dropout"] = new LoraOptions { Targets = ["mlp.fc1", "mlp.fc2"], Layers = [2, 3], Rank = 4, Dropout = 0.3, Seed = 5 },
        ["DoRA on the last block"] = new LoraOptions { Targets = ["attn.proj"], Layers = [3], Rank = 4, Dora = true, Seed = 5 },
        ["last blocks"] = new LastBlocksOptions { Blocks = 2 },
    };

    [Theory, MemberData(nameof(Methods))]
    public async Task Training_on_kept_features_gives_the_bits_of_training_on_images(string method)
    {
        var plain = await FitAsync(method, FeatureCacheOptions.None, "plain");
        foreach (var mode in new[] { FeatureCaching.Auto, FeatureCaching.Memory, FeatureCaching.Disk })
        {
            var cached = await FitAsync(method, new FeatureCacheOptions { Mode = mode, Precision = mode == FeatureCaching.Auto ? null : FeaturePrecision.Float32 }, mode.ToString());
            Assert.Equal(mode == FeatureCaching.Disk ? mode : FeatureCaching.Memory, cached.Report.Features!.Mode);
            Assert.Equal(plain.Report.Epochs.Select(epoch => (epoch.TrainingLoss, epoch.Validation.Loss)), cached.Report.Epochs.Select(epoch => (epoch.TrainingLoss, epoch.Validation.Loss)));
            Assert.All(plain.Adapter.Tensors, tensor => Assert.Equal(tensor.Value.ToSingles(), cached.Adapter.Tensors[tensor.Key].ToSingles()));
        }
    }

    private Task<FitResult> FitAsync(string method, FeatureCacheOptions features, string name, int epochs = 8) => new AdapterTrainer(Task(method), Loss.CrossEntropy(255), new AdamW(0.01))
        .FitAsync(Runs.Data(), new FitOptions { Epochs = epochs, Folder = Path.Combine(_folder, name), Features = features, Threads = 2 });

    private static TaskModel Task(string method) => TaskModel.Compose(TestEncoder.Build(depth: 4), Peft[method], new LinearDecoder { Upsampling = 1, Classes = 2, Seed = 5 });
}
