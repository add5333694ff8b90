using EoOnnx.Formats;

namespace EoOnnx.Export.Models;

/// <summary>A model that is not known, or whose weights cannot be fetched as its card promises.</summary>
public class ModelCardException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public ModelCardException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public ModelCardException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public ModelCardException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
