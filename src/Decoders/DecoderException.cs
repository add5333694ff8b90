using EoOnnx.Formats;

namespace EoOnnx.Decoders;

/// <summary>Necks, a decoder or a head that do not fit together or are not known: the message names the part, what was expected and what was found.</summary>
public sealed class DecoderException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public DecoderException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public DecoderException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public DecoderException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
