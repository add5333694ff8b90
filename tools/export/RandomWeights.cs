using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export;

/// <summary>Random weights under the names and shapes of a real model: for benchmarks, demonstrations and training from scratch.</summary>
internal static class RandomWeights
{
    /// <summary>
    /// Draws every tensor by its name (<see cref="RandomTensors"/>): matrices and kernels uniformly within Glorot's bound √(6 / (in + out)),
    /// scales (one axis, <c>.weight</c>) and running variances 1, other vectors and tokens within ±0.03.
    /// </summary>
    public static StateDict Create(string source, long seed, IEnumerable<(string Name, long[] Shape)> shapes)
    {
        var list = shapes.ToList();
        var tensors = new TensorData[list.Count];
        Parallel.For(0, list.Count, i => tensors[i] = Draw(seed, list[i].Name, list[i].Shape));
        return new StateDict(source, list.Zip(tensors).ToDictionary(item => item.First.Name, item => item.Second, StringComparer.Ordinal));
    }

    private static TensorData Draw(long seed, string name, long[] shape)
    {
        if (shape.Length == 1 && (name.EndsWith(".weight", StringComparison.Ordinal) || name.EndsWith(".running_var", StringComparison.Ordinal)))
        {
            return RandomTensors.Constant(shape, 1);
        }

        var isMatrix = shape.Length > 1 && name.EndsWith("weight", StringComparison.Ordinal);
        var receptive = shape.Skip(2).Aggregate(1L, (product, extent) => product * extent);
        return RandomTensors.Uniform(seed, name, shape, isMatrix ? Math.Sqrt(6.0 / ((shape[0] + shape[1]) * receptive)) : 0.03);
    }
}
