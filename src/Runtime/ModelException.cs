using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>A model or adapter that cannot be loaded or run; the message ends with ONNX Runtime's own words where there are any.</summary>
public class ModelException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public ModelException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public ModelException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public ModelException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
