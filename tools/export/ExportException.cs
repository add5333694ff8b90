using EoOnnx.Formats;

namespace EoOnnx.Export;

/// <summary>A model that cannot be exported as asked: what was asked for, what is possible and the next step.</summary>
public sealed class ExportException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public ExportException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public ExportException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public ExportException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
