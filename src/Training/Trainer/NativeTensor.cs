using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace EoOnnx.Training.Trainer;

/// <summary>Tensors in ONNX Runtime's own memory, so that a step reads and writes them without a copy.</summary>
internal static class NativeTensor
{
    /// <summary>A tensor without a content yet.</summary>
    public static OrtValue Allocate(ElementType type, ReadOnlySpan<long> shape) =>
        OrtValue.CreateAllocatedTensorValue(OrtAllocator.DefaultInstance, (TensorElementType)(int)type, shape.ToArray());

    /// <summary>A tensor with the content of another.</summary>
    public static OrtValue Copy(TensorData data)
    {
        var value = Allocate(data.Type, data.Shape.AsSpan());
        Write(data, value);
        return value;
    }

    /// <summary>Overwrites a tensor of the same type and shape.</summary>
    public static void Write(TensorData data, OrtValue destination)
    {
        if (data.ByteLength > 0)
        {
            data.Bytes.Span.CopyTo(destination.GetTensorMutableRawData());
        }
    }

    /// <summary>A copy of the content on the managed heap.</summary>
    public static TensorData Read(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return TensorData.FromBytes((ElementType)(int)info.ElementDataType, info.Shape, info.ElementCount == 0 ? Array.Empty<byte>() : value.GetTensorMutableRawData().ToArray());
    }
}
