using EoOnnx.Formats;

namespace EoOnnx.Queue;

/// <summary>A queue that cannot be reached, or a scene on it that a worker must not map. Trying again would not help.</summary>
public sealed class QueueException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public QueueException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public QueueException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public QueueException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
