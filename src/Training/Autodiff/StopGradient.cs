using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff;

/// <summary>Marks a value as constant for the backward pass (PyTorch's <c>detach</c>): an Identity whose node name says so, which
/// ONNX Runtime removes.</summary>
internal static class StopGradient
{
    private const string Marker = "stop_gradient";

    public static Value Of(GraphBuilder op, Value value)
    {
        using (op.Scope(Marker))
        {
            return op.Identity(value);
        }
    }

    public static bool Marks(Node node) => node.OpType == "Identity" && node.Name.Contains($"{Marker}/Identity", StringComparison.Ordinal);
}
