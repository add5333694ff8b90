using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>A model or adapter that cannot be loaded or run; the message ends with ONNX Runtime's own words where there are any.</summary>
public class ModelException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public ModelException()
    {
    }

    /// <summary>True when ONNX Runtime found no memory for a run, on the processor or on a GPU; a smaller batch may go through.</summary>
    public bool IsOutOfMemory => InnerException is { } cause && OutOfMemory.Any(words => cause.Message.Contains(words, StringComparison.OrdinalIgnoreCase));

    private static readonly string[] OutOfMemory = ["Failed to allocate memory", "out of memory", "bad_alloc", "bad allocation", "Available memory of", "CUDA failure 2:"];

    /// <summary>A failure with its explanation.</summary>
    public ModelException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public ModelException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
