using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>Which blocks of a stack are outputs, and what the manifest says about them.</summary>
internal sealed class EncoderOutputs
{
    private readonly HashSet<int> _layers;
    private readonly List<ManifestFeature> _features = [];
    private readonly int _depth;

    /// <summary>Chooses the outputs of a stack of <paramref name="depth"/> blocks.</summary>
    /// <param name="depth">Number of blocks that the weights have.</param>
    /// <param name="options">Chosen layers and further outputs.</param>
    /// <param name="known">Further outputs that the family has.</param>
    /// <exception cref="ExportException">A layer or an output that does not exist.</exception>
    public EncoderOutputs(int depth, BackboneOptions options, IReadOnlyList<string> known)
    {
        if (depth == 0)
        {
            throw new ExportException("The checkpoint has no blocks (blocks.0, blocks.1, …). Is it the checkpoint of another model?");
        }

        _layers = [.. (options.Layers ?? Default(depth)).Select(layer => layer < 0 ? layer + depth : layer)];
        if (_layers.Any(layer => layer < 0 || layer >= depth))
        {
            throw new ExportException($"The model has {depth} blocks, 0 to {depth - 1}; --layers asks for {string.Join(", ", options.Layers!)}.");
        }

        foreach (var output in options.Outputs.Where(output => !known.Contains(output)))
        {
            throw new ExportException($"There is no output '{output}'.{Spelling.DidYouMean(output, known)} Known: {string.Join(", ", known)}; blocks are chosen with --layers.");
        }

        _depth = depth;
        Depth = options.Outputs.Count > 0 ? depth : _layers.Max() + 1;
    }

    /// <summary>How many blocks the graph needs.</summary>
    public int Depth { get; }

    /// <summary>Descriptions of the outputs made so far.</summary>
    public IReadOnlyList<ManifestFeature> Features => _features;

    /// <summary>True when block <paramref name="layer"/> is an output.</summary>
    public bool Contains(int layer) => _layers.Contains(layer);

    /// <summary>True for the last block that the weights have.</summary>
    public bool IsLast(int layer) => layer == _depth - 1;

    /// <summary>Runs tokens [batch, prefix + rows·columns, width] through the blocks <c>blocks.N</c>; the chosen ones become outputs <c>block_N</c>.</summary>
    /// <param name="graph">The graph and its weights.</param>
    /// <param name="x">The tokens.</param>
    /// <param name="block">How a block is written.</param>
    /// <param name="prefixTokens">Tokens in front of those of the patches.</param>
    /// <param name="rows">Rows of patches.</param>
    /// <param name="columns">Columns of patches.</param>
    /// <param name="finish">What is done with the output of the model's last block; null does nothing.</param>
    /// <param name="mask">What is added to the attention scores of a block; null adds nothing.</param>
    public Value Run(WeightedGraph graph, Value x, TransformerBlock block, int prefixTokens, int rows, int columns, Func<Value, Value>? finish = null, Func<int, Value>? mask = null)
    {
        for (var layer = 0; layer < Depth; layer++)
        {
            x = block.Build(graph, x, $"blocks.{layer}", mask?.Invoke(layer));
            x = IsLast(layer) && finish is not null ? finish(x) : x;
            if (Contains(layer))
            {
                Tokens(graph.Op, x, $"block_{layer}", prefixTokens, rows, columns);
            }
        }

        return x;
    }

    /// <summary>Makes tokens an output.</summary>
    public void Tokens(GraphBuilder op, Value x, string name, int prefixTokens, int rows, int columns)
    {
        op.Output(x, name);
        _features.Add(new ManifestFeature(name, "tokens", (int)x.KnownShape[-1].Value!.Value, prefixTokens, rows, columns));
    }

    /// <summary>Makes a map [batch, channels, rows, columns] an output when its layer is one.</summary>
    public void Map(GraphBuilder op, Value x, string name, int layer)
    {
        if (Contains(layer))
        {
            op.Output(x, name);
            var shape = x.KnownShape;
            _features.Add(new ManifestFeature(name, "map", (int)shape[1].Value!.Value, 0, (int)shape[2].Value!.Value, (int)shape[3].Value!.Value));
        }
    }

    // Four, evenly spaced, the last one among them: what pyramid decoders take.
    private static IEnumerable<int> Default(int depth) => Enumerable.Range(1, 4).Select(quarter => (quarter * depth / 4) - 1).Where(layer => layer >= 0).Distinct();
}
