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

    // What a run of a ViT-B may take when nobody set a budget: 0.6 times the peak of PyTorch with PEFT.
    private const long UsualPeak = 1_650_000_000;

    // From the fastest to the smallest: for a ViT-B, weights that are not packed cost about 2 % of a step, cheap values computed again about 4 %. Recomputing products reads their
    // weights a third time, so it only pays where they are not packed.
    private static readonly (Recompute Recompute, bool Pack)[] Choices =
        [(Recompute.Nothing, true), (Recompute.Nothing, false), (Recompute.Cheap, true), (Recompute.Cheap, false), (Recompute.Products, false)];

    /// <summary>The fastest training graph that fits.</summary>
    /// <param name="task">The task.</param>
    /// <param name="loss">The objective.</param>
    /// <param name="optimizer">The update rule.</param>
    /// <param name="options">Groups, clipping, accumulation.</param>
    /// <param name="request">Batch, budget, and whether weights may be packed.</param>
    /// <exception cref="MemoryBudgetException">Even the smallest plan is over the budget.</exception>
    public static (TrainingGraph Graph, MemoryPlan Plan) Compile(TaskModel task, Loss loss, Optimizer optimizer, TrainingGraphOptions options, MemoryRequest request)
    {
        if (request.Budget is null)
        {
            return CompileWithoutBudget(task, loss, optimizer, options, request);
        }

        var smallest = long.MaxValue;
        foreach (var (recompute, pack) in Choices.Where(choice => request.PackWeights || !choice.Pack))
        {
            var (graph, plan) = Compile(task, loss, optimizer, options, request, recompute, pack, takesTurns: true);
            if (plan.EstimatedPeak <= request.Budget)
            {
                return (graph, plan);
            }

            smallest = Math.Min(smallest, plan.EstimatedPeak);
        }

        throw new MemoryBudgetException(
            smallest, $"The run needs about {new MemorySize(smallest)} with batches of {request.Batch}, even when values are computed again and weights stay unpacked; {new MemorySize(request.Budget.Value)} were allowed. Use a smaller batch with more accumulation, or allow more memory.");
    }

    /// <summary>The fastest way when that is a usual size, else the first of those that lose little time by giving memory up and are one, else the smallest of these.</summary>
    private static (TrainingGraph Graph, MemoryPlan Plan) CompileWithoutBudget(TaskModel task, Loss loss, Optimizer optimizer, TrainingGraphOptions options, MemoryRequest request)
    {
        var choice = Compile(task, loss, optimizer, options, request, Recompute.Nothing, pack: true, takesTurns: false);
        foreach (var (recompute, pack) in Choices.Skip(1).Where(other => other.Recompute <= Recompute.Cheap && (request.PackWeights || !other.Pack)))
        {
            if (choice.Plan.EstimatedPeak <= UsualPeak)
            {
                break;
            }

            choice = Compile(task, loss, optimizer, options, request, recompute, pack, takesTurns: true);
        }

        return choice;
    }

    private static (TrainingGraph Graph, MemoryPlan Plan) Compile(
        TaskModel task, Loss loss, Optimizer optimizer, TrainingGraphOptions options, MemoryRequest request, Recompute recompute, bool pack, bool takesTurns)
    {
        var part = request.Part ?? BatchParts.Size(task, loss, request.Batch);
        var graph = GradientCompiler.Compile(task, loss, optimizer, options with { Recompute = recompute > options.Recompute ? recompute : options.Recompute, InParts = part < request.Batch });
        return (graph, Plan(task, graph, request, part, pack && request.PackWeights) with { TakesTurns = takesTurns });
    }

    private static MemoryPlan Plan(TaskModel task, TrainingGraph graph, MemoryRequest request, int part, bool pack)
    {
        var batchBytes = graph.DataInputs.Append(graph.Target).Sum(input => input.KnownShape.Aggregate((long)input.Type.SizeInBytes(), (product, dim) => product * (dim.Value ?? request.Batch)));
        var (kept, read) = Weights([graph.Step, task.InferenceModel], pack);
        var before = request.Before.Select(model => (Kept: Weights([model], pack), Values: (long)(ArenaOverhead * ValueMemory.Peak(model, request.Batch)))).ToList();
        return new MemoryPlan
        {
            Part = part,
            Recompute = graph.Recompute,
            PackWeights = pack,
            Budget = request.Budget,
            KeptBytes = ValueMemory.Of(graph.Step, graph.Kept, part),
            RecomputedBytes = ValueMemory.Of(graph.Step, graph.Recomputed, part),
            ValueBytes = (long)(ArenaOverhead * ValueMemory.Peak(graph.Step, part)),
            ValidationBytes = (long)(ArenaOverhead * ValueMemory.Peak(task.InferenceModel, request.Batch)),
            WeightBytes = kept,
            FeatureBytes = request.FeatureBytes,
            FeaturePassBytes = before.Select(pass => pass.Kept.Kept + Math.Max(pass.Kept.Read, pass.Values)).DefaultIfEmpty().Max(),
            PackingBytes = read,
            StateBytes = 2 * graph.Slots.Concat(graph.GradientSums).Sum(slot => slot.Initial.ByteLength),
            FixedBytes = Runtimes + ((request.Workers + 2) * batchBytes),
        };
    }

    /// <summary>Weights in memory: a packed copy for each form in which a product reads one, whatever the number of graphs, and of the rest the pages of the
    /// mapped file; and the pages that are read while weights are packed.</summary>
    private static (long Kept, long Read) Weights(IReadOnlyList<OnnxModel> models, bool pack)
    {
        var packed = new HashSet<(TensorData Weight, string Form)>();
        var (onlyPacked, read) = (new HashSet<TensorData>(), new HashSet<TensorData>());
        foreach (var model in models)
        {
            foreach (var node in model.Graph.Nodes)
            {
                foreach (var data in node.Inputs.OfType<Value>().Where(input => input is { Producer: null, Data: not null } && model.Graph.FindInput(input.Name) is null).Select(input => input.Data!))
                {
                    if (pack && node.OpType is "MatMul" or "FusedMatMul" or "Gemm" && node.OptionalInput(1)?.Data == data && data.Shape.Length == 2)
                    {
                        packed.Add((data, FormattableString.Invariant($"{(node.OpType == "Gemm" ? "Gemm" : "MatMul")} {node.Int("transB", 0)}")));
                        onlyPacked.Add(data);
                    }
                    else
                    {
                        read.Add(data);
                    }
                }
            }
        }

        onlyPacked.ExceptWith(read);
        return (packed.Sum(copy => copy.Weight.ByteLength) + read.Sum(data => data.ByteLength), onlyPacked.Sum(data => data.ByteLength));
    }
}

/// <summary>What a plan is made for.</summary>
/// <param name="Batch">Samples of a batch.</param>
/// <param name="Budget">The most that the process may take, in bytes; null sets no limit.</param>
/// <param name="PackWeights">True when weights may be packed.</param>
/// <param name="Workers">Batches that are made ahead.</param>
internal sealed record MemoryRequest(int Batch, long? Budget, bool PackWeights, int Workers)
{
    /// <summary>Samples that go through together; null chooses.</summary>
    public int? Part { get; init; }

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
