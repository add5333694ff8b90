using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>
/// Rewrites a model of opset 18 to 21 for opset 17, the newest that ONNX Runtime 1.12 reads: operators that are newer are written out,
/// operators whose form changed get the older form. What has no older form is refused by name.
/// </summary>
/// <remarks>Source: the change log of the ONNX operators.</remarks>
internal static class OpsetLowering
{
    /// <summary>The opset that is written.</summary>
    public const long Target = 17;

    /// <summary>The IR version that belongs to it.</summary>
    public const long TargetIr = 8;

    private static readonly HashSet<string> Reductions = new(StringComparer.Ordinal)
    {
        "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp", "ReduceSumSquare",
    };

    /// <summary>The same model for opset 17. <paramref name="model"/> is not changed; tensors are shared.</summary>
    /// <exception cref="OnnxGraphException">An operator has no form in opset 17; the message lists up to ten.</exception>
    public static OnnxModel Lower(OnnxModel model)
    {
        var copy = model.Clone();
        FusedAttention.Expand(copy.Graph);
        var opset = copy.Opsets.GetValueOrDefault("", OnnxModel.DefaultOpset);
        if (opset > Target)
        {
            var op = new GraphBuilder(copy.Graph);
            var names = copy.Graph.Outputs.Select(output => output.Name).ToList();
            foreach (var node in copy.Graph.Nodes.ToList())
            {
                if (Rewrite(op, node) is { } replacement)
                {
                    copy.Graph.ReplaceUses(node.Output, replacement);
                }
            }

            copy.Graph.RemoveUnused();
            copy.Graph.Sort();
            foreach (var (output, name) in copy.Graph.Outputs.Zip(names))
            {
                copy.Graph.Rename(output, name);
            }
        }

        var lowered = new OnnxModel(copy.Graph) { IrVersion = Math.Min(copy.IrVersion, TargetIr), ProducerName = copy.ProducerName };
        foreach (var (domain, version) in copy.Opsets.Where(item => item.Key.Length == 0 || copy.Graph.AllNodes().Any(node => node.Domain == item.Key)))
        {
            lowered.Opsets[domain] = domain.Length == 0 ? Math.Min(version, Target) : version;
        }

        foreach (var (key, text) in copy.Metadata)
        {
            lowered.Metadata[key] = text;
        }

        OnnxValidator.ThrowIfInvalid(lowered);
        return lowered;
    }

    // The value that takes the place of the node's output, or null when the node stays (perhaps with fewer attributes).
    private static Value? Rewrite(GraphBuilder op, Node node)
    {
        if (node.Domain.Length > 0)
        {
            return null;
        }

        switch (node.OpType)
        {
            case "Gelu":
                return Gelu(op, node.Input(0), node.Text("approximate", "none"));
            case "Mish":
                return op.Mul(node.Input(0), op.Tanh(op.Softplus(node.Input(0))));
            case "Resize" when node.Ints("axes") is { } axes:
                return Resize(op, node, axes);
            case "GridSample":
                return GridSample(op, node);
            case var reduction when Reductions.Contains(reduction):
                return Reduce(op, node);
            default:
                DropDefaults(node);
                return null;
        }
    }

    // x·Φ(x) = x/2 · (1 + erf(x / √2)); with tanh, Φ is approximated as the operator's definition says.
    private static Value Gelu(GraphBuilder op, Value x, string approximate)
    {
        var inner = approximate == "tanh"
            ? op.Tanh(op.Mul(op.Add(x, op.Mul(op.Mul(x, op.Mul(x, x)), 0.044715)), Math.Sqrt(2 / Math.PI)))
            : op.Erf(op.Mul(x, Math.Sqrt(0.5)));
        return op.Mul(op.Mul(x, op.Add(inner, 1)), 0.5);
    }

