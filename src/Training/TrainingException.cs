using EoOnnx.Formats;

namespace EoOnnx.Training;

/// <summary>A task, recipe or training run that cannot work: the message names the part, what was expected and what was found.</summary>
public class TrainingException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public TrainingException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public TrainingException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public TrainingException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
