using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>An ONNX file that is truncated, inconsistent or hostile; the message names the part and what was found.</summary>
public class OnnxFormatException : FileFormatException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public OnnxFormatException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public OnnxFormatException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public OnnxFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

/// <summary>A graph that cannot be built: the message names the node, the input, what was expected and what was found.</summary>
public class OnnxGraphException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public OnnxGraphException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public OnnxGraphException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public OnnxGraphException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
