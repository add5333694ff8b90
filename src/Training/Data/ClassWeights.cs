namespace EoOnnx.Training.Data;

/// <summary>Loss weights from class frequencies, so that rare classes are not drowned.</summary>
public static class ClassWeights
{
    /// <summary>w_c = N / (present classes · n_c): every class that occurs has the same total weight. Absent classes get 0.</summary>
    /// <param name="counts">Labelled pixels n_c of each class.</param>
    public static float[] Balanced(IReadOnlyList<long> counts) => From(counts, count => count);

    /// <summary>w_c ∝ 1 / √n_c, scaled so that the mean weight of a pixel is 1: a milder correction. Absent classes get 0.</summary>
    /// <param name="counts">Labelled pixels n_c of each class.</param>
    public static float[] SquareRoot(IReadOnlyList<long> counts) => From(counts, count => Math.Sqrt(count));

    private static float[] From(IReadOnlyList<long> counts, Func<long, double> size)
    {
        var total = (double)counts.Sum();
        var weighted = counts.Where(count => count > 0).Sum(count => count / size(count));
        return [.. counts.Select(count => count == 0 ? 0f : (float)(total / (weighted * size(count))))];
    }
}
