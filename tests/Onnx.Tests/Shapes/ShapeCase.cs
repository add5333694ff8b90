using EoOnnx.Formats;

namespace EoOnnx.Onnx.Tests.Shapes;

/// <summary>One node of an operator on inputs of given shapes.</summary>
/// <param name="Op">Operator, with its domain in front where it is not standard ONNX.</param>
/// <param name="Inputs">Inputs; null where an optional one is left out.</param>
public sealed record ShapeCase(string Op, params ShapeCase.Argument?[] Inputs)
{
    public int Outputs { get; init; } = 1;

    public (string Name, AttributeValue Value)[] With { get; init; } = [];

    /// <summary>True when the result's extents depend on data or are not inferred; then only what is inferred is compared.</summary>
    public bool Partial { get; init; }

    /// <summary>Bodies need a graph around them.</summary>
    internal Func<GraphBuilder, Value[], (string, AttributeValue)[]>? Bodies { get; init; }

    public override string ToString() =>
        $"{Op}({string.Join(", ", Inputs.Select(input => input?.ToString() ?? "-"))}; {string.Join(", ", With.Select(item => $"{item.Name}={Show(item.Value.Content)}"))})";

    /// <summary>Builds the node. Symbolic extents (<c>d3</c> for 3) show what a rule makes of symbols.</summary>
    internal (OnnxModel Model, List<(string, TensorData)> Feeds) Build(bool symbolic)
    {
        var op = new GraphBuilder("case");
        var feeds = new List<(string, TensorData)>();
        var values = new List<Value?>();
        foreach (var input in Inputs)
        {
            if (input is null)
            {
                values.Add(null);
                continue;
            }

            var name = $"x{values.Count}";
            if (input.Constant)
            {
                values.Add(op.Initializer(name, input.Data));
                continue;
            }

            feeds.Add((name, input.Data));
            var shape = symbolic ? new TensorShape(input.Data.Shape.Select(extent => (Dim)$"d{extent}")) : TensorShape.Of(input.Data.Shape.AsSpan());
            values.Add(op.Input(name, input.Data.Type, shape));
        }

        var dot = Op.LastIndexOf('.');
        var attributes = With.Concat(Bodies?.Invoke(op, [.. values!]) ?? []).ToArray();
        var i = 0;
        foreach (var output in op.Nodes(dot < 0 ? "" : Op[..dot], Op[(dot + 1)..], values.ToArray(), Outputs, attributes))
        {
            op.Output(output, $"y{i++}");
        }

        return (new OnnxModel(op.Graph), feeds);
    }

    private static string Show(object content) => content is long[] numbers ? $"[{string.Join(' ', numbers)}]" : $"{content}";

    /// <summary>An input: fed, or constant.</summary>
    public sealed record Argument(TensorData Data, bool Constant)
    {
        public override string ToString() => Constant && Data is { Type: ElementType.Int64, Count: < 9 }
            ? $"({string.Join(' ', Data.AsSpan<long>().ToArray())})"
            : $"{Data.Type}[{string.Join(' ', Data.Shape)}]{(Constant && Data is { Type: ElementType.Float, Count: < 9 } ? $"({string.Join(' ', Data.ToSingles())})" : "")}";
    }
}
