using System.Globalization;
using EoOnnx.Decoders.Layers;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>What a graph is for.</summary>
internal enum GraphForm
{
    /// <summary>It is differentiated: scaling is a constant, ranks are fixed.</summary>
    Training,

    /// <summary>It is run with adapters that are swapped: scaling is folded into the adapter, ranks are symbols.</summary>
    Inference,
}

/// <summary>A graph that is being made trainable, and the list of its trainable tensors so far.</summary>
/// <param name="op">Builder of the graph.</param>
/// <param name="form">What the graph is for.</param>
/// <param name="seed">Seed of initial values.</param>
/// <param name="layers">Layers behind the encoder, which share the counter of dropout; null for a graph that is not trained.</param>
internal sealed class PeftGraph(GraphBuilder op, GraphForm form, long seed, LayerBuilder? layers = null)
{
    private readonly List<TrainableTensor> _trainables = [];
    private readonly Dictionary<string, string> _claims = new(StringComparer.Ordinal);

    public GraphBuilder Op { get; } = op;

    public GraphForm Form { get; } = form;

    /// <summary>Seed of the initial values that are drawn next.</summary>
    public long Seed { get; set; } = seed;

    /// <summary>What makes prefixes while they are trained; null when they are trained themselves.</summary>
    public PrefixEncoder? Reparametrization { get; set; }

    public IReadOnlyList<TrainableTensor> Trainables => _trainables;

    /// <summary>Zeroes elements with a probability and divides the rest by 1 − probability, in a training graph.</summary>
    public Value Dropout(Value x, double probability) => Form == GraphForm.Training && layers is not null ? layers.Dropout(x, probability) : x;

    /// <summary>Removes what a rewrite has replaced; the counter of dropout, which becomes an output later, stays.</summary>
    public void RemoveUnused()
    {
        var outputs = Op.Graph.Outputs.ToList();
        Op.Graph.SetOutputs([.. outputs, .. layers?.Buffers.Select(buffer => buffer.Next) ?? []]);
        Op.Graph.RemoveUnused();
        Op.Graph.SetOutputs(outputs);
    }

    /// <summary>Notes that a method changes a layer.</summary>
    /// <exception cref="TrainingException">Another one does so already.</exception>
    public void Claim(string path, string method)
    {
        if (!_claims.TryAdd(path, method))
        {
            throw new TrainingException($"{path} would carry {_claims[path]} and {method}; one layer takes one of them. Give them different targets.");
        }
    }

    /// <summary>Adds a trainable tensor.</summary>
    /// <param name="name">Its name; the reference implementation's where there is one.</param>
    /// <param name="initial">Its untrained value.</param>
    /// <param name="shape">The declared shape, where inference allows more than the shape of the initial value.</param>
    /// <param name="scale">What inference multiplies it with: training graphs hold this as a constant of their own.</param>
    public Value Add(string name, TensorData initial, TensorShape? shape = null, double scale = 1)
    {
        if (Form == GraphForm.Inference && scale != 1)
        {
            initial = LoraTensors.Scaled(initial, scale);
        }

        var input = Op.OverridableInput(name, initial, Form == GraphForm.Inference ? shape : null);
        _trainables.Add(new TrainableTensor(name, TrainableTensor.EncoderPrefix + name, scale));
        return input;
    }

    /// <summary>Makes a frozen tensor trainable. The weight of a linear layer becomes [out, in], the reference's orientation.</summary>
    public void Thaw(Value constant, string? name = null)
    {
        if (_trainables.Any(known => known.Name == constant.Name))
        {
            return;
        }

        if (constant.Name.EndsWith(".weight", StringComparison.Ordinal) && _claims.TryGetValue(constant.Name[..^".weight".Length], out var method))
        {
            throw new TrainingException($"{constant.Name} would be trained itself and carry {method}; one of them is enough. Choose other targets, or train other blocks.");
        }

        name ??= constant.Name;
        var data = constant.Data!;
        var isLinear = data.Shape.Length == 2 && constant.Name.EndsWith(".weight", StringComparison.Ordinal)
            && Op.Graph.Consumers(constant).All(node => node.OpType == "MatMul" && node.Input(1) == constant);
        Op.Graph.Rename(constant, $"{constant.Name}.frozen");
        var input = Add(name, isLinear ? Transposed(data) : data);
        var users = Op.Graph.Consumers(constant).ToHashSet();
        Op.Graph.ReplaceUses(constant, isLinear ? Op.Transpose(input, 1, 0) : input, users.Contains);
        Op.Graph.RemoveInitializer(constant);
    }

