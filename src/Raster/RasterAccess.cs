namespace EoOnnx.Raster;

/// <summary>How a raster is opened.</summary>
public sealed record RasterAccess
{
    /// <summary>Name in messages, tags and reports; null takes the path without what follows a question mark.</summary>
    public string? DisplayName { get; init; }

    /// <summary>Allows a VRT to read files outside its own folder.</summary>
    public bool AllowExternalVrt { get; init; }

    /// <summary>The raster reads from servers though its name does not say so, as a VRT of remote files does.</summary>
    public bool IsRemote { get; init; }

    /// <summary>Some of these servers' names carry a signature.</summary>
    public bool IsSigned { get; init; }
}
