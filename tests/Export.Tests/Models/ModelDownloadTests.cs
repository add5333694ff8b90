using System.Security.Cryptography;
using System.Text;
using EoOnnx.Tests;

namespace EoOnnx.Export.Models.Tests;

public sealed class ModelDownloadTests : IDisposable
{
    private static readonly byte[] Weights = RandomNumberGenerator.GetBytes(300_000);
    private static readonly string Hash = Convert.ToHexStringLower(SHA256.HashData(Weights));
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-pull-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_file_is_fetched_from_the_mirror_under_its_own_path_and_checked_against_the_card()
    {
        using var server = new LoopbackServer(request => LoopbackServer.File(request, Weights));
        var pulled = await PullAsync(server, Card(Hash));
        Assert.Equal(("card", false, (long)Weights.Length, Hash), (pulled.Check, pulled.WasThere, pulled.Bytes, pulled.Sha256));
        Assert.Equal("/group/model/resolve/main/weights.pt", Assert.Single(server.Requests).Path);
        Assert.Equal(["weights.pt"], Files());
        Assert.Equal(Weights, await File.ReadAllBytesAsync(pulled.Path, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task A_file_that_is_there_is_checked_and_not_fetched()
    {
        using var server = new LoopbackServer(request => LoopbackServer.File(request, Weights));
        await PullAsync(server, Card(Hash));
        Assert.True((await PullAsync(server, Card(Hash))).WasThere);
        Assert.Single(server.Requests);
        await File.WriteAllTextAsync(Path.Combine(_folder, "weights.pt"), "other", TestContext.Current.CancellationToken);
        await FailsAsync(server, Card(Hash), "is not the file of test-model", Hash);
    }

    [Theory, InlineData(1), InlineData(100_000), InlineData(299_999)]
    public async Task A_connection_that_breaks_is_resumed_where_it_broke(int cut)
    {
        using var server = new LoopbackServer(request => LoopbackServer.File(request, Weights) with { CutAfter = request.Start is null ? cut : null });
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.Equal([null, cut], server.Requests.Select(request => request.Start));
        Assert.All(server.Requests.Skip(1), request => Assert.Equal("\"v1\"", request.Headers["If-Range"]));
    }

    [Fact]
    public async Task A_download_that_ended_is_resumed_by_the_next_one()
    {
        var broken = true;
        using var server = new LoopbackServer(request => broken && request.Start is not null
            ? new LoopbackAnswer("503 Service Unavailable", [], "Content-Length: 0")
            : LoopbackServer.File(request, Weights) with { CutAfter = broken ? 123_456 : null });
        await FailsAsync(server, Card(Hash), "could not be fetched after 3 attempts", "503", "123456 bytes are kept");
        Assert.Equal(["weights.pt.part", "weights.pt.part.json"], Files());
        broken = false;
        await PullAsync(server, Card(Hash));
        Assert.Equal(123_456, server.Requests.Last().Start);
        Assert.Equal(["weights.pt"], Files());
    }

    [Fact]
    public async Task A_file_that_changed_on_the_server_is_fetched_anew()
    {
        var old = new byte[200_000];
        using (var before = new LoopbackServer(request => request.Start is null
            ? LoopbackServer.File(request, old, "\"old\"") with { CutAfter = 50_000 } : new LoopbackAnswer("503 Service Unavailable", [], "Content-Length: 0")))
        {
            await Assert.ThrowsAsync<ModelCardException>(() => PullAsync(before, Card(Hash), retries: 1));
            var state = Path.Combine(_folder, "weights.pt.part.json");
            using var after = new LoopbackServer(request => LoopbackServer.File(request, Weights));
            await File.WriteAllTextAsync(state, (await File.ReadAllTextAsync(state, TestContext.Current.CancellationToken)).Replace(before.Address.Authority, after.Address.Authority, StringComparison.Ordinal), TestContext.Current.CancellationToken);
            Assert.Equal(Hash, (await PullAsync(after, Card(Hash))).Sha256);
            Assert.Equal("\"old\"", Assert.Single(after.Requests).Headers["If-Range"]);
        }
    }

    [Fact]
    public async Task A_server_without_ranges_sends_the_whole_file_again()
    {
        var first = true;
        using var server = new LoopbackServer(_ =>
        {
            var answer = new LoopbackAnswer("200 OK", Weights, $"Content-Length: {Weights.Length}") { CutAfter = first ? 70_000 : null };
            first = false;
            return answer;
        });
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.All(server.Requests, request => Assert.Null(request.Start));
    }

    [Fact]
    public async Task A_server_that_answers_with_another_part_is_not_believed()
    {
        using var server = new LoopbackServer(request => request.Start is { } start
            ? new LoopbackAnswer("206 Partial Content", Weights[(start + 5)..], $"Content-Length: {Weights.Length - start - 5}", $"Content-Range: bytes {start + 5}-{Weights.Length - 1}/{Weights.Length}")
            : LoopbackServer.File(request, Weights) with { CutAfter = _requests++ == 0 ? 90_000 : null });
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.Equal([null, 90_000, null], server.Requests.Select(request => request.Start));
    }

    [Fact]
    public async Task A_busy_server_is_asked_again()
    {
        using var server = new LoopbackServer(request => _requests++ == 0 ? new LoopbackAnswer("500 Internal Server Error", [], "Content-Length: 0") : LoopbackServer.File(request, Weights));
        var remarks = new List<string>();
        await ModelDownload.PullAsync(Card(Hash), Options(server), new Recorder(remarks), TestContext.Current.CancellationToken);
        Assert.Equal(2, server.Requests.Count);
        Assert.Contains("500", Assert.Single(remarks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_asks_for_a_pause_gets_it()
    {
        using var server = new LoopbackServer(request => _requests++ == 0 ? new LoopbackAnswer("429 Too Many Requests", [], "Retry-After: 1", "Content-Length: 0") : LoopbackServer.File(request, Weights));
        var remarks = new List<string>();
        await ModelDownload.PullAsync(Card(Hash), Options(server), new Recorder(remarks), TestContext.Current.CancellationToken);
        var remark = Assert.Single(remarks);
        Assert.Contains("429", remark, StringComparison.Ordinal);
        Assert.Contains("again in 1 s", remark, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Retry-After: Fri, 02 Jan 2026 10:00:02 GMT", "again in 2 s")]
    [InlineData("Retry-After: Fri, 02 Jan 2026 09:59:59 GMT", "again in 0")]   // past: the usual pause
    [InlineData("Retry-After: soon", "again in 0")]
    public async Task A_pause_may_be_a_date_on_the_clock_of_the_server(string header, string words)
    {
        using var server = new LoopbackServer(request => _requests++ == 0
            ? new LoopbackAnswer("503 Service Unavailable", [], "Date: Fri, 02 Jan 2026 10:00:00 GMT", header, "Content-Length: 0") : LoopbackServer.File(request, Weights));
        var remarks = new List<string>();
        await ModelDownload.PullAsync(Card(Hash), Options(server), new Recorder(remarks), TestContext.Current.CancellationToken);
        Assert.Contains(words, Assert.Single(remarks), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirection_is_followed_to_the_file()
    {
        using var server = new LoopbackServer(request => request.Path == "/elsewhere/weights.pt" ? LoopbackServer.File(request, Weights)
            : new LoopbackAnswer("302 Found", [], "Location: /elsewhere/weights.pt", "Content-Length: 0"));
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.Equal(["/group/model/resolve/main/weights.pt", "/elsewhere/weights.pt"], server.Requests.Select(request => request.Path));
    }

    [Fact]
    public async Task A_range_that_a_shorter_file_cannot_satisfy_starts_the_download_anew()
    {
        using var server = new LoopbackServer(request => request.Start is not null
            ? new LoopbackAnswer("416 Range Not Satisfiable", [], "Content-Range: bytes */5", "Content-Length: 0")
            : LoopbackServer.File(request, Weights) with { CutAfter = _requests++ == 0 ? 90_000 : null });
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.Equal([null, 90_000, null], server.Requests.Select(request => request.Start));
    }

    [Fact]
    public async Task A_length_that_was_announced_too_long_is_settled_by_the_answer_to_the_next_range()
    {
        using var server = new LoopbackServer(request => request.Start is not null
            ? new LoopbackAnswer("416 Range Not Satisfiable", [], $"Content-Range: bytes */{Weights.Length}", "Content-Length: 0")
            : new LoopbackAnswer("200 OK", Weights, $"Content-Length: {Weights.Length + 1}", "ETag: \"v1\""));
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.Equal([null, Weights.Length], server.Requests.Select(request => request.Start));
    }

    [Fact]
    public async Task A_length_that_was_announced_too_short_gives_no_file()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", Weights, $"Content-Length: {Weights.Length - 1}"));
        await FailsAsync(server, Card(Hash), "wrong file", Hash);
        Assert.Empty(Files());
    }

    [Fact]
    public async Task A_body_in_chunks_is_put_together_and_one_without_its_end_is_fetched_again()
    {
        byte[] chunked = [.. Encoding.ASCII.GetBytes($"{Weights.Length:x}\r\n"), .. Weights, .. "\r\n0\r\n\r\n"u8];
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", chunked, "Transfer-Encoding: chunked") { CutAfter = _requests++ == 0 ? 50_000 : null });
        Assert.Equal(Hash, (await PullAsync(server, Card(Hash))).Sha256);
        Assert.Equal(2, server.Requests.Count);
    }

    [Fact]
    public async Task A_file_that_is_not_there_is_told_at_once()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("404 Not Found", [], "Content-Length: 0"));
        await FailsAsync(server, Card(Hash), "404", "--mirror");
        Assert.Single(server.Requests);
    }

    [Fact]
    public async Task A_wrong_file_is_discarded_and_both_hashes_are_named()
    {
        var wrong = new byte[Weights.Length];
        using var server = new LoopbackServer(request => LoopbackServer.File(request, wrong));
        await FailsAsync(server, Card(Hash), "sent a wrong file", Hash, Convert.ToHexStringLower(SHA256.HashData(wrong)));
        Assert.Empty(Files());
    }

    [Fact]
    public async Task A_web_page_is_not_taken_for_weights()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", "<html>log in</html>"u8.ToArray(), "Content-Type: text/html", "Content-Length: 19"));
        await FailsAsync(server, Card(null), "web page");
        Assert.DoesNotContain("weights.pt", Files());
    }

    [Fact]
    public async Task A_length_that_contradicts_the_card_is_refused_before_anything_is_fetched()
    {
        using var server = new LoopbackServer(request => LoopbackServer.File(request, Weights));
        await FailsAsync(server, Card(Hash) with { Bytes = 299_999 }, "announces 300000 bytes", "299999");
    }

    [Fact]
    public async Task A_length_above_the_limit_or_the_disk_is_refused_with_the_numbers()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", Weights, $"Content-Length: {1L << 60}"));
        await FailsAsync(server, Card(Hash), $"{1L << 60}", "at most");
        var failure = await Assert.ThrowsAsync<ModelCardException>(() => ModelDownload.PullAsync(Card(Hash), Options(server) with { MaximumBytes = long.MaxValue }, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("bytes free", failure.Message, StringComparison.Ordinal);
        Assert.Contains("--to", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_promises_more_than_it_has_fails_after_the_retries_and_leaves_no_file()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", Weights, "Content-Length: 400000", "ETag: \"v1\""));
        await FailsAsync(server, Card(null), "could not be fetched after 3 attempts");
        Assert.DoesNotContain("weights.pt", Files());
    }

    [Fact]
    public async Task A_stream_without_a_length_stops_at_the_limit()
    {
        using var server = new LoopbackServer(_ => new LoopbackAnswer("200 OK", Weights));
        var failure = await Assert.ThrowsAsync<ModelCardException>(() => ModelDownload.PullAsync(Card(null), Options(server) with { MaximumBytes = 10_000 }, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("more than the 10000 bytes", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_card_without_a_hash_pins_it_at_the_first_download_and_holds_to_it()
    {
        var file = Weights;
        using var server = new LoopbackServer(request => LoopbackServer.File(request, file));
        var first = await PullAsync(server, Card(null));
        Assert.Equal(("pinned now", Hash), (first.Check, first.Sha256));
        Assert.Equal("pin", (await PullAsync(server, Card(null))).Check);
        File.Delete(Path.Combine(_folder, "weights.pt"));
        file = new byte[Weights.Length];
        await FailsAsync(server, Card(null), "sent a wrong file", "pinned by an earlier download", Hash);
    }

    [Fact]
    public async Task A_file_must_begin_with_the_digits_that_its_card_states_and_is_pinned_whole()
    {
        using var server = new LoopbackServer(request => LoopbackServer.File(request, Weights));
        var card = Card(null) with { Sha256Prefix = Hash[..8] };
        var first = await PullAsync(server, card);
        Assert.Equal(("prefix", Hash), (first.Check, first.Sha256));
        Assert.Equal("pin", (await PullAsync(server, card)).Check);
        Assert.Contains(Hash, await File.ReadAllTextAsync(Path.Combine(_folder, "pinned-hashes.json"), TestContext.Current.CancellationToken), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_begins_otherwise_is_discarded_and_not_pinned()
    {
        var wrong = new byte[Weights.Length];
        using var server = new LoopbackServer(request => LoopbackServer.File(request, wrong));
        var card = Card(null) with { Sha256Prefix = Hash[..8] };
        await FailsAsync(server, card, "sent a wrong file", $"one that begins with {Hash[..8]}", "stated by the card", Convert.ToHexStringLower(SHA256.HashData(wrong)));
        Assert.Empty(Directory.GetFiles(_folder));
        await File.WriteAllBytesAsync(Path.Combine(_folder, "weights.pt"), wrong, TestContext.Current.CancellationToken);
        await FailsAsync(server, card, "is not the file of test-model", $"one that begins with {Hash[..8]}");
        Assert.Equal(["weights.pt"], Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)));
    }

    [Fact]
    public async Task Everything_goes_through_a_given_proxy_which_is_told_name_and_password_when_it_asks()
    {
        using var proxy = new LoopbackServer(request => request.Headers.ContainsKey("Proxy-Authorization") ? LoopbackServer.File(request, Weights)
            : new LoopbackAnswer("407 Proxy Authentication Required", [], "Proxy-Authenticate: Basic realm=\"tests\"", "Content-Length: 0"));
        var options = new PullOptions { Folder = _folder, Mirror = new Uri("http://weights.example.invalid/"), Proxy = new UriBuilder(proxy.Address) { UserName = "me", Password = "a%3Ab" }.Uri, Retries = 1, FirstPause = TimeSpan.FromMilliseconds(5) };
        Assert.Equal(Hash, (await ModelDownload.PullAsync(Card(Hash), options, cancellation: TestContext.Current.CancellationToken)).Sha256);
        Assert.All(proxy.Requests, request => Assert.Equal("http://weights.example.invalid/group/model/resolve/main/weights.pt", request.Path));
        Assert.Equal($"Basic {Convert.ToBase64String("me:a:b"u8)}", proxy.Requests.Last().Headers["Proxy-Authorization"]);
    }

    [Theory, InlineData("not an address"), InlineData("ftp://proxy.example:21"), InlineData("http://proxy.example:99999")]
    public void A_proxy_that_is_no_address_is_refused_with_an_example(string proxy) =>
        Assert.Contains("http://proxy.example:3128", Assert.Throws<ArgumentOutOfRangeException>(() => PullOptions.Create(null, null, proxy)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_silent_server_is_given_up_on()
    {
        using var server = new LoopbackServer(request =>
        {
            Thread.Sleep(1000);
            return LoopbackServer.File(request, Weights);
        });
        var failure = await Assert.ThrowsAsync<ModelCardException>(() => ModelDownload.PullAsync(
            Card(Hash), Options(server, retries: 1) with { Silence = TimeSpan.FromMilliseconds(100) }, cancellation: TestContext.Current.CancellationToken));
        Assert.Contains("silent", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cancelled_download_keeps_what_has_arrived()
    {
        using var server = new LoopbackServer(request => LoopbackServer.File(request, Weights) with { Rate = 200_000 });
        using var stop = new CancellationTokenSource();
        var progress = new StopAt(20_000, stop);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => ModelDownload.PullAsync(Card(Hash), Options(server), progress, stop.Token));
        Assert.True(new FileInfo(Path.Combine(_folder, "weights.pt.part")).Length >= 20_000);
        Assert.DoesNotContain("weights.pt", Files());
    }

    [Fact]
    public async Task A_model_without_published_weights_says_so()
    {
        using var server = new LoopbackServer(_ => throw new InvalidOperationException("not asked"));
        await FailsAsync(server, ModelCards.All.First(card => card.Url is null), "No weights of", "published");
    }

    [Theory, InlineData("not an address"), InlineData("ftp://mirror.example/")]
    public void A_mirror_that_is_no_web_address_is_refused(string mirror) => Assert.Contains(mirror, Assert.Throws<ArgumentOutOfRangeException>(() => PullOptions.Create(null, mirror)).Message, StringComparison.Ordinal);

    private int _requests;

    private static ModelCard Card(string? sha256) => new()
    {
        Name = "test-model", Family = "test", Title = "test", Inputs = [], Licence = "MIT", Paper = "https://example.org/paper", Source = "https://example.org/",
        File = "weights.pt", Url = new Uri("https://models.example.org/group/model/resolve/main/weights.pt"), Sha256 = sha256,
    };

    private PullOptions Options(LoopbackServer server, int retries = 2) =>
        new() { Folder = _folder, Mirror = server.Address, Retries = retries, FirstPause = TimeSpan.FromMilliseconds(5), Silence = TimeSpan.FromSeconds(20) };

    private Task<PulledModel> PullAsync(LoopbackServer server, ModelCard card, int retries = 2) =>
        ModelDownload.PullAsync(card, Options(server, retries), cancellation: TestContext.Current.CancellationToken);

    private async Task FailsAsync(LoopbackServer server, ModelCard card, params string[] words)
    {
        var failure = await Assert.ThrowsAsync<ModelCardException>(() => PullAsync(server, card));
        Assert.All(words, word => Assert.Contains(word, failure.Message, StringComparison.Ordinal));
    }

    private string[] Files() => [.. Directory.GetFiles(_folder).Select(path => Path.GetFileName(path)!).Where(name => name != "pinned-hashes.json").Order(StringComparer.Ordinal)];

    private sealed class Recorder(List<string> remarks) : IProgress<PullProgress>
    {
        public void Report(PullProgress value)
        {
            if (value.Remark is { } remark)
            {
                remarks.Add(remark);
            }
        }
    }

    private sealed class StopAt(long bytes, CancellationTokenSource stop) : IProgress<PullProgress>
    {
        public void Report(PullProgress value)
        {
            if (value.Received >= bytes)
            {
                stop.Cancel();
            }
        }
    }
}
