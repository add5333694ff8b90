using EoOnnx.Formats;
using EoOnnx.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Tests;

/// <summary>Runs a model on real ONNX Runtime.</summary>
internal static class Ort
{
    public static SessionOptions Quiet => new() { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };

    /// <summary>All outputs of one run, by name.</summary>
    public static Dictionary<string, TensorData> Run(OnnxModel model, params (string Name, TensorData Data)[] inputs)
    {
        using var options = Quiet;
        using var session = new InferenceSession(model.ToBytes(), options);
        return Run(session, inputs);
    }

    /// <summary>All outputs of one run, by name.</summary>
    public static Dictionary<string, TensorData> Run(InferenceSession session, params (string Name, TensorData Data)[] inputs)
    {
        var values = inputs.Select(input => ToOrt(input.Data)).ToList();
        using var options = new RunOptions();
        using var results = session.Run(options, inputs.Select(input => input.Name).ToList(), values, session.OutputNames);
        var outputs = session.OutputNames.Zip(results, (name, value) => (name, FromOrt(value))).ToDictionary(item => item.name, item => item.Item2);
        values.ForEach(value => value.Dispose());
        return outputs;
    }

    private static OrtValue ToOrt(TensorData data) => data.Type switch
    {
        ElementType.Float => Create<float>(data),
        ElementType.Double => Create<double>(data),
        ElementType.Int64 => Create<long>(data),
        ElementType.Int32 => Create<int>(data),
        ElementType.Bool => Create<bool>(data),
        ElementType.UInt8 => Create<byte>(data),
        _ => throw new NotSupportedException(data.Type.ToString()),
    };

    private static OrtValue Create<T>(TensorData data) where T : unmanaged =>
        OrtValue.CreateTensorValueFromMemory(data.AsSpan<T>().ToArray(), [.. data.Shape]);

    private static TensorData FromOrt(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return TensorData.FromBytes((ElementType)(int)info.ElementDataType, info.Shape, value.GetTensorMutableRawData().ToArray());
    }
}
