using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff;

/// <summary>A function of some tensors whose gradient graph is compared with finite differences.</summary>
/// <param name="op">The operator under test.</param>
/// <param name="shapes">Shapes of the differentiable inputs.</param>
public sealed class VjpCase(string op, params long[][] shapes)
{
    public string Op { get; } = op;

    public long[][] Shapes { get; } = shapes;

    /// <summary>What is special about the case.</summary>
    public string Name { get; init; } = "";

    /// <summary>Builds the function from its inputs; null calls the operator with <see cref="Attributes"/>.</summary>
    public Func<GraphBuilder, Value[], Value>? Build { get; init; }

    public (string Name, AttributeValue Value)[] Attributes { get; init; } = [];

    /// <summary>Inputs are drawn from this range.</summary>
    public (double Low, double High) Range { get; init; } = (-2, 2);

    /// <summary>Inputs are rounded away from these points, where the derivative jumps.</summary>
    public double[] Kinks { get; init; } = [];

    /// <summary>Distance that inputs keep from kinks.</summary>
    public double Margin { get; init; } = 0.05;

    /// <summary>Float where ONNX Runtime has no double kernel.</summary>
    public ElementType Type { get; init; } = ElementType.Double;

    /// <summary>Declares the first axis of the first input, and of those that share its extent, as symbol <c>batch</c>.</summary>
    public bool SymbolicBatch { get; init; }

    /// <summary>Operator set of the model.</summary>
    public long Opset { get; init; } = OnnxModel.DefaultOpset;

    /// <summary>Relative tolerance; double cases keep the default.</summary>
    public double Tolerance { get; init; } = 1e-6;

    /// <summary>The same case in single precision.</summary>
    public VjpCase InFloat(double tolerance = 2e-3) => In(ElementType.Float, tolerance);

    /// <summary>The same case in another precision.</summary>
    public VjpCase In(ElementType type, double tolerance) => new(Op, Shapes)
    {
        Name = Name, Build = Build, Attributes = Attributes, Range = Range, Kinks = Kinks, Margin = Margin, Type = type, SymbolicBatch = SymbolicBatch, Opset = Opset, Tolerance = tolerance,
    };

    public override string ToString() =>
        $"{Op}({string.Join(", ", Shapes.Select(shape => $"[{string.Join(",", shape)}]"))}){(Name.Length > 0 ? " " + Name : "")}{(SymbolicBatch ? " symbolic" : "")} {Type}";
}
