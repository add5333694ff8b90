using EoOnnx.Formats;
using EoOnnx.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Export.Tests;

/// <summary>Runs a model on real ONNX Runtime.</summary>
internal static class Ort
{
    /// <summary>All outputs of one run, by name.</summary>
    public static Dictionary<string, TensorData> Run(OnnxModel model, params (string Name, TensorData Data)[] inputs)
    {
        using var options = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR };
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
        ElementType.Float => OrtValue.CreateTensorValueFromMemory(data.AsSpan<float>().ToArray(), [.. data.Shape]),
        ElementType.Int64 => OrtValue.CreateTensorValueFromMemory(data.AsSpan<long>().ToArray(), [.. data.Shape]),
        ElementType.Bool => OrtValue.CreateTensorValueFromMemory(data.AsSpan<bool>().ToArray(), [.. data.Shape]),
        _ => throw new NotSupportedException(data.Type.ToString()),
    };

    private static TensorData FromOrt(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return TensorData.FromBytes((ElementType)(int)info.ElementDataType, info.Shape, value.GetTensorMutableRawData().ToArray());
    }
}
