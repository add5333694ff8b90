using System.Net;
using System.Security.Cryptography;
using EoOnnx.Formats;
using Polly;
using Polly.Retry;

namespace EoOnnx.Export.Models;

/// <summary>
/// Fetches the weights of a model card: resumes what was begun, repeats what broke, checks length and SHA-256, and gives the file its
/// name only when all of that is right. What is on disk of an unfinished download is <c>FILE.part</c>.
/// </summary>
public static class ModelDownload
{
    private const long DiskReserve = 64 << 20;

    // One client for the process, as HttpClient wants it; the proxy is the environment's (HTTPS_PROXY, NO_PROXY, …).
    private static readonly HttpClient Client = CreateClient(proxy: null);

    /// <summary>Fetches and checks the file of a card; a file that is there already is only checked.</summary>
    /// <param name="card">What to fetch.</param>
    /// <param name="options">Where to and how; null for the defaults.</param>
    /// <param name="progress">Told about bytes and about repeated attempts.</param>
    /// <param name="cancellation">Ends the download; what has arrived stays for the next time.</param>
    /// <exception cref="ModelCardException">No weights are published, the server refuses, the attempts are used up, the disk is too small,
    /// or the file is not the expected one.</exception>
    /// <exception cref="IOException">The folder cannot be written, or another process downloads the same file.</exception>
    public static async Task<PulledModel> PullAsync(ModelCard card, PullOptions? options = null, IProgress<PullProgress>? progress = null, CancellationToken cancellation = default)
    {
        options ??= new PullOptions();
        if (card.Url is null || card.File is null)
        {
            throw new ModelCardException($"No weights of {card.Name} are published where a program can fetch them, so there is nothing to pull. See: eoonnx models show {card.Name}");
        }

        Directory.CreateDirectory(options.Folder);
        var address = Address(card.Url, options.Mirror);
        var (target, pins) = (Path.Combine(options.Folder, card.File), new PinnedHashes(options.Folder));
        var pinned = card.Sha256 is null ? pins.Find(card.Name) : null;
        if (File.Exists(target))
        {
            return await CheckAsync(target, target, wasThere: true).ConfigureAwait(false);
        }

        using var proxied = options.Proxy is { } proxy ? CreateClient(proxy) : null;
        string part;
        using (var file = PartialFile.Open(target, address))
        {
            part = file.Path;
            await FetchAsync(proxied ?? Client, file, address, card, options, progress, cancellation).ConfigureAwait(false);
        }

        return await CheckAsync(part, target, wasThere: false).ConfigureAwait(false);

        async Task<PulledModel> CheckAsync(string path, string finalPath, bool wasThere)
        {
            var hash = await HashAsync(path, cancellation).ConfigureAwait(false);
            var expected = card.Sha256 ?? pinned;
            var isWrong = expected is not null && !hash.Equals(expected, StringComparison.OrdinalIgnoreCase);
            if (isWrong || (card.Sha256Prefix is { } digits && !hash.StartsWith(digits, StringComparison.OrdinalIgnoreCase)))
            {
                var origin = isWrong && card.Sha256 is null ? $"pinned by an earlier download in {pins.FilePath}" : "stated by the card";
                expected = isWrong ? expected : $"one that begins with {card.Sha256Prefix}";
                if (!wasThere)
                {
                    PartialFile.Discard(target);
                    throw new ModelCardException($"{address} sent a wrong file: its SHA-256 is {hash}; expected {expected} ({origin}). It was discarded. Try again, or another --mirror.");
                }

                throw new ModelCardException($"{path} is not the file of {card.Name}: its SHA-256 is {hash}; expected {expected} ({origin}). Move it away and pull again.");
            }

            if (!wasThere)
            {
                File.Move(path, finalPath, overwrite: true);
                PartialFile.Discard(target);
            }

            if (expected is null)
            {
                pins.Pin(card.Name, hash);
            }

            var check = card.Sha256 is not null ? "card" : pinned is not null ? "pin" : card.Sha256Prefix is not null ? "prefix" : "pinned now";
            return new PulledModel(card.Name, finalPath, new FileInfo(finalPath).Length, hash, check, wasThere, card.Licence);
        }
    }

    /// <summary>The address of a file on a mirror: the mirror's address, then the path of the original one.</summary>
    internal static Uri Address(Uri url, Uri? mirror) => mirror is null ? url : new Uri($"{mirror.GetLeftPart(UriPartial.Path).TrimEnd('/')}{url.PathAndQuery}");

    private static HttpClient CreateClient(Uri? proxy)
    {
        var handler = new SocketsHttpHandler { ConnectTimeout = TimeSpan.FromSeconds(30), PooledConnectionLifetime = TimeSpan.FromMinutes(5) };
        if (proxy is not null)
        {
            var (user, password) = proxy.UserInfo.Split(':', 2) is [var name, var secret] ? (name, secret) : (proxy.UserInfo, "");
            handler.Proxy = new WebProxy(proxy) { Credentials = user.Length == 0 ? null : new NetworkCredential(Uri.UnescapeDataString(user), Uri.UnescapeDataString(password)) };
        }

        return new HttpClient(handler)
        {
            Timeout = Timeout.InfiniteTimeSpan,   // a file of gigabytes may take hours; silence is limited instead
            DefaultRequestHeaders = { { "User-Agent", "eoonnx" } },
        };
    }

