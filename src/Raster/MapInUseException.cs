namespace EoOnnx.Raster;

/// <summary>Another run, here or on another machine that shares the folder, is making the same map. The lock ends with the process that holds it.</summary>
public sealed class MapInUseException : RasterException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public MapInUseException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public MapInUseException(string message) : base(message)
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public MapInUseException(string message, Exception innerException) : base(message, innerException)
    {
    }
}
