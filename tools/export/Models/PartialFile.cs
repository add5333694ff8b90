using System.Net.Http.Headers;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Export.Models;

/// <summary>
/// The <c>.part</c> file of a download and, beside it, what a resumption must know: <c>.part.json</c> with the address, the size and the
/// validator of the version that was begun. Owns the file while it is open; a second process cannot open it.
/// </summary>
internal sealed class PartialFile : IDisposable
{
    private readonly FileStream _stream;
    private readonly string _statePath;
    private readonly Uri _address;

    private PartialFile(FileStream stream, string statePath, Uri address)
    {
        (_stream, _statePath, _address) = (stream, statePath, address);
        var state = ReadState(statePath);
        if (state is { Validator.Length: > 0 } && state.Address == address.AbsoluteUri && (state.Total is null || state.Total >= stream.Length))
        {
            (Validator, Total) = (state.Validator, state.Total);
            stream.Seek(0, SeekOrigin.End);
        }
        else
        {
            Restart();
        }
    }

    /// <summary>The file.</summary>
    public string Path => _stream.Name;

    /// <summary>Bytes that are there.</summary>
    public long Length => _stream.Length;

    /// <summary>Size of the whole file, when it is known.</summary>
    public long? Total { get; private set; }

    /// <summary>The version that was begun.</summary>
    public string? Validator { get; private set; }

    /// <summary>Opens what is there of <paramref name="target"/>, or begins it.</summary>
    /// <exception cref="IOException">Another process has it open, or the folder cannot be written.</exception>
    public static PartialFile Open(string target, Uri address)
    {
        var stream = new FileStream(target + ".part", FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        try
        {
            return new PartialFile(stream, StateOf(target), address);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    /// <summary>Removes what is there of <paramref name="target"/>.</summary>
    public static void Discard(string target)
    {
        AtomicFile.Discard(target + ".part");
        AtomicFile.Discard(StateOf(target));
    }

    /// <summary>The request for what is missing.</summary>
    public HttpRequestMessage Request(Uri address)
    {
        var request = new HttpRequestMessage(HttpMethod.Get, address);
        if (Length > 0 && Validator is { } validator)
        {
            request.Headers.Range = new RangeHeaderValue(Length, null);
            request.Headers.IfRange = RangeConditionHeaderValue.Parse(validator);
        }

        return request;
    }

    /// <summary>Takes the server's version: goes on where the file ends, or starts from zero.</summary>
    public void Accept(ServerReply reply)
    {
        if (reply.Start == 0)
        {
            Restart();
        }

        (Total, Validator) = (reply.Total, reply.Validator);
        AtomicFile.WriteText(_statePath, JsonSerializer.Serialize(new State(_address.AbsoluteUri, Total, Validator)));
    }

    /// <summary>Forgets everything that is there.</summary>
    public void Restart()
    {
        _stream.SetLength(0);
        (Total, Validator) = (null, null);
    }

    /// <summary>Adds bytes at the end.</summary>
    public ValueTask AppendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellation) => _stream.WriteAsync(bytes, cancellation);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static string StateOf(string target) => target + ".part.json";

    // A state that cannot be read is as good as none: the download starts from zero.
    private static State? ReadState(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<State>(File.ReadAllText(path)) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record State(string Address, long? Total, string? Validator);
}
