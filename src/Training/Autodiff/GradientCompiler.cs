using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;

namespace EoOnnx.Training.Autodiff;

/// <summary>
/// Compiles a task into a training graph: forward pass, loss, gradients of the trainable tensors only, clipping and the
/// optimizer's update, all as ordinary ONNX nodes.
/// </summary>
public static class GradientCompiler
{
    /// <summary>Compiles one training step.</summary>
    /// <param name="task">The task; it is not changed, and its frozen weights are shared, not copied.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="optimizer">The update rule.</param>
    /// <param name="options">Groups, clipping, accumulation.</param>
    /// <returns>The step as a model, and what to feed it.</returns>
    /// <exception cref="TrainingException">An operator on the way to a trainable tensor has no gradient rule, or a trainable tensor
    /// does not influence the loss; the message names it.</exception>
    public static TrainingGraph Compile(TaskModel task, Loss loss, Optimizer optimizer, TrainingGraphOptions? options = null)
    {
        options ??= new TrainingGraphOptions();
        var model = task.TrainingModel.Clone();
        var op = new GraphBuilder(model.Graph);
        KeyLayout.Apply(op);
        var parameters = task.Trainables.Select(trainable => model.Graph.FindInput(trainable.Name)
            ?? throw new TrainingException($"The task model has no input named {trainable.Name}, which is listed as trainable.")).ToList();
        var dataInputs = model.Graph.Inputs.Where(input => input.Data is null).ToList();
        var prediction = model.Graph.FindOutput(TaskModel.PredictionName)
            ?? throw new TrainingException($"The task model has no output named {TaskModel.PredictionName}; it has {string.Join(", ", model.Graph.Outputs.Select(output => output.Name))}.");
        var target = op.Input(TrainingGraph.TargetName, loss.TargetType, loss.TargetShape(prediction.KnownShape));
        Value objective;
        using (op.Scope("loss"))
        {
            objective = loss.Build(op, prediction, target);
            foreach (var (output, weight) in task.Auxiliaries)
            {
                objective = op.Add(objective, op.Mul(loss.Build(op, model.Graph.FindOutput(output)!, target), weight));
            }
        }

        var share = options.InParts ? op.Input(TrainingGraph.ShareName, objective.Type, []) : options.Accumulation > 1 ? op.Scalar(1.0 / options.Accumulation, objective) : null;
        var backward = Backpropagation.Differentiate(op, objective, parameters, share, options.Recompute);
        var gradients = backward.Gradients;
        for (var i = 0; i < parameters.Count; i++)
        {
            if (gradients[i] is null)
            {
                throw new TrainingException($"{parameters[i].Name} does not influence the loss, so it cannot be trained. Leave it out of the trainable tensors.");
            }
        }

        var update = new UpdateBuilder(optimizer, options, [.. task.Trainables.Select(trainable => trainable.Name)]);
        var buffers = Buffers(op, task);
        op.Graph.SetOutputs();
        op.Output(objective, TrainingGraph.LossName);
        if (!options.AddsUp)
        {
            var slots = update.Append(op, parameters, gradients!);
            return Product(model, optimizer, update, [.. slots, .. Finish(op, buffers)], dataInputs, target, loss, options, null, [], backward);
        }

        var sums = new List<TrainingSlot>();
        for (var i = 0; i < parameters.Count; i++)
        {
            var slot = new TrainingSlot($"{parameters[i].Name}.gradient", $"{parameters[i].Name}.gradient.next", TrainingSlotKind.GradientSum, UpdateBuilder.Zeros(parameters[i]), update.GroupOf(i));
            var sum = op.Input(slot.Name, parameters[i].Type, parameters[i].KnownShape);
            op.Output(op.Add(sum, gradients[i]!), slot.Output);
            sums.Add(slot);
        }

        var (updateModel, updateSlots) = update.Standalone(parameters);
        return Product(model, optimizer, update, [.. updateSlots, .. Finish(op, buffers)], dataInputs, target, loss, options, updateModel, sums, backward);
    }

    /// <summary>The values that task outputs named <c>NAME.next</c> give to buffers named NAME.</summary>
    private static List<(Value Buffer, Value Next)> Buffers(GraphBuilder op, TaskModel task) => [.. task.Buffers.Select(name => (
        op.Graph.FindInput(name) ?? throw new TrainingException($"The task model has no input named {name}, which is listed as a buffer."),
        op.Graph.FindOutput($"{name}.next") ?? throw new TrainingException($"The task model has no output named {name}.next for its buffer {name}.")))];

    private static IEnumerable<TrainingSlot> Finish(GraphBuilder op, List<(Value Buffer, Value Next)> buffers)
    {
        foreach (var (buffer, next) in buffers)
        {
            op.Graph.SetOutputs([.. op.Graph.Outputs, next]);
            yield return new TrainingSlot(buffer.Name, next.Name, TrainingSlotKind.Buffer, buffer.Data!, 0);
        }
    }

    private static TrainingGraph Product(
        OnnxModel model, Optimizer optimizer, UpdateBuilder update, IReadOnlyList<TrainingSlot> slots, IReadOnlyList<Value> dataInputs, Value target,
        Loss loss, TrainingGraphOptions options, OnnxModel? updateModel, IReadOnlyList<TrainingSlot> sums, BackwardPass backward)
    {
        var graph = model.Graph;

        // Parameters and buffers are fed at every step: without a default nobody can forget one.
        foreach (var slot in slots.Where(slot => slot.Kind is TrainingSlotKind.Parameter or TrainingSlotKind.Buffer))
        {
            if (graph.FindInput(slot.Name) is { Data: not null } input)
            {
                graph.RemoveInitializer(input);
            }
        }

        foreach (var input in graph.Inputs.Except([.. dataInputs, target]).ToList())
        {
            graph.MoveInputToEnd(input);
        }

        graph.RemoveUnused();
        foreach (var unused in graph.Inputs.Where(input => slots.Any(slot => slot.Name == input.Name) && !graph.Consumers(input).Any()).ToList())
        {
            graph.RemoveInput(unused);
        }

        if (options.Base == FrozenBase.Int8)
        {
            NarrowForward.Apply(model);
        }

        graph.Sort();
        return new TrainingGraph(model, optimizer, update.WeightDecays)
        {
            Update = updateModel,
            DataInputs = dataInputs,
            Target = target,
            Parameters = [.. slots.Where(slot => slot.Kind == TrainingSlotKind.Parameter)],
            Slots = slots,
            GradientSums = sums,
            Groups = update.Groups,
            Accumulation = options.Accumulation,
            PartWeights = options.InParts ? loss.MeanOver ?? throw new ArgumentException("A batch can go through in parts when its loss is a mean over targets.", nameof(loss)) : null,
            AverageDecay = options.AverageDecay,
            Recompute = options.Recompute,
            Kept = [.. backward.Kept.Select(value => value.Name)],
            Recomputed = [.. backward.Recomputed.Select(value => value.Name)],
        };
    }
}
