using EoOnnx.Formats;

namespace EoOnnx.Raster;

/// <summary>A raster that cannot be opened, read or written; the message ends with GDAL's own words where there are any.</summary>
public class RasterException : EoOnnxException
{
    /// <summary>A failure without a message of its own; prefer the other constructors.</summary>
    public RasterException()
    {
    }

    /// <summary>A failure with its explanation.</summary>
    public RasterException(string message) : base(RemoteAccess.Redact(message))
    {
    }

    /// <summary>A failure with its explanation and the exception that caused it.</summary>
    public RasterException(string message, Exception innerException) : base(RemoteAccess.Redact(message), innerException)
    {
    }
}
