namespace EoOnnx.Formats;

/// <summary>
/// A failure that EoOnnx explains: the thing, what was expected, what was found and the next step.
/// Every room derives its own exception from it; the command line turns it into exit code 1.
/// </summary>
public class EoOnnxException : Exception
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public EoOnnxException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public EoOnnxException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public EoOnnxException(string message, Exception innerException) : base(message, innerException)
    {
    }
}

/// <summary>A file that is not what its name or its header promises: truncated, inconsistent or hostile.</summary>
public class FileFormatException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public FileFormatException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public FileFormatException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public FileFormatException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
