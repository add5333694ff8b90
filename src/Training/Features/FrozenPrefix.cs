using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Features;

/// <summary>
/// A forward graph cut where training begins: <see cref="Prefix"/> depends on the data and on nothing that training changes, so its outputs are the same in
/// every epoch; <see cref="Rest"/> takes them instead of the image. The cut is found in the graph, whatever the model is.
/// </summary>
/// <remarks>Where the cut may lie is a matter of bytes: a value that is cheap to make from smaller ones (a normalised token, an enlarged map) is made again in
/// every epoch, and a product is when that halves what is kept and costs little, as the frozen projection beside a LoRA adapter does.</remarks>
internal sealed class FrozenPrefix
{
    private const int LongestWalk = 12;
    private const double LargestProduct = 0.3;   // of the forward pass behind the cut, which a step goes through about twice

    private static readonly HashSet<string> Random = ["RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Bernoulli", "Multinomial"];

    private FrozenPrefix(OnnxModel prefix, OnnxModel rest, IReadOnlyList<SampleInput> features, double share) =>
        (Prefix, Rest, Features, Share) = (prefix, rest, features, share);

    /// <summary>From the data to the features; its outputs are named as they are.</summary>
    public OnnxModel Prefix { get; }

    /// <summary>From the features on, with all that is trained.</summary>
    public OnnxModel Rest { get; }

    /// <summary>What crosses the cut, a sample.</summary>
    public IReadOnlyList<SampleInput> Features { get; }

    /// <summary>Share of the multiplications that lies in front of the cut.</summary>
    public double Share { get; }

    /// <summary>Cuts the graph of a model for samples of a form, which gives open extents such as a number of dates their value.</summary>
    /// <inheritdoc cref="Of(OnnxModel, out string?)"/>
    public static FrozenPrefix? Of(OnnxModel model, IReadOnlyList<SampleInput> samples, out string? reason)
    {
        var bound = model.Clone();
        // What samples bring is data, although a run might leave it out.
        foreach (var optional in bound.Graph.Inputs.Where(input => input.Data is not null && samples.Any(sample => sample.Name == input.Name)).ToList())
        {
            bound.Graph.RemoveInitializer(optional);
        }

        var inputs = bound.Graph.Inputs.Where(input => input.Data is null).ToList();
        foreach (var sample in samples)
        {
            var input = samples.Count == 1 ? inputs[0] : inputs.Find(input => input.Name == sample.Name);
            if (input?.Shape is { } shape && shape.Rank == sample.Shape.Count + 1)
            {
                foreach (var (symbol, extent) in shape.Skip(1).Zip(sample.Shape, (dim, extent) => (dim.Symbol, extent)).Where(axis => axis.Symbol is not null && axis.Symbol != shape[0].Symbol).ToList())
                {
                    bound.Graph.Bind(symbol!, extent);
                }
            }
        }

        return Of(bound, out reason);
    }

    /// <summary>Cuts a graph.</summary>
    /// <param name="model">A sorted forward graph; what training changes are its inputs with a default.</param>
    /// <param name="reason">Why it cannot be cut; null when it was.</param>
    /// <returns>The parts; null when nothing that costs anything lies in front of what is trained.</returns>
    public static FrozenPrefix? Of(OnnxModel model, out string? reason)
    {
        var search = new Search(model.Graph);
        reason = search.Settle();
        if (reason is not null)
        {
            return null;
        }

        search.Improve();
        var share = search.Share;
        if (share <= 0)
        {
            reason = $"training begins at the first product of the model ({search.FirstTrained ?? "its input"})";
            return null;
        }

        var frontier = search.Frontier();
        var prefix = model.Clone(out var prefixCopies);
        var rest = model.Clone(out var restCopies);
        var (before, after) = (new GraphBuilder(prefix.Graph), new GraphBuilder(rest.Graph));
        prefix.Graph.SetOutputs();
        var features = new List<SampleInput>();
        foreach (var (index, value) in frontier.Index())
        {
            var feature = new SampleInput(FormattableString.Invariant($"feature.{index}"), value.Type, [.. value.KnownShape.Skip(1).Select(dim => dim.Value!.Value)]);
            before.Output(prefixCopies[value], feature.Name);
            rest.Graph.ReplaceUses(restCopies[value], after.Input(feature.Name, value.Type, value.KnownShape));
            features.Add(feature);
        }

        RemoveInputs(prefix.Graph, input => input.Data is not null);
        RemoveInputs(rest.Graph, input => input.Data is null && !features.Exists(feature => feature.Name == input.Name));
        return new FrozenPrefix(prefix, rest, features, share);
    }

    private static void RemoveInputs(Graph graph, Func<Value, bool> which)
    {
        graph.RemoveUnused();
        foreach (var input in graph.Inputs.Where(which).ToList())
        {
            if (input.Data is not null)
            {
                graph.RemoveInitializer(input);
            }

            graph.RemoveInput(input);
        }

        graph.Sort();
    }

    /// <summary>The search for the cut: a set of nodes behind it that only grows.</summary>
    private sealed class Search
    {
        private readonly Graph _graph;
        private readonly string? _batch;
        private readonly HashSet<Value> _ofData;
        private readonly HashSet<Node> _behind;
        private readonly Node? _withBody;