    private static async Task FetchAsync(HttpClient client, PartialFile file, Uri address, ModelCard card, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        // An attempt that brought data is not a failure of the server: the number of retries starts anew.
        while (true)
        {
            var before = file.Length;
            var pipeline = new ResiliencePipelineBuilder().AddRetry(new RetryStrategyOptions
            {
                ShouldHandle = new PredicateBuilder().Handle<TransientDownloadException>(_ => file.Length <= before),
                MaxRetryAttempts = options.Retries,
                Delay = options.FirstPause,
                MaxDelay = TimeSpan.FromMinutes(1),
                BackoffType = DelayBackoffType.Exponential,
                UseJitter = true,
                DelayGenerator = arguments => ValueTask.FromResult((arguments.Outcome.Exception as TransientDownloadException)?.RetryAfter),
                OnRetry = arguments =>
                {
                    progress?.Report(new PullProgress(file.Length, file.Total, $"{arguments.Outcome.Exception?.Message} Trying again in {arguments.RetryDelay.TotalSeconds:0.#} s."));
                    return default;
                },
            }).Build();
            try
            {
                await pipeline.ExecuteAsync(async token => await AttemptAsync(client, file, address, card, options, progress, token).ConfigureAwait(false), cancellation).ConfigureAwait(false);
                return;
            }
            catch (TransientDownloadException failure) when (file.Length > before)
            {
                progress?.Report(new PullProgress(file.Length, file.Total, $"{failure.Message} Resuming."));
                await Task.Delay(options.FirstPause, cancellation).ConfigureAwait(false);
            }
            catch (TransientDownloadException failure)
            {
                throw new ModelCardException($"{address} could not be fetched after {options.Retries + 1} attempts: {failure.Message} {file.Length} bytes are kept in {file.Path}: run the same command again to go on.", failure);
            }
        }
    }

    private static async Task AttemptAsync(HttpClient client, PartialFile file, Uri address, ModelCard card, PullOptions options, IProgress<PullProgress>? progress, CancellationToken cancellation)
    {
        using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        silence.CancelAfter(options.Silence);
        try
        {
            using var request = file.Request(address);
            using var response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, silence.Token).ConfigureAwait(false);
            var reply = ServerReply.Read(response, file, address);
            if (reply.IsComplete)
            {
                return;
            }

            CheckLength(reply, address, card, options);
            CheckDisk(options.Folder, reply);
            file.Accept(reply);
            var body = await response.Content.ReadAsStreamAsync(silence.Token).ConfigureAwait(false);
            await using (body.ConfigureAwait(false))
            {
                var buffer = new byte[1 << 17];
                int count;
                while ((count = await body.ReadAsync(buffer, silence.Token).ConfigureAwait(false)) > 0)
                {
                    silence.CancelAfter(options.Silence);
                    if (file.Length + count > (reply.Total ?? options.MaximumBytes))
                    {
                        throw new ModelCardException($"{address} sends more than the {reply.Total ?? options.MaximumBytes} bytes that were announced or allowed. Try another --mirror.");
                    }

                    await file.AppendAsync(buffer.AsMemory(0, count), cancellation).ConfigureAwait(false);
                    progress?.Report(new PullProgress(file.Length, reply.Total));
                }
            }

            if (reply.Total is { } total && file.Length != total)
            {
                throw new TransientDownloadException($"The connection ended after {file.Length} of {total} bytes.");
            }
        }
        catch (OperationCanceledException) when (!cancellation.IsCancellationRequested)
        {
            throw new TransientDownloadException($"{address.Host} was silent for {options.Silence.TotalSeconds:0} s.");
        }
        catch (Exception failure) when (failure is HttpRequestException or HttpIOException)
        {
            throw new TransientDownloadException($"The connection to {address.Host} failed ({failure.Message.TrimEnd('.')}).", failure);
        }
    }

    private static void CheckLength(ServerReply reply, Uri address, ModelCard card, PullOptions options)
    {
        if (reply.Total is { } total && card.Bytes is { } expected && total != expected)
        {
            throw new ModelCardException($"{address} announces {total} bytes; the card of {card.Name} says {expected}. This is another file: try another --mirror.");
        }

        if (reply.Total > options.MaximumBytes)
        {
            throw new ModelCardException($"{address} announces {reply.Total} bytes; at most {options.MaximumBytes} are accepted.");
        }
    }

    private static void CheckDisk(string folder, ServerReply reply)
    {
        var free = new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace;
        if (reply.Total is { } total && total - reply.Start + DiskReserve > free)
        {
            throw new ModelCardException($"{folder} has {free} bytes free; {total - reply.Start} more are needed. Make room, or choose another folder with --to.");
        }
    }

    private static async Task<string> HashAsync(string path, CancellationToken cancellation)
    {
        var stream = File.OpenRead(path);
        await using (stream.ConfigureAwait(false))
        {
            return Convert.ToHexStringLower(await SHA256.HashDataAsync(stream, cancellation).ConfigureAwait(false));
        }
    }
}
