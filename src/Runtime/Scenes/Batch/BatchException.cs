using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>A list of scenes that cannot be read or cannot be mapped as it is.</summary>
public sealed class BatchException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public BatchException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public BatchException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public BatchException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
