namespace EoOnnx.Onnx;

/// <content>Matrix products, convolutions, normalisation, pooling and resizing.</content>
public sealed partial class GraphBuilder
{
    /// <summary>Matrix product over the last two axes; leading axes broadcast (ONNX MatMul).</summary>
    public Value MatMul(Value a, Value b) => Node("MatMul", [a, b]);

    /// <summary>alpha · a·b with the last two axes of a or b swapped on the fly (com.microsoft FusedMatMul).</summary>
    public Value FusedMatMul(Value a, Value b, bool transposeA = false, bool transposeB = false, float alpha = 1) =>
        Nodes("com.microsoft", "FusedMatMul", [a, b], 1, ("alpha", alpha), ("transA", transposeA ? 1L : 0L), ("transB", transposeB ? 1L : 0L))[0];

    /// <summary>a·b + c for matrices (ONNX Gemm).</summary>
    public Value Gemm(Value a, Value b, Value? c = null, bool transposeA = false, bool transposeB = false) =>
        Node("Gemm", [a, b, c], ("transA", transposeA ? 1L : 0L), ("transB", transposeB ? 1L : 0L));

    /// <summary>Sum of products in Einstein notation (ONNX Einsum).</summary>
    public Value Einsum(string equation, params ReadOnlySpan<Value> inputs) => Node("Einsum", inputs.ToArray(), ("equation", equation));

    /// <summary>x·weight + bias over the last axis; weight is [in, out] (MatMul and Add).</summary>
    public Value Linear(Value x, Value weight, Value? bias = null) => bias is null ? MatMul(x, weight) : Add(MatMul(x, weight), bias);

    /// <summary>Normalises over the axes from <paramref name="axis"/> on (ONNX LayerNormalization).</summary>
    public Value LayerNormalization(Value x, Value scale, Value? bias, float epsilon, long axis = -1) =>
        Node("LayerNormalization", [x, scale, bias], ("axis", axis), ("epsilon", epsilon));

    /// <summary>Cross-correlation; weight is [out, in / group, kernel…]; pads are begins then ends (ONNX Conv).</summary>
    public Value Conv(Value x, Value weight, Value? bias, long[] strides, long[] pads, long[]? dilations = null, long group = 1) =>
        Node("Conv", [x, weight, bias], ("strides", strides), ("pads", pads), ("group", group),
            ("dilations", dilations ?? [.. Enumerable.Repeat(1L, strides.Length)]));

    /// <summary>Transposed convolution; weight is [in, out / group, kernel…] (ONNX ConvTranspose).</summary>
    public Value ConvTranspose(Value x, Value weight, Value? bias, long[] strides, long[] pads, long group = 1, long[]? outputPadding = null, long[]? dilations = null) =>
        Node("ConvTranspose", [x, weight, bias], ("strides", strides), ("pads", pads), ("group", group),
            ("dilations", dilations ?? [.. Enumerable.Repeat(1L, strides.Length)]),
            ("output_padding", outputPadding ?? new long[strides.Length]));

    /// <summary>Largest element of each window (ONNX MaxPool).</summary>
    public Value MaxPool(Value x, long[] kernel, long[] strides, long[] pads, bool ceilMode = false) =>
        Node("MaxPool", [x], ("kernel_shape", kernel), ("strides", strides), ("pads", pads), ("ceil_mode", ceilMode ? 1L : 0L));

    /// <summary>Mean of each window (ONNX AveragePool).</summary>
    public Value AveragePool(Value x, long[] kernel, long[] strides, long[] pads) =>
        Node("AveragePool", [x], ("kernel_shape", kernel), ("strides", strides), ("pads", pads), ("count_include_pad", 1L));

    /// <summary>Mean over all spatial axes, which stay with extent 1 (ONNX GlobalAveragePool).</summary>
    public Value GlobalAveragePool(Value x) => Node("GlobalAveragePool", [x]);

    /// <summary>Frozen batch normalisation with running statistics (ONNX BatchNormalization, inference form).</summary>
    public Value BatchNormalization(Value x, Value scale, Value bias, Value mean, Value variance, float epsilon = 1e-5f) =>
        Node("BatchNormalization", [x, scale, bias, mean, variance], ("epsilon", epsilon));

    /// <summary>Resamples [N, C, H, W] to a fixed height and width (ONNX Resize).</summary>
    /// <param name="x">The map.</param>
    /// <param name="height">Rows of the result.</param>
    /// <param name="width">Columns of the result.</param>
    /// <param name="mode"><c>nearest</c>, <c>linear</c> or <c>cubic</c> (cubic coefficient −0.75, as PyTorch).</param>
    /// <param name="alignCorners">PyTorch's <c>align_corners</c>; ignored for nearest, which is floor(dst · in / out).</param>
    public Value Resize(Value x, long height, long width, string mode, bool alignCorners = false) =>
        Resize(x, Int64s(height, width), mode, alignCorners);

    /// <summary>Resamples [N, C, H, W] to the computed sizes [height, width] (ONNX Resize).</summary>
    public Value Resize(Value x, Value sizes, string mode, bool alignCorners = false)
    {
        var (coordinates, nearest) = mode == "nearest" ? ("asymmetric", "floor") : (alignCorners ? "align_corners" : "half_pixel", "round_prefer_floor");
        return Node("Resize", [x, null, null, sizes], ("axes", new long[] { 2, 3 }), ("mode", mode), ("coordinate_transformation_mode", coordinates),
            ("nearest_mode", nearest), ("cubic_coeff_a", -0.75f));
    }
}
