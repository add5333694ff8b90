using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace EoOnnx.Tests;

/// <summary>What a server of the tests answers: a status line, headers as they are, and a body that may be cut or sent slowly.</summary>
internal sealed record LoopbackAnswer(string Status, byte[] Body, params string[] Headers)
{
    /// <summary>How many bytes of the body are sent before the connection is closed; null sends all.</summary>
    public int? CutAfter { get; init; }

    /// <summary>Bytes a second; null sends as fast as it goes.</summary>
    public int? Rate { get; init; }
}

/// <summary>An HTTP server on 127.0.0.1 that misbehaves on purpose. Every connection gets one answer and is closed.</summary>
internal sealed class LoopbackServer : IDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<LoopbackRequest, LoopbackAnswer> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;

    public LoopbackServer(Func<LoopbackRequest, LoopbackAnswer> answer)
    {
        _answer = answer;
        _listener.Start();
        _loop = Task.Run(AcceptAsync);
    }

    /// <summary>Every request so far.</summary>
    public ConcurrentQueue<LoopbackRequest> Requests { get; } = new();

    public Uri Address => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}"));

    /// <summary>Serves a file as a good server does: entity tag, ranges.</summary>
    public static LoopbackAnswer File(LoopbackRequest request, byte[] file, string tag = "\"v1\"")
    {
        if (request.Start is { } start && request.Headers.GetValueOrDefault("If-Range") == tag)
        {
            return new LoopbackAnswer("206 Partial Content", file[start..], $"Content-Length: {file.Length - start}", $"Content-Range: bytes {start}-{file.Length - 1}/{file.Length}", $"ETag: {tag}");
        }

        return new LoopbackAnswer("200 OK", file, $"Content-Length: {file.Length}", $"ETag: {tag}");
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Stop();
        _loop.Wait(TimeSpan.FromSeconds(10));
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            TcpClient client;
            try
            {
                client = await _listener.AcceptTcpClientAsync(_stop.Token);
            }
            catch (Exception stopped) when (stopped is OperationCanceledException or SocketException or ObjectDisposedException)
            {
                return;
            }

            _ = ServeAsync(client);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var request = await LoopbackRequest.ReadAsync(stream);
                Requests.Enqueue(request);
                var answer = _answer(request);
                await stream.WriteAsync(Encoding.ASCII.GetBytes($"HTTP/1.1 {answer.Status}\r\n{string.Concat(answer.Headers.Select(header => header + "\r\n"))}Connection: close\r\n\r\n"), _stop.Token);
                var body = answer.Body.AsMemory(0, answer.CutAfter ?? answer.Body.Length);
                var step = answer.Rate is { } rate ? Math.Max(1, rate / 20) : Math.Max(1, body.Length);
                for (var sent = 0; sent < body.Length; sent += step)
                {
                    await stream.WriteAsync(body.Slice(sent, Math.Min(step, body.Length - sent)), _stop.Token);
                    if (answer.Rate is not null)
                    {
                        await Task.Delay(50, _stop.Token);
                    }
                }
            }
            catch (Exception gone) when (gone is IOException or OperationCanceledException)
            {
                // The client hung up, as some tests make it do.
            }
        }
    }
}

/// <summary>A request line, its headers and its body.</summary>
internal sealed record LoopbackRequest(string Path, IReadOnlyDictionary<string, string> Headers)
{
    /// <summary>GET, POST, …</summary>
    public string Method { get; init; } = "GET";

    /// <summary>What was sent, in ASCII.</summary>
    public string Body { get; init; } = "";

    /// <summary>First byte of the asked range.</summary>
    public int? Start => Headers.TryGetValue("Range", out var range) ? int.Parse(range["bytes=".Length..].TrimEnd('-'), CultureInfo.InvariantCulture) : null;

    public static async Task<LoopbackRequest> ReadAsync(Stream stream)
    {
        using var reader = new StreamReader(stream, Encoding.ASCII, leaveOpen: true);
        var line = await reader.ReadLineAsync() ?? throw new IOException("no request");
        var headers = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        while (await reader.ReadLineAsync() is { Length: > 0 } header)
        {
            var colon = header.IndexOf(':', StringComparison.Ordinal);
            headers[header[..colon]] = header[(colon + 1)..].Trim();
        }

        var body = new char[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        var read = body.Length > 0 ? await reader.ReadBlockAsync(body) : 0; // asked for nothing, it would wait for the next byte
        return new LoopbackRequest(line.Split(' ')[1], headers) { Method = line.Split(' ')[0], Body = new string(body, 0, read) };
    }
}
