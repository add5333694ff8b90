using EoOnnx.Formats;

namespace EoOnnx.Export.Models;

/// <summary>A failed attempt that may succeed when it is repeated.</summary>
internal sealed class TransientDownloadException(string message, Exception? inner = null) : EoOnnxException(message, inner!)
{
    /// <summary>When the server wants to be asked again.</summary>
    public TimeSpan? RetryAfter { get; init; }
}
