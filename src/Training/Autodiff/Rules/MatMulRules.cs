using EoOnnx.Onnx;

namespace EoOnnx.Training.Autodiff.Rules;

/// <summary>
/// Matrix products. The gradient with respect to the left operand of a frozen weight reads the same stored weight the other way
/// round (FusedMatMul), so a frozen layer keeps nothing but its weight for the backward pass.
/// </summary>
internal static class MatMulRules
{
    public static readonly Dictionary<string, VjpRule?[]> Table = new()
    {
        ["MatMul"] = [Left, Right],
        ["com.microsoft.FusedMatMul"] = [FusedLeft, FusedRight],
        ["Gemm"] =
        [
            c => c.Attribute("transA", 0) != 0
                ? Gemm(c, c.Input(1), c.Grad, c.Attribute("transB", 0) != 0, true)
                : Gemm(c, c.Grad, c.Input(1), false, c.Attribute("transB", 0) == 0),
            c => c.Attribute("transB", 0) != 0
                ? Gemm(c, c.Grad, c.Input(0), true, c.Attribute("transA", 0) != 0)
                : Gemm(c, c.Input(0), c.Grad, c.Attribute("transA", 0) == 0, false),
            c => c.Attribute("beta", 1f) is var beta && beta == 1 ? c.Grad : c.Op.Mul(c.Grad, beta),
        ],
        ["Einsum"] = [Einsum],
    };

    private static Value Gemm(VjpContext c, Value a, Value b, bool transposeA, bool transposeB) =>
        c.MatMul(a, b, transposeA, transposeB, c.Attribute("alpha", 1f));

    private static Value Left(VjpContext c)
    {
        var (a, b) = (c.Input(0), c.Input(1));
        if (a.Rank >= 2 && b.Rank >= 2)
        {
            return c.MatMul(c.Grad, b, transposeB: true);
        }

        // A vector takes part as a matrix of one row or column.
        var gradient = c.MatMul(WithVectorAxes(c, c.Grad), AsMatrix(c.Op, b, 1), transposeB: true);
        return a.Rank == 1 ? c.Op.ReduceSum(gradient, keepDims: false, [.. Enumerable.Range(0, gradient.Rank - 1).Select(axis => (long)axis)]) : gradient;
    }

    private static Value Right(VjpContext c)
    {
        var (a, b) = (c.Input(0), c.Input(1));
        if (b.Rank == 2 && a.Rank > 2)
        {
            // One product over all rows instead of one a batch entry and a sum.
            var rows = c.Op.Reshape(a, Flat(a, b.KnownShape[0]));
            var gradients = c.Op.Reshape(c.Grad, Flat(c.Grad, b.KnownShape[1]));

            // A narrow weight (LoRA's A): the product is several times faster with the wide operand on the right.
            return b.KnownShape[0].Value is { } wide && wide >= 64 && (b.KnownShape[1].Value ?? 0) <= wide / 16
                ? MatrixProducts.SwapLastAxes(c.Op, c.MatMul(gradients, rows, transposeA: true))
                : c.MatMul(rows, gradients, transposeA: true);
        }

        if (a.Rank >= 2 && b.Rank >= 2)
        {
            return c.MatMul(a, c.Grad, transposeA: true);
        }

        var gradient = c.MatMul(AsMatrix(c.Op, a, 0), WithVectorAxes(c, c.Grad), transposeA: true);
        if (b.Rank > 1)
        {
            return gradient;
        }

        var batches = Enumerable.Range(0, gradient.Rank - 2).Select(axis => (long)axis);
        return c.Op.ReduceSum(gradient, keepDims: false, [.. batches, gradient.Rank - 1]);

        // A symbolic last axis, such as the rank of a slot for adapters, is read when the graph runs.
        Value Flat(Value x, Dim last) => (x.KnownShape[-1].Value ?? last.Value) is { } extent ? c.Op.Int64s(-1, extent)
            : c.Op.Concat(0, c.Op.Int64s(-1), c.Op.Slice(c.Op.Shape(x), 0, -1, long.MaxValue));
    }

    private static Value AsMatrix(GraphBuilder op, Value x, long axis) => x.Rank >= 2 ? x : op.Unsqueeze(x, axis);

    /// <summary>The gradient with the axes back that a vector operand removed from the product.</summary>
    private static Value WithVectorAxes(VjpContext c, Value gradient)
    {
        gradient = c.Input(1).Rank == 1 ? c.Op.Unsqueeze(gradient, -1) : gradient;
        return c.Input(0).Rank == 1 ? c.Op.Unsqueeze(gradient, -2) : gradient;
    }

    /// <summary>y = α·A′·B′ with A′, B′ swapped or not: dA = α·g·B′ᵀ, or α·B′·gᵀ when A was swapped.</summary>
    private static Value FusedLeft(VjpContext c)
    {
        var (swapA, swapB) = (c.Attribute("transA", 0) != 0, c.Attribute("transB", 0) != 0);
        var alpha = c.Attribute("alpha", 1f);
        return swapA
            ? c.MatMul(c.Input(1), c.Grad, transposeA: swapB, transposeB: true, alpha)
            : c.MatMul(c.Grad, c.Input(1), transposeA: false, transposeB: !swapB, alpha);
    }

    private static Value FusedRight(VjpContext c)
    {
        var (swapA, swapB) = (c.Attribute("transA", 0) != 0, c.Attribute("transB", 0) != 0);
        var alpha = c.Attribute("alpha", 1f);
        return swapB
            ? c.MatMul(c.Grad, c.Input(0), transposeA: true, transposeB: swapA, alpha)
            : c.MatMul(c.Input(0), c.Grad, transposeA: !swapA, transposeB: false, alpha);
    }

    /// <summary>The gradient of a sum of products is the same sum with the operand and the result exchanged.</summary>
    private static Value Einsum(VjpContext c)
    {
        var sides = c.Node.Text("equation", "").Replace(" ", "", StringComparison.Ordinal).Split("->");
        var terms = sides[0].Split(',');
        var wanted = terms[c.Index];
        var others = terms.Where((_, i) => i != c.Index).ToList();
        var available = string.Concat(others) + sides[1];
        if (wanted.Distinct().Count() != wanted.Length || !wanted.All(available.Contains))
        {
            throw c.Unsupported($"term '{wanted}' has an index that occurs twice or in no other term; write it with ReduceSum");
        }

        var equation = $"{string.Join(',', others.Prepend(sides[1]))}->{wanted}";
        return c.Op.Einsum(equation, [c.Grad, .. c.Node.Inputs.Where((_, i) => i != c.Index).Select(input => input!)]);
    }
}
