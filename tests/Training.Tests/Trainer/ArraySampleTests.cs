using EoOnnx.Decoders;
using EoOnnx.Decoders.Heads;
using EoOnnx.Export;
using EoOnnx.Formats;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;
using EoOnnx.Training.Trainer;

namespace EoOnnx.Training.Tests.Trainer;

/// <summary>Samples of several named arrays, as Presto takes them: series, dynamic world, place and month of a pixel.</summary>
public class ArraySampleTests
{
    private const int Count = 24, Steps = 6;

    [Theory, InlineData(false), InlineData(true)]
    public async Task Presto_learns_a_value_of_a_pixel_from_its_several_inputs(bool lora)
    {
        var encoder = BackboneExport.FromRandom(Backbones.All.Single(backbone => backbone.Name == "presto"), "default", 1, new BackboneOptions()).Model;
        var samples = Samples();
        var tally = new TargetTally(samples.Target);
        samples.WithLabels(training: true, seen: false, tally, TestContext.Current.CancellationToken);
        var statistics = tally.Scaling();
        var task = TaskModel.Compose(
            encoder, lora ? new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 2, Alpha = 4 } : null, new IdentityDecoder { Head = new ScalarHead { Classes = 1 } },
            new TaskDescription { Task = ModelTask.ScalarRegression, Unit = "cells/ml", Targets = statistics });
        var data = new TrainingData(samples.Subset([.. Enumerable.Range(0, 16)]), samples.Subset([.. Enumerable.Range(16, 8)]), "by number", new BatchLoaderOptions { BatchSize = 8 });
        var result = await new AdapterTrainer(task, Loss.Standardized(Loss.MeanSquaredError(), statistics), new AdamW(0.02)).FitAsync(data, new FitOptions { Epochs = 30 }, cancellation: TestContext.Current.CancellationToken);
        var (first, last) = (result.Report.Epochs[0], result.Report.Epochs[^1]);
        Assert.True(last.TrainingLoss < 0.3 * first.TrainingLoss, $"loss {first.TrainingLoss} → {last.TrainingLoss}");
        Assert.True(result.Report.Best!.Metrics["R2_Score"] > 0.5, $"R2 {result.Report.Best.Metrics["R2_Score"]}");
        Assert.Equal(("sample 16", 8), (result.Report.ValidationChips[0], result.Report.ValidationChips.Count));
        Assert.Equal((ModelTask.ScalarRegression, "cells/ml"), (task.Manifest!.Task, task.Manifest.Unit));
    }

    [Fact]
    public void Arrays_with_another_number_of_samples_are_refused()
    {
        var failure = Assert.Throws<TrainingDataException>(() => new ArraySamples(new Dictionary<string, TensorData> { ["series"] = RandomTensors.Constant([3, 2], 0) }, RandomTensors.Constant([4], 0)));
        Assert.Contains("'series' is [3, 2]; the targets have 4 samples", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_target_that_is_no_class_is_refused_with_its_sample()
    {
        var inputs = new Dictionary<string, TensorData> { ["x"] = RandomTensors.Constant([2, 2], 0) };
        var failure = Assert.Throws<TrainingDataException>(() => new ArraySamples(inputs, TensorData.FromValues<float>([2], [0, 3]), classes: 3, names: ["a", "b"]));
        Assert.Contains("sample 'b' is 3; expected a class from 0 to 2", failure.Message, StringComparison.Ordinal);
    }

    // The target follows the mean of the series; some values are missing, as on cloudy days.
    private static ArraySamples Samples()
    {
        var series = RandomTensors.Normal(7, "series", [Count, Steps, 17], 0.2).ToSingles();
        var targets = new float[Count];
        for (var i = 0; i < series.Length; i++)
        {
            var sample = i / (Steps * 17);
            var level = MathF.Sin(3 * sample);
            targets[sample] = 200 + (50 * level);
            series[i] = i % 23 == 0 ? float.NaN : series[i] + level;
        }

        return new ArraySamples(
            new Dictionary<string, TensorData>
            {
                ["series"] = TensorData.FromValues<float>([Count, Steps, 17], series),
                ["dynamic_world"] = TensorData.FromValues<long>([Count, Steps], [.. Enumerable.Range(0, Count * Steps).Select(i => (long)(i % 10))]),
                ["latlons"] = RandomTensors.Uniform(7, "latlons", [Count, 2], 40),
                ["month"] = TensorData.FromValues<long>([Count, Steps], [.. Enumerable.Range(0, Count * Steps).Select(i => (long)(i % 12))]),
            },
            TensorData.FromValues<float>([Count, 1], targets));
    }
}
