using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Composition;

/// <summary>The identity of the weights in a graph.</summary>
internal static class WeightsIdentity
{
    /// <summary>The hash of all named floating-point constants (<see cref="WeightsHash"/>); generated ones belong to the code, not to the weights.</summary>
    public static string Of(OnnxModel model) => WeightsHash.Compute(model.Graph.Initializers
        .Where(value => value.Type.IsFloatingPoint() && !value.Name.StartsWith("constant", StringComparison.Ordinal))
        .Select(value => KeyValuePair.Create(value.Name, value.Data!)));
}
