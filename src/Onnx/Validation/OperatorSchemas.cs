namespace EoOnnx.Onnx;

/// <summary>
/// Inputs, outputs and attributes of operators: standard ONNX of opsets 17 to 21 and <c>com.microsoft</c>. One line an operator, and
/// one more for each later opset that changed it:
/// <code>
/// Op[@opset] inputs outputs attribute:kind …
/// </code>
/// Inputs are one letter each: F floating point, N number, I integer of 32 or 64 bits, L 64-bit integer, B boolean, Q 8-bit integer, * anything.
/// A small letter may be left empty; a question mark starts those that may be missing; a plus after the last one repeats it. Outputs are a count, <c>1-3</c>, or <c>1+</c>.
/// Kinds of attributes are i, f, s, t (tensor), g (graph), is, fs and ss; an exclamation mark means required. Source: the operator lists of ONNX and ONNX Runtime.
/// </summary>
internal static class OperatorSchemas
{
    private const string Table = """
        Abs N 1
        Acos F 1
        Acosh F 1
        Add NN 1
        AffineGrid@20 FL 1 align_corners:i
        And BB 1
        ArgMax N 1 axis:i keepdims:i select_last_index:i
        ArgMin N 1 axis:i keepdims:i select_last_index:i
        Asin F 1
        Asinh F 1
        Atan F 1
        Atanh F 1
        AveragePool F 1 auto_pad:s ceil_mode:i count_include_pad:i kernel_shape:is! pads:is strides:is
        AveragePool@19 F 1 auto_pad:s ceil_mode:i count_include_pad:i dilations:is kernel_shape:is! pads:is strides:is
        BatchNormalization FFFFF 1-3 epsilon:f momentum:f training_mode:i
        Bernoulli F 1 dtype:i seed:f
        BitShift ** 1 direction:s!
        BitwiseAnd@18 ** 1
        BitwiseNot@18 * 1
        BitwiseOr@18 ** 1
        BitwiseXor@18 ** 1
        BlackmanWindow I 1 output_datatype:i periodic:i
        Cast * 1 to:i!
        Cast@19 * 1 saturate:i to:i!
        CastLike ** 1
        CastLike@19 ** 1 saturate:i
        Ceil F 1
        Celu F 1 alpha:f
        CenterCropPad@18 *I 1 axes:is
        Clip N?NN 1
        Col2Im@18 *LL 1 dilations:is pads:is strides:is
        Compress *B 1 axis:i
        Concat *+ 1 axis:i!
        Constant - 1 sparse_value:t value:t value_float:f value_floats:fs value_int:i value_ints:is value_string:s value_strings:ss
        ConstantOfShape L 1 value:t
        Conv FF?F 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        ConvInteger QQ?QQ 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        ConvTranspose FF?F 1 auto_pad:s dilations:is group:i kernel_shape:is output_padding:is output_shape:is pads:is strides:is
        Cos F 1
        Cosh F 1
        CumSum NI 1 exclusive:i reverse:i
        DFT F?I 1 axis:i inverse:i onesided:i
        DFT@20 F?IL 1 inverse:i onesided:i
        DeformConv@19 FFF?FF 1 dilations:is group:i kernel_shape:is offset_group:i pads:is strides:is
        DepthToSpace * 1 blocksize:i! mode:s
        DequantizeLinear *F?* 1 axis:i
        DequantizeLinear@21 *F?* 1 axis:i block_size:i
        Det F 1
        Div NN 1
        Dropout F?FB 1-2 seed:i
        DynamicQuantizeLinear F 3
        Einsum N+ 1 equation:s!
        Elu F 1 alpha:f
        Equal ** 1
        Erf N 1
        Exp F 1
        Expand *L 1
        EyeLike * 1 dtype:i k:i
        Flatten * 1 axis:i
        Floor F 1
        GRU FFF?FIF 0-2 activation_alpha:fs activation_beta:fs activations:ss clip:f direction:s hidden_size:i layout:i linear_before_reset:i
        Gather *I 1 axis:i
        GatherElements *I 1 axis:i
        GatherND *L 1 batch_dims:i
        Gelu@20 F 1 approximate:s
        Gemm NN?N 1 alpha:f beta:f transA:i transB:i
        GlobalAveragePool F 1
        GlobalLpPool F 1 p:i
        GlobalMaxPool F 1
        Greater NN 1
        GreaterOrEqual NN 1
        GridSample *F 1 align_corners:i mode:s padding_mode:s
        GroupNormalization@18 FFF 1 epsilon:f num_groups:i!
        GroupNormalization@21 FFF 1 epsilon:f num_groups:i! stash_type:i
        HammingWindow I 1 output_datatype:i periodic:i
        HannWindow I 1 output_datatype:i periodic:i
        HardSigmoid F 1 alpha:f beta:f
        HardSwish F 1
        Hardmax F 1 axis:i
        Identity * 1
        If B 1+ else_branch:g! then_branch:g!
        InstanceNormalization FFF 1 epsilon:f
        IsInf F 1 detect_negative:i detect_positive:i
        IsNaN F 1
        LRN F 1 alpha:f beta:f bias:f size:i!
        LSTM FFF?FIFFF 0-3 activation_alpha:fs activation_beta:fs activations:ss clip:f direction:s hidden_size:i input_forget:i layout:i
        LayerNormalization FF?F 1-3 axis:i epsilon:f stash_type:i
        LeakyRelu F 1 alpha:f
        Less NN 1
        LessOrEqual NN 1
        Log F 1
        LogSoftmax F 1 axis:i
        Loop lb?*+ 1+ body:g!
        LpNormalization F 1 axis:i p:i
        LpPool F 1 auto_pad:s kernel_shape:is! p:i pads:is strides:is
        LpPool@18 F 1 auto_pad:s ceil_mode:i dilations:is kernel_shape:is! p:i pads:is strides:is
        MatMul NN 1
        MatMulInteger QQ?QQ 1
        Max N+ 1
        MaxPool * 1-2 auto_pad:s ceil_mode:i dilations:is kernel_shape:is! pads:is storage_order:i strides:is
        Mean F+ 1
        MeanVarianceNormalization F 1 axes:is
        Min N+ 1
        Mish@18 F 1
        Mod NN 1 fmod:i
        Mul NN 1
        Multinomial F 1 dtype:i sample_size:i seed:f
        Neg N 1
        NegativeLogLikelihoodLoss FI?F 1 ignore_index:i reduction:s
        NonMaxSuppression FF?LFF 1 center_point_box:i
        NonZero * 1
        Not B 1
        OneHot NN* 1 axis:i
        Or BB 1
        PRelu NN 1
        Pad *L?* 1 mode:s
        Pad@18 *L?*I 1 mode:s
        Pow NN 1
        QLinearConv QFQQFQFQ?* 1 auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        QLinearMatMul QFQQFQFQ 1
        QuantizeLinear NF?* 1 axis:i
        QuantizeLinear@19 NF?* 1 axis:i saturate:i
        QuantizeLinear@21 NF?* 1 axis:i block_size:i output_dtype:i saturate:i
        RandomNormal - 1 dtype:i mean:f scale:f seed:f shape:is!
        RandomNormalLike * 1 dtype:i mean:f scale:f seed:f
        RandomUniform - 1 dtype:i high:f low:f seed:f shape:is!
        RandomUniformLike * 1 dtype:i high:f low:f seed:f
        Range NNN 1
        Reciprocal F 1
        ReduceL1 N 1 axes:is keepdims:i
        ReduceL1@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceL2 N 1 axes:is keepdims:i
        ReduceL2@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceLogSum N 1 axes:is keepdims:i
        ReduceLogSum@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceLogSumExp N 1 axes:is keepdims:i
        ReduceLogSumExp@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceMax N 1 axes:is keepdims:i
        ReduceMax@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceMax@20 *?L 1 keepdims:i noop_with_empty_axes:i
        ReduceMean N 1 axes:is keepdims:i
        ReduceMean@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceMin N 1 axes:is keepdims:i
        ReduceMin@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceMin@20 *?L 1 keepdims:i noop_with_empty_axes:i
        ReduceProd N 1 axes:is keepdims:i
        ReduceProd@18 N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceSum N?L 1 keepdims:i noop_with_empty_axes:i
        ReduceSumSquare N 1 axes:is keepdims:i
        ReduceSumSquare@18 N?L 1 keepdims:i noop_with_empty_axes:i
        Relu N 1
        Reshape *L 1 allowzero:i
        Resize *?*FL 1 coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f mode:s nearest_mode:s
        Resize@18 *?*FL 1 antialias:i axes:is coordinate_transformation_mode:s cubic_coeff_a:f exclude_outside:i extrapolation_value:f keep_aspect_ratio_policy:s mode:s nearest_mode:s
        ReverseSequence *L 1 batch_axis:i time_axis:i
        RoiAlign FFL 1 coordinate_transformation_mode:s mode:s output_height:i output_width:i sampling_ratio:i spatial_scale:f
        Round F 1
        STFT FI?FI 1 onesided:i
        Scan *+ 1+ body:g! num_scan_inputs:i! scan_input_axes:is scan_input_directions:is scan_output_axes:is scan_output_directions:is
        ScatterElements *I* 1 axis:i reduction:s
        ScatterND *L* 1 reduction:s
        Selu F 1 alpha:f gamma:f
        Shape * 1 end:i start:i
        Shrink N 1 bias:f lambd:f
        Sigmoid F 1
        Sign N 1
        Sin F 1
        Sinh F 1
        Size * 1
        Slice *II?II 1
        Softmax F 1 axis:i
        SoftmaxCrossEntropyLoss FI?F 1-2 ignore_index:i reduction:s
        Softplus F 1
        Softsign F 1
        SpaceToDepth * 1 blocksize:i!
        Split *?L 1+ axis:i
        Split@18 *?L 1+ axis:i num_outputs:i
        Sqrt F 1
        Squeeze *?L 1
        Sub NN 1
        Sum F+ 1
        Tan F 1
        Tanh F 1
        ThresholdedRelu F 1 alpha:f
        Tile *L 1
        TopK NL 2 axis:i largest:i sorted:i
        Transpose * 1 perm:is
        Trilu *?L 1 upper:i
        Unique * 1-4 axis:i sorted:i
        Unsqueeze *L 1
        Where B** 1
        Xor BB 1
        com.microsoft.Attention FF?FI**I 1-3 do_rotary:i mask_filter_value:f num_heads:i! past_present_share_buffer:i qkv_hidden_sizes:is rotary_embedding_dim:i scale:f unidirectional:i
        com.microsoft.BiasGelu FF 1
        com.microsoft.DynamicQuantizeMatMul FQF?QF 1
        com.microsoft.FastGelu F?F 1
        com.microsoft.FusedConv FF?FF 1 activation:s activation_params:fs auto_pad:s dilations:is group:i kernel_shape:is pads:is strides:is
        com.microsoft.FusedMatMul FF 1 alpha:f transA:i transB:i transBatchA:i transBatchB:i
        com.microsoft.Gelu F 1
        com.microsoft.MatMulIntegerToFloat QQFF?QQF 1
        com.microsoft.MatMulNBits F**?*IF 1 K:i! N:i! accuracy_level:i bits:i block_size:i! weight_prepacked:i
        com.microsoft.MultiHeadAttention F?FFFIFFFII 1-4 mask_filter_value:f num_heads:i! scale:f unidirectional:i
        com.microsoft.QuickGelu F 1 alpha:f
        com.microsoft.SkipLayerNormalization FFF?FF 1-4 epsilon:f
        """;

    private static readonly Dictionary<(string Domain, string OpType), List<OperatorSchema>> Schemas = Table
        .Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(OperatorSchema.Parse)
        .GroupBy(schema => (schema.Domain, schema.OpType)).ToDictionary(group => group.Key, group => group.OrderBy(schema => schema.Since).ToList());

    /// <summary>The first opset in which some operator is described as it is; older ones differ too much.</summary>
    public const long Oldest = 17;

    /// <summary>The last opset whose operators are described.</summary>
    public const long Newest = 21;

    public static IEnumerable<OperatorSchema> All => Schemas.Values.SelectMany(versions => versions);

    /// <summary>The form of an operator in an opset; null when the operator is not described or does not exist there yet.</summary>
    public static OperatorSchema? Find(string domain, string opType, long opset) =>
        Schemas.GetValueOrDefault((domain, opType))?.LastOrDefault(schema => domain.Length > 0 || schema.Since <= opset);

    /// <summary>The opset that brought an operator of standard ONNX, or null when it is not described.</summary>
    public static long? IntroducedIn(string opType) => Schemas.GetValueOrDefault(("", opType))?[0].Since;
}
