using EoOnnx.Formats;
using MathNet.Numerics.LinearAlgebra;

namespace EoOnnx.Training.Adapters;

/// <summary>How far ranks are reduced: to a number, or to a share of the energy.</summary>
public sealed record CompressionOptions
{
    /// <summary>Largest rank that is left; null when <see cref="Energy"/> decides.</summary>
    public int? Rank { get; init => field = value is null or >= 1 ? value : throw new ArgumentOutOfRangeException(nameof(Rank), value, "The rank must be at least 1."); }

    /// <summary>Share of the squared singular values that each layer keeps; null when <see cref="Rank"/> decides.</summary>
    public double? Energy { get; init => field = value is null or (> 0 and <= 1) ? value : throw new ArgumentOutOfRangeException(nameof(Energy), value, "The energy must be over 0 and at most 1; 0.99 is usual."); }
}

/// <summary>A layer whose rank was reduced.</summary>
/// <param name="Layer">Its path.</param>
/// <param name="From">Rank before.</param>
/// <param name="To">Rank after.</param>
/// <param name="Error">‖BA − B'A'‖ / ‖BA‖ in the Frobenius norm.</param>
public sealed record CompressedLayer(string Layer, int From, int To, double Error);

/// <summary>Reduces the ranks of a LoRA adapter to the best approximation of each update.</summary>
public static class AdapterCompression
{
    /// <summary>A smaller adapter. Its B tensors hold their scales; singular values are shared between B and A, √S each.</summary>
    /// <param name="adapter">A LoRA adapter; other tensors in it stay.</param>
    /// <param name="options">How far.</param>
    /// <exception cref="AdapterException">The adapter holds no LoRA.</exception>
    /// <exception cref="ArgumentException">Not one of rank and energy is given.</exception>
    public static (AdapterFile Adapter, IReadOnlyList<CompressedLayer> Layers) Compress(AdapterFile adapter, CompressionOptions options)
    {
        if (options.Rank is null == options.Energy is null)
        {
            throw new ArgumentException("Say how far to compress: --rank 4, or --energy 0.99, not both.", nameof(options));
        }

        var tensors = new Dictionary<string, TensorData>(adapter.ToOnnxAdapter().Tensors, StringComparer.Ordinal);
        var layers = new List<CompressedLayer>();
        foreach (var layer in tensors.Keys.Where(LoraTensors.IsA).Select(LoraTensors.LayerOf).Order(StringComparer.Ordinal).ToList())
        {
            var (nameA, nameB) = (LoraUpdate.NameOfA(layer), LoraUpdate.NameOfB(layer));
            var (left, values, right) = LoraUpdate.Find(tensors, layer)!.Decompose();
            var before = (int)tensors[nameA].Shape[0];
            var after = options.Rank is { } rank ? Math.Min(rank, before) : RankOf(values, options.Energy!.Value);
            var whole = Energy(values, 0);
            layers.Add(new CompressedLayer(layer, before, after, whole == 0 ? 0 : Math.Sqrt(Energy(values, after) / whole)));
            if (after == before)
            {
                continue;
            }

            var roots = values.SubVector(0, after).PointwiseSqrt();
            tensors[nameB] = Tensor([tensors[nameB].Shape[0], after, .. tensors[nameB].Shape[2..]], left.SubMatrix(0, left.RowCount, 0, after) * Matrix<double>.Build.DenseOfDiagonalVector(roots));
            tensors[nameA] = Tensor([after, .. tensors[nameA].Shape[1..]], Matrix<double>.Build.DenseOfDiagonalVector(roots) * right.SubMatrix(0, after, 0, right.ColumnCount));
        }

        return layers.Count == 0 ? throw new AdapterException($"The adapter holds no LoRA ({string.Join(", ", tensors.Keys.Order(StringComparer.Ordinal).Take(3))}); only LoRA has a rank to reduce.")
            : (adapter with { Tensors = tensors, LoraAlpha = null, UseRslora = false, ParallelScale = 1 }, layers);
    }

    /// <summary>The smallest rank that keeps a share of the energy; at least 1.</summary>
    private static int RankOf(Vector<double> values, double share)
    {
        var whole = Energy(values, 0);
        var rank = 1;
        while (rank < values.Count && whole - Energy(values, rank) < share * whole)
        {
            rank++;
        }

        return rank;
    }

    private static double Energy(Vector<double> values, int from) => values.Skip(from).Sum(value => value * value);

    private static TensorData Tensor(long[] shape, Matrix<double> matrix) => TensorData.FromValues<float>(shape, Array.ConvertAll(matrix.ToRowMajorArray(), value => (float)value));
}
