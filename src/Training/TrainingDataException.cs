using EoOnnx.Formats;

namespace EoOnnx.Training;

/// <summary>Chips, labels or their arrangement that cannot be trained on; the message names the file and the next step.</summary>
public sealed class TrainingDataException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public TrainingDataException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public TrainingDataException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public TrainingDataException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