    // Axes were an attribute before 18.
    private static Value Reduce(GraphBuilder op, Node node)
    {
        var keep = ("keepdims", (AttributeValue)node.Int("keepdims", 1));
        if (node.OptionalInput(1) is not { } axes)
        {
            return node.Int("noop_with_empty_axes", 0) != 0 ? op.Identity(node.Input(0)) : op.Node(node.OpType, [node.Input(0)], keep);
        }

        var numbers = axes.Data is { Type: ElementType.Int64 } data ? data.AsSpan<long>().ToArray()
            : throw new OnnxGraphException($"{node} reduces over computed axes; opset {Target} needs constant ones.");
        return numbers.Length > 0 ? op.Node(node.OpType, [node.Input(0)], keep, ("axes", numbers))
            : node.Int("noop_with_empty_axes", 0) != 0 ? op.Identity(node.Input(0)) : op.Node(node.OpType, [node.Input(0)], keep);
    }

    // Before 18, sizes and scales covered all axes: the leading ones are put in front.
    private static Value Resize(GraphBuilder op, Node node, long[] axes)
    {
        var x = node.Input(0);
        var lead = x.Rank - axes.Length;
        if (!axes.Select(axis => axis < 0 ? axis + x.Rank : axis).SequenceEqual(Enumerable.Range(lead, axes.Length).Select(axis => (long)axis)))
        {
            throw new OnnxGraphException($"{node} resizes the axes {string.Join(", ", axes)}; opset {Target} can be written for the last axes in order only.");
        }

        if (node.Int("antialias", 0) != 0 || node.Text("keep_aspect_ratio_policy", "stretch") != "stretch" || node.Text("coordinate_transformation_mode", "half_pixel") == "half_pixel_symmetric")
        {
            throw new OnnxGraphException($"{node} resizes with antialias, an aspect-ratio policy or half_pixel_symmetric; opset {Target} has none of these.");
        }

        var scales = node.OptionalInput(2) is { } given ? op.Concat(0, op.Floats([lead], [.. Enumerable.Repeat(1f, lead)]), given) : null;
        var sizes = node.OptionalInput(3) is { } wanted ? op.Concat(0, op.Slice(op.Shape(x), 0, 0, lead), wanted) : null;
        (string, AttributeValue)[] kept = [.. node.Attributes.Where(item => item.Key is not ("axes" or "antialias" or "keep_aspect_ratio_policy")).Select(item => (item.Key, item.Value))];
        return op.Node("Resize", [x, node.OptionalInput(1), scales, sizes], kept);
    }

    private static Value GridSample(GraphBuilder op, Node node)
    {
        var mode = node.Text("mode", "linear") switch { "linear" => "bilinear", "cubic" => "bicubic", var same => same };
        return op.Node("GridSample", [node.Input(0), node.Input(1)],
            ("mode", mode), ("padding_mode", node.Text("padding_mode", "zeros")), ("align_corners", node.Int("align_corners", 0)));
    }

    // Attributes that came later and hold the value that was the only one before.
    private static void DropDefaults(Node node)
    {
        switch (node.OpType)
        {
            case "Resize":
                Drop("antialias", node.Int("antialias", 0) == 0);
                Drop("keep_aspect_ratio_policy", node.Text("keep_aspect_ratio_policy", "stretch") == "stretch");
                break;
            case "Split":
                Drop("num_outputs", node.OptionalInput(1) is not null || IsEven(node));
                break;
            case "AveragePool" or "LpPool":
                Drop("dilations", node.Ints("dilations")?.All(step => step == 1) ?? true);
                Drop("ceil_mode", node.OpType == "LpPool" && node.Int("ceil_mode", 0) == 0);
                break;
            case "Cast" or "CastLike" or "QuantizeLinear":
                Drop("saturate", true);   // speaks of 8-bit floats only, which opset 17 does not have
                Drop("block_size", node.Int("block_size", 0) == 0);
                Drop("output_dtype", node.Int("output_dtype", 0) == 0);
                break;
            case "DequantizeLinear":
                Drop("block_size", node.Int("block_size", 0) == 0);
                break;
        }

        void Drop(string attribute, bool isDefault)
        {
            if (isDefault)
            {
                node.Attributes.Remove(attribute);
            }
        }
    }

    private static bool IsEven(Node node)
    {
        var x = node.Input(0);
        var axis = (int)node.Int("axis", 0);
        return x.Shape is { } shape && shape[axis].Value is { } extent && extent % node.Outputs.Count == 0;
    }
}
