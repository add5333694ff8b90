using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <content>Elementwise operators; inputs broadcast as in NumPy.</content>
public sealed partial class GraphBuilder
{
    /// <summary>a + b (ONNX Add).</summary>
    public Value Add(Value a, Value b) => Node("Add", [a, b]);

    /// <summary>a − b (ONNX Sub).</summary>
    public Value Sub(Value a, Value b) => Node("Sub", [a, b]);

    /// <summary>a · b, elementwise (ONNX Mul).</summary>
    public Value Mul(Value a, Value b) => Node("Mul", [a, b]);

    /// <summary>a / b (ONNX Div).</summary>
    public Value Div(Value a, Value b) => Node("Div", [a, b]);

    /// <summary>a to the power b (ONNX Pow).</summary>
    public Value Pow(Value a, Value b) => Node("Pow", [a, b]);

    /// <summary>a + number.</summary>
    public Value Add(Value a, double number) => Add(a, Scalar(number, a));

    /// <summary>a · number.</summary>
    public Value Mul(Value a, double number) => Mul(a, Scalar(number, a));

    /// <summary>−x (ONNX Neg).</summary>
    public Value Neg(Value x) => Node("Neg", [x]);

    /// <summary>|x| (ONNX Abs).</summary>
    public Value Abs(Value x) => Node("Abs", [x]);

    /// <summary>The sign of x: −1, 0 or 1 (ONNX Sign).</summary>
    public Value Sign(Value x) => Node("Sign", [x]);

    /// <summary>√x (ONNX Sqrt).</summary>
    public Value Sqrt(Value x) => Node("Sqrt", [x]);

    /// <summary>1 / x (ONNX Reciprocal).</summary>
    public Value Reciprocal(Value x) => Node("Reciprocal", [x]);

    /// <summary>eˣ (ONNX Exp).</summary>
    public Value Exp(Value x) => Node("Exp", [x]);

    /// <summary>Natural logarithm (ONNX Log).</summary>
    public Value Log(Value x) => Node("Log", [x]);

    /// <summary>Sine of radians (ONNX Sin).</summary>
    public Value Sin(Value x) => Node("Sin", [x]);

    /// <summary>Cosine of radians (ONNX Cos).</summary>
    public Value Cos(Value x) => Node("Cos", [x]);

    /// <summary>Gauss error function (ONNX Erf).</summary>
    public Value Erf(Value x) => Node("Erf", [x]);

    /// <summary>Hyperbolic tangent (ONNX Tanh).</summary>
    public Value Tanh(Value x) => Node("Tanh", [x]);

    /// <summary>1 / (1 + e⁻ˣ) (ONNX Sigmoid).</summary>
    public Value Sigmoid(Value x) => Node("Sigmoid", [x]);

    /// <summary>log(1 + eˣ) (ONNX Softplus).</summary>
    public Value Softplus(Value x) => Node("Softplus", [x]);

    /// <summary>max(x, 0) (ONNX Relu).</summary>
    public Value Relu(Value x) => Node("Relu", [x]);

    /// <summary>x·Φ(x), the exact form with erf (ONNX Gelu, approximate = none).</summary>
    public Value Gelu(Value x) => Node("Gelu", [x]);

    /// <summary>x·sigmoid(x), written as Sigmoid and Mul.</summary>
    public Value Silu(Value x) => Mul(x, Sigmoid(x));

    /// <summary>Largest integer not above x (ONNX Floor).</summary>
    public Value Floor(Value x) => Node("Floor", [x]);

    /// <summary>Elementwise maximum (ONNX Max).</summary>
    public Value Max(Value a, Value b) => Node("Max", [a, b]);

    /// <summary>Elementwise minimum (ONNX Min).</summary>
    public Value Min(Value a, Value b) => Node("Min", [a, b]);

    /// <summary>x limited to [minimum, maximum]; null leaves a side open (ONNX Clip).</summary>
    public Value Clip(Value x, double? minimum, double? maximum) => Node("Clip",
        [x, minimum is { } low ? Scalar(low, x) : null, maximum is { } high ? Scalar(high, x) : null]);

    /// <summary>a where condition, else b (ONNX Where).</summary>
    public Value Where(Value condition, Value a, Value b) => Node("Where", [condition, a, b]);

    /// <summary>a = b (ONNX Equal).</summary>
    public Value Equal(Value a, Value b) => Node("Equal", [a, b]);

    /// <summary>a &lt; b (ONNX Less).</summary>
    public Value Less(Value a, Value b) => Node("Less", [a, b]);

    /// <summary>a &gt; b (ONNX Greater).</summary>
    public Value Greater(Value a, Value b) => Node("Greater", [a, b]);

    /// <summary>a ≥ b (ONNX GreaterOrEqual).</summary>
    public Value GreaterOrEqual(Value a, Value b) => Node("GreaterOrEqual", [a, b]);

    /// <summary>a ≤ b (ONNX LessOrEqual).</summary>
    public Value LessOrEqual(Value a, Value b) => Node("LessOrEqual", [a, b]);

    /// <summary>not x (ONNX Not).</summary>
    public Value Not(Value x) => Node("Not", [x]);

    /// <summary>a and b (ONNX And).</summary>
    public Value And(Value a, Value b) => Node("And", [a, b]);

    /// <summary>a or b (ONNX Or).</summary>
    public Value Or(Value a, Value b) => Node("Or", [a, b]);

    /// <summary>True where x is not a number (ONNX IsNaN).</summary>
    public Value IsNaN(Value x) => Node("IsNaN", [x]);

    /// <summary>x as another element type (ONNX Cast).</summary>
    public Value Cast(Value x, ElementType type) => x.Type == type ? x : Node("Cast", [x], ("to", (long)type));

    /// <summary>x under another name (ONNX Identity).</summary>
    public Value Identity(Value x) => Node("Identity", [x]);
}
