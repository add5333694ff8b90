using System.Text.Json;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Trainer.Schedules;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Tests.Golden;

/// <summary>Ten steps of every optimizer, schedule and way of clipping on a quadratic, against PyTorch.</summary>
/// <remarks>runs.json holds the learning rates and losses of each run, its "lr" and nothing else (README.md of the folder); the other hyper-parameters are what
/// the names of the runs say, with the defaults of PyTorch that spec/training.md lists in its sections 4 and 5.</remarks>
public class OptimizerGoldenTests
{
    private static readonly string[] Names = ["a", "b"];

    private static readonly Dictionary<string, Optimizer> Optimizers = new()
    {
        ["adamw"] = new AdamW(),
        ["adamw_wd0.1_betas"] = new AdamW { WeightDecay = 0.1, Beta1 = 0.8, Beta2 = 0.95 },
        ["adamw_amsgrad"] = new AdamW { AmsGrad = true },
        ["adam"] = new Adam(),
        ["adam_l2"] = new Adam { WeightDecay = 0.1 },
        ["sgd"] = new StochasticGradientDescent(),
        ["sgd_momentum"] = new StochasticGradientDescent { Momentum = 0.9 },
        ["sgd_nesterov_wd"] = new StochasticGradientDescent { Momentum = 0.9, Nesterov = true, WeightDecay = 0.1 },
        ["sgd_dampening"] = new StochasticGradientDescent { Momentum = 0.9, Dampening = 0.5 },
    };

    // Each with the number of steps that the run is long for the schedule.
    private static readonly Dictionary<string, (LearningRateSchedule Schedule, int Length)> Schedules = new()
    {
        ["cosine"] = (new CosineSchedule { WarmUp = 0, Minimum = 0.02 }, 10),
        ["warmup_cosine"] = (new WarmUpSchedule { Steps = 3, Start = 0.1, Then = new CosineSchedule { WarmUp = 0 } }, 10),
        ["lambda_warmup"] = (new WarmUpSchedule { Steps = 4, Then = new StepSchedule { Every = 2, Gamma = 0.5 } }, 10),
        ["step"] = (new StepSchedule { Every = 4, Gamma = 0.1 }, 10),
        ["multistep"] = (new MultiStepSchedule { Milestones = [2, 5], Gamma = 0.5 }, 10),
        ["exponential"] = (new ExponentialSchedule { Gamma = 0.9 }, 10),
        ["polynomial"] = (new PolynomialSchedule { Power = 0.9 }, 8),
        ["onecycle"] = (new OneCycleSchedule { CycleMomentum = false }, 10),
        ["cosine_restarts"] = (new CosineRestartsSchedule { Every = 4 }, 10),
    };

    private static readonly Dictionary<string, TrainingGraphOptions> Clipping = new()
    {
        ["clip_norm_1"] = new TrainingGraphOptions { ClipNorm = 1 }, ["clip_value_0.5"] = new TrainingGraphOptions { ClipValue = 0.5 },
    };

    private static string Folder => Path.Combine(SharedData.Golden, "training", "optimizers");

    public static TheoryData<string> Cases()
    {
        var file = Path.Combine(Folder, "runs.json");
        if (!File.Exists(file))
        {
            return ["absent"];
        }

        using var json = JsonDocument.Parse(File.ReadAllText(file));
        return [.. json.RootElement.GetProperty("runs").EnumerateObject().Select(run => run.Name)];
    }

    [Theory, MemberData(nameof(Cases))]
    public void Parameters_learning_rates_and_norms_agree_with_the_reference_at_every_step(string name)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(SharedData.Require(Path.Combine(Folder, "runs.json"))));
        var run = json.RootElement.GetProperty("runs").GetProperty(name);
        var tensors = SafetensorsFile.Open(Path.Combine(Folder, "trajectories.safetensors")).Tensors;
        var parts = name.Split('+');
        var steps = run.GetProperty("lr_used_at_each_step").GetArrayLength();
        var rate = json.RootElement.GetProperty("lr").GetDouble() * (parts[^1] == "onecycle" ? 2 : 1);   // OneCycleLR's max_lr
        var (schedule, length) = parts.Length > 1 && Schedules.TryGetValue(parts[1], out var found) ? found : (LearningRateSchedule.Constant, steps);
        var update = new UpdateBuilder(Optimizers[parts[0]], parts.Length > 1 ? Clipping.GetValueOrDefault(parts[1], new TrainingGraphOptions()) : new TrainingGraphOptions(), Names);
        var graph = new GraphBuilder("parameters");
        var (model, slots) = update.Standalone([.. Names.Select(part => graph.OverridableInput(part, tensors[$"start.{part}"]))]);
        var scalars = new TrainingGraph(model, Optimizers[parts[0]], update.WeightDecays)
        {
            DataInputs = [], Target = null!, Parameters = [], Slots = slots, Groups = update.Groups,
        };
        using var options = Ort.Quiet;
        using var session = new InferenceSession(model.ToBytes(), options);
        var state = slots.ToDictionary(slot => slot.Name, slot => slot.Initial);
        for (var step = 0; step < steps; step++)
        {
            var position = new SchedulePosition(step, 1, length);
            var scheduled = rate * schedule.Factor(position);
            Close([(float)run.GetProperty("lr_used_at_each_step")[step].GetDouble()], [(float)scheduled], $"{name}: learning rate of step {step + 1}");
            // The two micro-batches of the run with accumulation have the losses L and 1.5·L, each divided by 2.
            var factor = parts[^1] == "accumulate_2" ? (1 + 1.5f) / 2 : 1;
            var gradients = Names.Select(part => ($"{part}.gradient", Gradient(tensors, part, state[part], factor))).ToList();
            if (run.TryGetProperty("gradient_norms_before_clipping", out var norms))
            {
                Close([(float)norms[step].GetDouble()], [(float)Math.Sqrt(gradients.Sum(gradient => gradient.Item2.ToSingles().Sum(value => (double)value * value)))], $"{name}: norm of step {step + 1}");
            }

            var outputs = Ort.Run(session, [.. state.Select(item => (item.Key, item.Value)), .. gradients,
                (TrainingGraph.ScalarsName, scalars.Scalars(new OptimizerStep(step + 1, [scheduled], schedule.Momentum(position))))]);
            state = slots.ToDictionary(slot => slot.Name, slot => outputs[slot.Output]);
            foreach (var part in Names)
            {
                var all = tensors[$"{name}.{part}"].ToSingles();
                var count = (int)state[part].Count;
                Close(all[(step * count)..((step + 1) * count)], state[part].ToSingles(), $"{name}: {part} after step {step + 1}");
            }
        }
    }

    /// <summary>Of factor·0.5·Σ curvature·(p − target)².</summary>
    private static TensorData Gradient(IReadOnlyDictionary<string, TensorData> tensors, string part, TensorData p, float factor)
    {
        var (curvature, target, values) = (tensors[$"curvature.{part}"].ToSingles(), tensors[$"target.{part}"].ToSingles(), p.ToSingles());
        return TensorData.FromValues<float>(p.Shape.AsSpan(), [.. values.Select((value, i) => factor * curvature[i] * (value - target[i]))]);
    }

    private static void Close(float[] expected, float[] actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(expected[i] - actual[i]) <= 1e-6 + (1e-4 * Math.Abs(expected[i])), $"{what}[{i}]: expected {expected[i]}, found {actual[i]}.");
        }
    }
}
