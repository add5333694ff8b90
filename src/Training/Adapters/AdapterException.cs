using EoOnnx.Formats;

namespace EoOnnx.Training.Adapters;

/// <summary>An adapter that is incomplete, or that belongs to another base; the message names the tensor or both bases.</summary>
public sealed class AdapterException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public AdapterException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public AdapterException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public AdapterException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
