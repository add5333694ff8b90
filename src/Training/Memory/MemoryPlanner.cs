using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;

namespace EoOnnx.Training.Memory;

/// <summary>Compiles a task so that the run fits into a budget, giving up as little speed as that takes.</summary>
internal static class MemoryPlanner
{
    // Program, .NET and ONNX Runtime with two loaded graphs and no weights.
    private const long Runtimes = 230_000_000;

    // ONNX Runtime's arena rounds up and cannot use every gap; about a seventh over the sum of the values.
    private const double ArenaOverhead = 1.15;

    // From the fastest to the smallest. Recomputing products reads their weights a third time, so it only pays where they are not packed.
    private static readonly (Recompute Recompute, bool Pack)[] Choices =
        [(Recompute.Nothing, true), (Recompute.Cheap, true), (Recompute.Cheap, false), (Recompute.Products, false)];

    /// <summary>The fastest training graph that fits.</summary>
    /// <param name="task">The task.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="optimizer">The update rule.</param>
    /// <param name="options">Groups, clipping, accumulation.</param>
    /// <param name="request">Batch, budget, and whether weights may be packed.</param>
    /// <exception cref="MemoryBudgetException">Even the smallest plan is over the budget.</exception>
    public static (TrainingGraph Graph, MemoryPlan Plan) Compile(TaskModel task, Loss loss, Optimizer optimizer, TrainingGraphOptions options, MemoryRequest request)
    {
        var smallest = long.MaxValue;
        foreach (var (recompute, pack) in Choices.Where(choice => request.PackWeights || !choice.Pack || request.Budget is null))
        {
            var graph = GradientCompiler.Compile(task, loss, optimizer, options with { Recompute = recompute > options.Recompute ? recompute : options.Recompute });
            var plan = Plan(task, graph, request, pack && request.PackWeights);
            if (request.Budget is null || plan.EstimatedPeak <= request.Budget)
            {
                return (graph, plan);
            }

            smallest = Math.Min(smallest, plan.EstimatedPeak);
        }

        throw new MemoryBudgetException(
            smallest, $"The run needs about {new MemorySize(smallest)} with batches of {request.Batch}, even when values are computed again and weights stay unpacked; {new MemorySize(request.Budget!.Value)} were allowed. Use a smaller batch with more accumulation, or allow more memory.");
    }

    private static MemoryPlan Plan(TaskModel task, TrainingGraph graph, MemoryRequest request, bool pack)
    {
        var batchBytes = graph.DataInputs.Append(graph.Target).Sum(input => input.KnownShape.Aggregate((long)input.Type.SizeInBytes(), (product, dim) => product * (dim.Value ?? request.Batch)));
        var models = new[] { graph.Step, task.InferenceModel };
        return new MemoryPlan
        {
            Recompute = graph.Recompute,
            PackWeights = pack,
            Budget = request.Budget,
            KeptBytes = ValueMemory.Of(graph.Step, graph.Kept, request.Batch),
            RecomputedBytes = ValueMemory.Of(graph.Step, graph.Recomputed, request.Batch),
            ValueBytes = (long)(ArenaOverhead * ValueMemory.Peak(graph.Step, request.Batch)),
            ValidationBytes = (long)(ArenaOverhead * ValueMemory.Peak(task.InferenceModel, request.Batch)),
            WeightBytes = models.Sum(model => Weights(model, pack)),
            FeatureBytes = request.FeatureBytes,
            FeaturePassBytes = request.Before.Select(model => Weights(model, pack) + (long)(ArenaOverhead * ValueMemory.Peak(model, request.Batch))).DefaultIfEmpty().Max(),
            StateBytes = 2 * graph.Slots.Concat(graph.GradientSums).Sum(slot => slot.Initial.ByteLength),
            FixedBytes = Runtimes + ((request.Workers + 2) * batchBytes),
        };
    }

    /// <summary>Weights in memory: one packed copy for each product that reads one, or the pages of the mapped file.</summary>
    private static long Weights(OnnxModel model, bool pack)
    {
        var packed = 0L;
        var onlyPacked = new HashSet<Value>();
        foreach (var node in model.Graph.Nodes.Where(node => pack && node.OpType is "MatMul" or "FusedMatMul" or "Gemm"))
        {
            if (node.OptionalInput(1) is { Producer: null, Data: { Shape.Length: 2 } data } weight && model.Graph.FindInput(weight.Name) is null)
            {
                packed += data.ByteLength;
                onlyPacked.Add(weight);
            }
        }

        return packed + model.Graph.Initializers.Where(value => !onlyPacked.Contains(value)).Sum(value => value.Data!.ByteLength);
    }
}

/// <summary>What a plan is made for.</summary>
/// <param name="Batch">Samples of a batch.</param>
/// <param name="Budget">The most that the process may take, in bytes; null sets no limit.</param>
/// <param name="PackWeights">True when weights may be packed.</param>
/// <param name="Workers">Batches that are made ahead.</param>
internal sealed record MemoryRequest(int Batch, long? Budget, bool PackWeights, int Workers)
{
    /// <summary>Features that are kept in memory, in bytes.</summary>
    public long FeatureBytes { get; init; }

    /// <summary>Graphs that run before the first step, one after the other.</summary>
    public IReadOnlyList<OnnxModel> Before { get; init; } = [];
}

/// <summary>A run cannot be made to fit its budget.</summary>
internal sealed class MemoryBudgetException(long needed, string message) : TrainingException(message)
{
    /// <summary>Bytes of the smallest plan.</summary>
    public long Needed => needed;
}
