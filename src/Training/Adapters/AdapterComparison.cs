using EoOnnx.Formats;

namespace EoOnnx.Training.Adapters;

/// <summary>A tensor, or the update of a LoRA layer, in two adapters.</summary>
/// <param name="Name">Name of the tensor, or path of the layer.</param>
/// <param name="First">2-norm in the first adapter; null when it is absent there.</param>
/// <param name="Second">2-norm in the second.</param>
/// <param name="Distance">2-norm of the difference; null when one is absent or the shapes differ.</param>
/// <param name="Cosine">Cosine of the angle between them, −1 to 1; null as <paramref name="Distance"/>, or when one is zero.</param>
public sealed record TensorDifference(string Name, double? First, double? Second, double? Distance, double? Cosine);

/// <summary>What differs between two adapters.</summary>
/// <param name="Updates">The updates s·B·A of LoRA layers, which adapters of different ranks and alphas share.</param>
/// <param name="Tensors">All tensors, scales folded in.</param>
/// <param name="Recipe">Settings that differ; empty when one of them has no recipe.</param>
/// <param name="SameBase">True when both name one base; null when one of them names none.</param>
public sealed record AdapterComparison(IReadOnlyList<TensorDifference> Updates, IReadOnlyList<TensorDifference> Tensors, IReadOnlyList<RecipeDifference> Recipe, bool? SameBase)
{
    /// <summary>Compares two adapters.</summary>
    public static AdapterComparison Of(AdapterFile first, AdapterFile second)
    {
        var (a, b) = (first.ToOnnxAdapter().Tensors, second.ToOnnxAdapter().Tensors);
        return new AdapterComparison(
            [.. Names(Layers(a), Layers(b)).Select(layer => Update(layer, a, b))],
            [.. Names(a.Keys, b.Keys).Select(name => Tensor(name, a.GetValueOrDefault(name), b.GetValueOrDefault(name)))],
            first.RecipeJson is null || second.RecipeJson is null ? [] : RecipeDifference.Between(first.RecipeJson, second.RecipeJson),
            first.BaseSha256 is null || second.BaseSha256 is null ? null : string.Equals(first.BaseSha256, second.BaseSha256, StringComparison.OrdinalIgnoreCase));
    }

    private static IEnumerable<string> Names(IEnumerable<string> a, IEnumerable<string> b) => a.Union(b).Order(StringComparer.Ordinal);

    private static IEnumerable<string> Layers(IReadOnlyDictionary<string, TensorData> tensors) => tensors.Keys.Where(LoraTensors.IsA).Select(LoraTensors.LayerOf);

    private static TensorDifference Tensor(string name, TensorData? a, TensorData? b)
    {
        var (x, y) = (a?.ToSingles(), b?.ToSingles());
        return Difference(name, x is null ? null : Dot(x, x), y is null ? null : Dot(y, y), x is null || y is null || !a!.Shape.SequenceEqual(b!.Shape) ? null : Dot(x, y));
    }

    private static TensorDifference Update(string layer, IReadOnlyDictionary<string, TensorData> a, IReadOnlyDictionary<string, TensorData> b)
    {
        var (x, y) = (LoraUpdate.Find(a, layer), LoraUpdate.Find(b, layer));
        return Difference(layer, x?.Dot(x), y?.Dot(y), x is null || y is null || !x.FitsWith(y) ? null : x.Dot(y));
    }

    private static TensorDifference Difference(string name, double? first, double? second, double? product) => new(
        name, Root(first), Root(second), product is null ? null : Root(Math.Max(0, first!.Value + second!.Value - (2 * product.Value))),
        product is { } value && first > 0 && second > 0 ? Math.Clamp(value / Math.Sqrt(first.Value * second.Value), -1, 1) : null);

    private static double? Root(double? square) => square is { } value ? Math.Sqrt(value) : null;

    private static double Dot(float[] a, float[] b)
    {
        var sum = 0.0;
        for (var i = 0; i < a.Length; i++)
        {
            sum += (double)a[i] * b[i];
        }

        return sum;
    }
}