        public Search(Graph graph)
        {
            _graph = graph;
            _ofData = [.. graph.Inputs.Where(input => input.Data is null)];
            _batch = _ofData.Select(input => input.Shape is { Rank: > 0 } shape ? shape[0].Symbol : null).FirstOrDefault(symbol => symbol is not null);
            _behind = [.. graph.Outputs.Select(output => output.Producer).OfType<Node>()];
            var changing = graph.Inputs.Where(input => input.Data is not null).ToHashSet();
            foreach (var node in graph.Nodes)
            {
                var outputs = node.Outputs.OfType<Value>().ToList();
                if (node.Inputs.Any(input => input is not null && _ofData.Contains(input)))
                {
                    _ofData.UnionWith(outputs);
                }

                if (Changes(node) || node.Inputs.Any(input => input is not null && changing.Contains(input)))
                {
                    _behind.Add(node);
                    changing.UnionWith(outputs);
                }

                _withBody ??= node.Attributes.Values.Any(attribute => attribute.Content is Graph or Graph[]) ? node : null;
            }
        }

        /// <summary>Name of the first trained node, for messages.</summary>
        public string? FirstTrained => _graph.Nodes.FirstOrDefault(node => _behind.Contains(node) && GraphWork.Of(node) > 0)?.Name;

        /// <summary>Share of the multiplications in front of the cut, of nodes that lead to it.</summary>
        public double Share
        {
            get
            {
                var (needed, all, front) = (Frontier().ToHashSet(), 0.0, 0.0);
                foreach (var node in _graph.Nodes.Reverse())
                {
                    var work = node.Inputs.Any(input => input is not null && _ofData.Contains(input)) ? GraphWork.Of(node) : 0;
                    all += work;
                    if (!_behind.Contains(node) && node.Outputs.Any(output => output is not null && needed.Contains(output)))
                    {
                        needed.UnionWith(node.Inputs.OfType<Value>());
                        front += work;
                    }
                }

                return all == 0 ? 0 : front / all;
            }
        }

        /// <summary>Moves the cut forward until everything that crosses it can be kept sample by sample; returns why that is impossible.</summary>
        public string? Settle()
        {
            if (_withBody is not null)
            {
                return $"the graph has a branch or loop ({_withBody})";
            }

            if (_batch is null)
            {
                return "the model's inputs have no open batch";
            }

            while (Frontier().Find(value => !CanBeKept(value)) is { } value)
            {
                if (value.Producer is null)
                {
                    return $"the extents of the input {value} are open";
                }

                _behind.Add(value.Producer);
            }

            return null;
        }

        /// <summary>Moves the cut forward where that makes what is kept smaller at little cost.</summary>
        public void Improve()
        {
            while (Frontier().Any(TryWalk))
            {
            }
        }

        /// <summary>What crosses the cut, in the order of the graph.</summary>
        public List<Value> Frontier() => Frontier(_behind);

        private List<Value> Frontier(HashSet<Node> behind)
        {
            var crossing = new HashSet<Value>();
            foreach (var value in _graph.Nodes.Where(behind.Contains).SelectMany(node => node.Inputs).Concat(_graph.Outputs).OfType<Value>())
            {
                if (_ofData.Contains(value) && (value.Producer is null || !behind.Contains(value.Producer)))
                {
                    crossing.Add(value);
                }
            }

            return [.. _graph.Inputs.Where(crossing.Contains), .. _graph.Nodes.SelectMany(node => node.Outputs).OfType<Value>().Where(crossing.Contains)];
        }

        // Walks from a kept value towards the data, and moves the cut to the best place on the way.
        private bool TryWalk(Value value)
        {
            var (trial, walked, next) = (new HashSet<Node>(_behind), new List<Node>(), (Value?)value);
            var (bytes, best, work) = (Bytes(Frontier()), 0, 0.0);
            var limit = LargestProduct * _graph.Nodes.Where(_behind.Contains).Sum(GraphWork.Of);
            while (next?.Producer is { } node && walked.Count < LongestWalk && !trial.Contains(node))
            {
                work += GraphWork.Of(node);
                trial.Add(node);
                walked.Add(node);
                var frontier = Frontier(trial);
                if (work > limit)
                {
                    break;
                }

                if (frontier.TrueForAll(CanBeKept) && Bytes(frontier) < (work > 0 ? bytes / 2 : bytes))
                {
                    (bytes, best) = (Bytes(frontier), walked.Count);
                }

                next = node.Inputs.OfType<Value>().Where(_ofData.Contains).MaxBy(GraphWork.Elements);
            }

            _behind.UnionWith(walked.Take(best));
            return best > 0;
        }

        private bool CanBeKept(Value value) => value.Type is ElementType.Float or ElementType.Int64 && value.Shape is { Rank: > 0 } shape
            && shape[0].Symbol == _batch && shape.Skip(1).All(dim => dim.Value > 0);

        private static double Bytes(List<Value> values) => values.Sum(value => GraphWork.Elements(value) * value.Type.SizeInBytes());

        // What gives another result in every run, or depends on the other samples of a batch.
        private static bool Changes(Node node) => Random.Contains(node.OpType) || (node.OpType == "Dropout" && node.OptionalInput(2) is not null)
            || (node.OpType == "BatchNormalization" && node.Int("training_mode", 0) != 0);
    }
}
