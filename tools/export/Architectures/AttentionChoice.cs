namespace EoOnnx.Export.Architectures;

/// <summary>Where a model shall run, as far as the form of its graph depends on it.</summary>
public enum ExecutionTarget
{
    /// <summary>Any runtime: only operators of the ONNX standard.</summary>
    Any,

    /// <summary>ONNX Runtime on the processor.</summary>
    Cpu,

    /// <summary>ONNX Runtime's CUDA provider.</summary>
    Cuda,

    /// <summary>TensorRT, through ONNX Runtime or by itself.</summary>
    Tensorrt,

    /// <summary>OpenVINO, likewise.</summary>
    Openvino,

    /// <summary>CoreML, likewise.</summary>
    Coreml,

    /// <summary>DirectML, likewise.</summary>
    Directml,
}

/// <summary>The form of attention for a place to run. Why: <c>docs/decisions/0016-attention-by-execution-provider.md</c>.</summary>
public static class AttentionChoice
{
    /// <summary>One fused operator where its kernel does not store the scores; standard operators, which each compiler fuses as it likes, everywhere else.</summary>
    public static AttentionForm For(ExecutionTarget target) => target == ExecutionTarget.Cuda ? AttentionForm.Fused : AttentionForm.Standard;
}