    /// <summary>Makes the tensors of whole modules trainable.</summary>
    /// <exception cref="TrainingException">No tensor belongs to a module.</exception>
    public void ThawModules(IEnumerable<string> modules)
    {
        foreach (var module in modules)
        {
            var tensors = Constants().Where(value => value.Name.StartsWith($"{module}.", StringComparison.Ordinal)
                || value.Name.Contains($".{module}.", StringComparison.Ordinal)).ToList();
            if (tensors.Count == 0)
            {
                throw new TrainingException($"No tensor belongs to module '{module}', which is to be trained in full. Modules are named as in the checkpoint, for example head or blocks.11.mlp.");
            }

            tensors.ForEach(tensor => Thaw(tensor));
        }
    }

    /// <summary>Named floating-point constants that are not trainable yet.</summary>
    public IEnumerable<Value> Constants() => Op.Graph.Initializers.Where(value =>
        value.Type.IsFloatingPoint() && !value.Name.StartsWith("constant", StringComparison.Ordinal) && !Op.Graph.Inputs.Contains(value));

    /// <summary>The layers or parts that a pattern chooses.</summary>
    /// <param name="targets">The pattern.</param>
    /// <param name="exclude">What is left out; null leaves out nothing.</param>
    /// <param name="fusedName">Last word of the path of fused projections.</param>
    /// <param name="alsoWanted">Which paths may be chosen at all; null allows all.</param>
    /// <param name="convolutions">Paths of the convolutions that entries may hit instead; there may be no linear layer then.</param>
    /// <exception cref="TrainingException">An entry of the pattern hits nothing.</exception>
    public IReadOnlyList<AdapterSite> Sites(TargetPattern targets, TargetPattern? exclude, string fusedName, Func<string, bool>? alsoWanted = null, IReadOnlyList<string>? convolutions = null)
    {
        var all = LinearLayer.Find(Op.Graph).SelectMany(layer => AdapterSite.Of(layer, fusedName)).ToList();
        var paths = all.Select(site => site.Path).ToList();
        var kinds = convolutions is null ? "linear layer" : "linear layer or convolution";
        if (targets.Missed([.. paths, .. convolutions ?? []]).FirstOrDefault() is { } missed)
        {
            throw new TrainingException($"The target '{missed}' hits no {kinds}. The layers are {string.Join(", ", paths.Select(Ending).Concat(convolutions ?? []).Distinct().Take(12))}.");
        }

        var hit = all.Where(site => targets.Hits(site.Path) && exclude?.Hits(site.Path) != true && alsoWanted?.Invoke(site.Path) != false).ToList();
        if (hit.Count == 0 && convolutions?.Any(path => targets.HitsConvolution(path) && exclude?.Hits(path) != true && alsoWanted?.Invoke(path) != false) != true)
        {
            throw new TrainingException($"Targets, exclusions and layer choice together leave no linear layer. The layers are {string.Join(", ", paths.Select(Ending).Distinct().Take(12))}.");
        }

        if (hit.FirstOrDefault(site => site.Path != site.Layer.Path && hit.Exists(whole => whole.Path == site.Layer.Path)) is { } part)
        {
            throw new TrainingException($"Both {part.Layer.Path} and its part {part.Path} were chosen; choose the whole or parts.");
        }

        return hit;

        static string Ending(string path) => string.Join('.', path.Split('.').SkipWhile(word => word == "blocks" || int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _)));
    }

    public static TensorData Transposed(TensorData matrix)
    {
        var (rows, columns) = ((int)matrix.Shape[0], (int)matrix.Shape[1]);
        var source = matrix.ToSingles();
        var result = new float[source.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                result[(column * rows) + row] = source[(row * columns) + column];
            }
        }

        return TensorData.FromValues<float>([columns, rows], result);
    }
}
