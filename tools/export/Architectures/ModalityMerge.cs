using EoOnnx.Onnx;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>How the tokens of several modalities become features. Register tokens come first and are left out; sequences have no place on the
/// grid and are left out where tokens are merged patch by patch.</summary>
/// <param name="graph">The graph and its weights.</param>
/// <param name="given">The modalities in the order of their tokens.</param>
/// <param name="declared">How many modalities with a place on the grid the model has, missing ones included.</param>
/// <param name="form">How they are merged.</param>
/// <param name="rows">Rows of patches.</param>
/// <param name="columns">Columns of patches.</param>
internal sealed class ModalityMerge(WeightedGraph graph, IReadOnlyList<ModalityEmbedding> given, int declared, TokenMerge form, int rows, int columns)
{
    private const string MissingName = "missing_mod_token";
    private readonly List<string> _warnings = [];

    /// <summary>Register tokens in front of the sequence.</summary>
    public long Registers { get; set; }

    /// <summary>What the user should know.</summary>
    public IReadOnlyList<string> Warnings => _warnings;

    /// <summary>Makes the tokens of a block outputs, under <paramref name="name"/> or, one a modality, <c>NAME.MODALITY</c>.</summary>
    public void Output(EncoderOutputs outputs, Value x, string name)
    {
        var op = graph.Op;
        using var scope = op.Scope(name);
        switch (form)
        {
            case TokenMerge.None:
                OutputAll(outputs, x, name);
                break;
            case TokenMerge.Dict:
                var (registers, parts) = Split(x);
                if (registers is not null)
                {
                    op.Output(registers, $"{name}.register_tokens");
                }

                foreach (var (modality, part) in given.Zip(parts))
                {
                    if (modality.IsSpatial)
                    {
                        outputs.Tokens(op, part, $"{name}.{modality.Name}", 0, rows, columns);
                    }
                    else
                    {
                        op.Output(part, $"{name}.{modality.Name}");
                    }
                }

                break;
            default:
                outputs.Tokens(op, Merge(x), name, 0, rows, columns);
                break;
        }
    }

    // The manifest describes what lies on a grid: one modality or several of them one behind the other, but no sequence.
    private void OutputAll(EncoderOutputs outputs, Value x, string name)
    {
        if (given.All(modality => modality.IsSpatial))
        {
            outputs.Tokens(graph.Op, x, name, (int)Registers, rows, columns);
        }
        else
        {
            graph.Op.Output(x, name);
        }
    }

    private Value Merge(Value x)
    {
        var op = graph.Op;
        var spatial = given.Zip(Split(x).Parts).Where(pair => pair.First.IsSpatial).Select(pair => pair.Second).ToArray();
        if (spatial.Length == 0)
        {
            throw new ExportException($"Sequences ({string.Join(", ", given.Select(modality => modality.Name))}) have no place on the grid of patches; add an image or choose --merge dict or none.");
        }

        return form switch
        {
            TokenMerge.Concat => Concat(spatial),
            _ when spatial.Length == 1 => spatial[0],
            TokenMerge.Max => op.Node("Max", spatial),
            _ => op.Node("Mean", spatial),
        };
    }

    // The reference puts the stand-ins behind the modalities that are given, wherever the missing ones were listed.
    private Value Concat(Value[] spatial)
    {
        var op = graph.Op;
        var parts = spatial.ToList();
        if (declared > spatial.Length)
        {
            var standIn = op.Expand(MissingToken(), op.Shape(spatial[0]));
            parts.AddRange(Enumerable.Repeat(standIn, declared - spatial.Length));
        }

        return parts.Count == 1 ? parts[0] : op.Concat(-1, [.. parts]);
    }

    private Value MissingToken()
    {
        var width = given[0].Width;
        if (graph.Op.Graph.FindInitializer(MissingName) is null && !graph.Weights.Contains(MissingName))
        {
            _warnings.Add($"{graph.Weights.Source} has no '{MissingName}'; zeros stand in for the missing modality, so train it.");
            return graph.Op.Initializer(MissingName, RandomTensors.Constant([width], 0));
        }

        return graph.Weight(MissingName, width);
    }

    private (Value? Registers, IReadOnlyList<Value> Parts) Split(Value x)
    {
        if (given.Count == 1 && Registers == 0)
        {
            return (null, [x]);
        }

        var parts = graph.Op.Split(x, 1, [.. Registers > 0 ? new[] { Registers } : [], .. given.Select(modality => modality.Count)]);
        return Registers > 0 ? (parts[0], [.. parts.Skip(1)]) : (null, parts);
    }
}
