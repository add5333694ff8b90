using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Optimizers;

namespace EoOnnx.Training.Autodiff;

/// <summary>Appends clipping and the optimizer's update of all parameters to a graph.</summary>
internal sealed class UpdateBuilder
{
    private readonly Optimizer _optimizer;
    private readonly TrainingGraphOptions _options;
    private const string AverageShare = "average_share";

    private readonly int[] _groupOf;
    private readonly List<string> _scalarNames;

    public UpdateBuilder(Optimizer optimizer, TrainingGraphOptions options, IReadOnlyList<string> names)
    {
        (_optimizer, _options) = (optimizer, options);
        _groupOf = [.. names.Select(name => options.Groups.Select((group, i) => (group, i)).Where(item => item.group.Contains(name)).Select(item => item.i).DefaultIfEmpty(options.Groups.Count).First())];
        _scalarNames = [.. optimizer.ScalarNames, .. options.AverageDecay is null ? Array.Empty<string>() : [AverageShare]];
        Groups = [.. options.Groups.Select(group => group.Name), "default"];
        WeightDecays = [.. options.Groups.Select(group => group.WeightDecay ?? optimizer.WeightDecay), optimizer.WeightDecay];
    }

    public IReadOnlyList<string> Groups { get; }

    public IReadOnlyList<double> WeightDecays { get; }

    public int GroupOf(int parameter) => _groupOf[parameter];

    /// <summary>Appends the update and declares its outputs; returns the slots it reads and writes.</summary>
    public IReadOnlyList<TrainingSlot> Append(GraphBuilder op, IReadOnlyList<Value> parameters, IReadOnlyList<Value> gradients)
    {
        using var scope = op.Scope("update");
        var clipped = Clip(op, gradients);
        var states = new List<TrainingSlot>();
        var slots = new List<TrainingSlot>();
        var table = new Dictionary<(int Group, string Name), Value>();
        Value? scalars = null;
        for (var i = 0; i < parameters.Count; i++)
        {
            var (parameter, group) = (parameters[i], _groupOf[i]);
            var inputs = _optimizer.StateNames.Select(name => op.Input($"{parameter.Name}.{name}", parameter.Type, parameter.KnownShape)).ToList();
            var (next, nextStates) = _optimizer.Update(op, parameter, clipped[i], inputs, name => Scalar(group, name, parameter.Type));
            var slot = new TrainingSlot(parameter.Name, $"{parameter.Name}.next", TrainingSlotKind.Parameter, parameter.Data!, group);
            op.Output(next, slot.Output);
            slots.Add(slot);
            for (var j = 0; j < inputs.Count; j++)
            {
                var state = new TrainingSlot(inputs[j].Name, $"{inputs[j].Name}.next", TrainingSlotKind.OptimizerState, Zeros(parameter), group);
                op.Output(nextStates[j], state.Output);
                states.Add(state);
            }

            if (_options.AverageDecay is not null)
            {
                var old = op.Input(TrainingSlot.AverageOf(parameter.Name), parameter.Type, parameter.KnownShape);
                var average = new TrainingSlot(old.Name, $"{old.Name}.next", TrainingSlotKind.Average, parameter.Data!, group);
                op.Output(op.Add(old, op.Mul(op.Sub(next, old), Scalar(group, AverageShare, parameter.Type))), average.Output);
                states.Add(average);
            }
        }

        return [.. slots, .. states];

        Value Scalar(int group, string name, ElementType type)
        {
            scalars ??= op.Input(TrainingGraph.ScalarsName, ElementType.Float, [Groups.Count, _scalarNames.Count]);
            if (!table.TryGetValue((group, name), out var value))
            {
                var index = (group * _scalarNames.Count) + _scalarNames.IndexOf(name);
                value = op.Gather(op.Reshape(scalars, -1), op.Scalar(index, ElementType.Int64));
                table.Add((group, name), value);
            }

            return op.Cast(value, type);
        }
    }

    /// <summary>A model of its own that takes parameters, state and gradient sums.</summary>
    public (OnnxModel Model, IReadOnlyList<TrainingSlot> Slots) Standalone(IReadOnlyList<Value> parameters)
    {
        var op = new GraphBuilder("update");
        var inputs = parameters.Select(parameter => op.OverridableInput(parameter.Name, parameter.Data!, parameter.KnownShape)).ToList();
        var gradients = parameters.Select(parameter => op.Input($"{parameter.Name}.gradient", parameter.Type, parameter.KnownShape)).ToList();
        var slots = Append(op, inputs, gradients);
        foreach (var input in inputs)
        {
            op.Graph.RemoveInitializer(input);
        }

        op.Graph.RemoveUnused();
        return (new OnnxModel(op.Graph), slots);
    }

    public static TensorData Zeros(Value parameter) => TensorData.FromBytes(parameter.Type, parameter.Data!.Shape.AsSpan(), new byte[parameter.Data.ByteLength]);

    /// <summary>By value: clamp to ±c. By norm: g · min(1, c / (‖all g‖₂ + 1e-6)), as torch.nn.utils.clip_grad_norm_.</summary>
    private List<Value> Clip(GraphBuilder op, IReadOnlyList<Value> gradients)
    {
        var squares = gradients.Select(gradient => op.Reshape(op.ReduceSum(op.Mul(gradient, gradient), keepDims: false), 1)).ToArray();
        var all = squares.Length == 1 ? op.Identity(squares[0]) : op.Concat(0, squares);
        op.Output(all, TrainingGraph.GradientSquaresName);
        IEnumerable<Value> clipped = gradients;
        if (_options.ClipValue is { } limit)
        {
            clipped = clipped.Select(gradient => op.Clip(gradient, -limit, limit)).ToList();
        }

        if (_options.ClipNorm is { } norm)
        {
            var lengths = _options.ClipValue is null ? all : op.Concat(0, [.. clipped.Select(gradient => op.Reshape(op.ReduceSum(op.Mul(gradient, gradient), keepDims: false), 1))]);
            var length = op.Add(op.Sqrt(op.ReduceSum(lengths, keepDims: false)), 1e-6);
            var factor = op.Min(op.Div(op.Scalar(norm, length), length), op.Scalar(1, length));
            clipped = clipped.Select(gradient => op.Mul(gradient, factor));
        }

        return [.. clipped];
    }
}
