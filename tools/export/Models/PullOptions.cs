namespace EoOnnx.Export.Models;

/// <summary>Where and how weights are fetched.</summary>
public sealed record PullOptions
{
    /// <summary>Folder of the file.</summary>
    public string Folder { get; init; } = DefaultFolder;

    /// <summary>A server that holds the same files under the same paths; its address replaces scheme, host and port of the card's URL.</summary>
    public Uri? Mirror
    {
        get;
        init => field = value is null || (value.IsAbsoluteUri && value.Scheme is "http" or "https") ? value
            : throw new ArgumentOutOfRangeException(nameof(Mirror), value, $"A mirror is an address such as https://mirror.example; found '{value}'.");
    }

    /// <summary>The proxy that everything is fetched through, whatever the environment says; null takes that of the environment
    /// (<c>HTTPS_PROXY</c>, <c>HTTP_PROXY</c>, <c>ALL_PROXY</c>, exceptions in <c>NO_PROXY</c>). A name and a password may stand before its host.</summary>
    public Uri? Proxy
    {
        get;
        init => field = value is null || (value.IsAbsoluteUri && value.Scheme is "http" or "https" or "socks4" or "socks4a" or "socks5") ? value
            : throw new ArgumentOutOfRangeException(nameof(Proxy), $"A proxy is an address such as http://proxy.example:3128 or socks5://proxy.example:1080; found {(value.IsAbsoluteUri ? $"the scheme '{value.Scheme}'" : $"'{value}'")}.");
    }

    /// <summary>How often a broken connection or a busy server is tried again after the first attempt. An attempt that received data does not count.</summary>
    public int Retries
    {
        get;
        init => field = value is >= 1 and <= 100 ? value : throw new ArgumentOutOfRangeException(nameof(Retries), value, $"Retries must lie between 1 and 100; found {value}.");
    } = 5;

    /// <summary>Pause before the first retry; it doubles from one to the next, up to a minute.</summary>
    public TimeSpan FirstPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long the server may be silent before the attempt counts as failed.</summary>
    public TimeSpan Silence { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Largest file that is accepted, in bytes.</summary>
    public long MaximumBytes { get; init; } = 32L << 30;

    /// <summary>The defaults, with a folder, a mirror and a proxy where they are given as text.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The mirror or the proxy is not an address.</exception>
    public static PullOptions Create(string? folder, string? mirror, string? proxy = null) => new()
    {
        Folder = folder ?? DefaultFolder,
        Mirror = Parse(mirror, nameof(Mirror)),
        Proxy = Parse(proxy, nameof(Proxy)),
    };

    private static Uri? Parse(string? address, string option) => address is null ? null : Uri.TryCreate(address, UriKind.RelativeOrAbsolute, out var parsed) ? parsed
        : throw new ArgumentOutOfRangeException(option, $"'{address}' is no address; expected one such as http://{option.ToLowerInvariant()}.example:3128.");

    /// <summary><c>eoonnx/models</c> in the user's cache folder (<c>XDG_CACHE_HOME</c>, else the system's folder for local data).</summary>
    public static string DefaultFolder => Path.Combine(
        Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Environment.GetFolderPath(Environment.SpecialFolder.LocalApplicationData, Environment.SpecialFolderOption.DoNotVerify),
        "eoonnx", "models");
}

/// <summary>How far a download is.</summary>
/// <param name="Received">Bytes on disk.</param>
/// <param name="Total">Size of the file, when the server says it.</param>
/// <param name="Remark">Why an attempt is repeated; null while data flows.</param>
public sealed record PullProgress(long Received, long? Total, string? Remark = null);

/// <summary>A file of weights that is complete and checked.</summary>
/// <param name="Name">Name of the card.</param>
/// <param name="Path">The file.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its SHA-256.</param>
/// <param name="Check">What the hash was compared with: <c>card</c>, <c>pin</c> of an earlier download, or, pinned by this one, <c>prefix</c> (the digits that the card states) or <c>pinned now</c> (nothing).</param>
/// <param name="WasThere">Whether the file was there already, so that nothing was fetched.</param>
/// <param name="Licence">Licence of the weights.</param>
public sealed record PulledModel(string Name, string Path, long Bytes, string Sha256, string Check, bool WasThere, string Licence);
