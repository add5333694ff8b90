using EoOnnx.Formats;
using MathNet.Numerics.LinearAlgebra;

namespace EoOnnx.Training.Adapters;

/// <summary>The update B·A of a layer as its two factors, in double precision; the kernels of convolutions lie flat.</summary>
/// <param name="B">[out, r].</param>
/// <param name="A">[r, in].</param>
internal sealed record LoraUpdate(Matrix<double> B, Matrix<double> A)
{
    /// <summary>The update of a layer; null when the adapter has none there.</summary>
    public static LoraUpdate? Find(IReadOnlyDictionary<string, TensorData> tensors, string layer) =>
        tensors.TryGetValue(NameOfA(layer), out var a) && tensors.TryGetValue(NameOfB(layer), out var b) ? new LoraUpdate(Flat(b), Flat(a)) : null;

    public static string NameOfA(string layer) => $"{layer}.lora_A.weight";

    public static string NameOfB(string layer) => $"{layer}.lora_B.weight";

    /// <summary>True when both updates have one shape, whatever their ranks.</summary>
    public bool FitsWith(LoraUpdate other) => B.RowCount == other.B.RowCount && A.ColumnCount == other.A.ColumnCount;

    /// <summary>Σ (B₁A₁) ⊙ (B₂A₂) = Σ (B₁ᵀB₂) ⊙ (A₁A₂ᵀ): no product of the layer's size is made.</summary>
    public double Dot(LoraUpdate other) => B.TransposeThisAndMultiply(other.B).PointwiseMultiply(A.TransposeAndMultiply(other.A)).Enumerate().Sum();

    /// <summary>Singular values of B·A in falling order, with B·U and V·A: B·A = Q_B·(U·S·Vᵀ)·Q_Aᵀ with the thin QR factors of B and Aᵀ.</summary>
    public (Matrix<double> Left, Vector<double> Values, Matrix<double> Right) Decompose()
    {
        if (A.RowCount > Math.Min(B.RowCount, A.ColumnCount))
        {
            var whole = (B * A).Svd();
            return (whole.U, whole.S, whole.VT);
        }

        var (left, right) = (B.QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin), A.Transpose().QR(MathNet.Numerics.LinearAlgebra.Factorization.QRMethod.Thin));
        var core = left.R.TransposeAndMultiply(right.R).Svd();
        return (left.Q * core.U, core.S, core.VT.TransposeAndMultiply(right.Q));
    }

    private static Matrix<double> Flat(TensorData tensor)
    {
        var rows = checked((int)tensor.Shape[0]);
        var values = Array.ConvertAll(tensor.ToSingles(), value => (double)value);
        return Matrix<double>.Build.DenseOfRowMajor(rows, values.Length / rows, values);
    }
}
