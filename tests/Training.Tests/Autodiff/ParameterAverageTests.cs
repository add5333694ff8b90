using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Tests;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Optimizers;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Tests.Autodiff;

public class ParameterAverageTests
{
    [Fact]
    public void The_average_follows_the_parameter_by_its_decay_and_faster_at_the_start()
    {
        const double decay = 0.3;
        var start = RandomTensors.Normal(1, "w", [2, 3], 1);
        var graph = new GraphBuilder("parameters");
        var optimizer = new StochasticGradientDescent();
        var update = new UpdateBuilder(optimizer, new TrainingGraphOptions { AverageDecay = decay }, ["w"]);
        var (model, slots) = update.Standalone([graph.OverridableInput("w", start)]);
        var scalars = new TrainingGraph(model, optimizer, update.WeightDecays) { DataInputs = [], Target = null!, Parameters = [], Slots = slots, Groups = update.Groups, AverageDecay = decay };
        using var options = Ort.Quiet;
        using var session = new InferenceSession(model.ToBytes(), options);
        var state = slots.ToDictionary(slot => slot.Name, slot => slot.Initial);
        var expected = Array.ConvertAll(start.ToSingles(), value => (double)value);
        for (var step = 1; step <= 8; step++)
        {
            var gradient = RandomTensors.Normal(step, "gradient", [2, 3], 1);
            var outputs = Ort.Run(session, [.. state.Select(item => (item.Key, item.Value)), ("w.gradient", gradient), (TrainingGraph.ScalarsName, scalars.Scalars(new OptimizerStep(step, [0.1])))]);
            state = slots.ToDictionary(slot => slot.Name, slot => outputs[slot.Output]);
            var (share, current) = (Math.Min(decay, (1.0 + step) / (10 + step)), state["w"].ToSingles());
            for (var i = 0; i < expected.Length; i++)
            {
                expected[i] = (share * expected[i]) + ((1 - share) * current[i]);
                Assert.Equal(expected[i], state["w.average"].ToSingles()[i], 1e-5);
            }
        }
    }

    [Theory, InlineData(0), InlineData(1), InlineData(double.NaN)]
    public void A_decay_outside_of_0_and_1_is_refused(double decay) =>
        Assert.Contains("over 0 and under 1", Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingGraphOptions { AverageDecay = decay }).Message, StringComparison.Ordinal);
}
