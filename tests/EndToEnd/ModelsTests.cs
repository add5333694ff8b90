using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json;
using EoOnnx.Export.Models;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>models list, show and pull through the real program; the server is on this machine.</summary>
public sealed class ModelsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-models-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task List_and_show_tell_what_the_cards_say()
    {
        using var list = JsonDocument.Parse((await Eoonnx.RunAsync(_folder, "models", "list", "--json")).Succeeded().Output);
        Assert.Equal(ModelCards.All.Select(card => card.Name), list.RootElement.EnumerateArray().Select(card => card.GetProperty("name").GetString()!));
        var shown = (await Eoonnx.RunAsync(_folder, "models", "show", "scalemae_large_patch16_fmow_rgb")).Succeeded().Output;
        Assert.Contains("CC-BY-NC-4.0", shown, StringComparison.Ordinal);
        Assert.Contains("123.675", shown, StringComparison.Ordinal);
        var unknown = await Eoonnx.RunAsync(_folder, "models", "show", "prithvi");
        Assert.Equal(1, unknown.ExitCode);
        Assert.Contains("prithvi_eo_v2_300_tl", unknown.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_download_that_is_killed_goes_on_where_it_was()
    {
        var card = Unchecked();
        var weights = RandomNumberGenerator.GetBytes(2_000_000);
        int? rate = 400_000;
        using var server = new LoopbackServer(request => LoopbackServer.File(request, weights) with { Rate = rate });
        string[] command = ["models", "pull", card.Name, "--to", "weights", "--mirror", server.Address.ToString()];
        var part = Path.Combine(_folder, "weights", card.File + ".part");
        using (var first = Eoonnx.Start(_folder, command))
        {
            var clock = Stopwatch.StartNew();
            while ((!File.Exists(part) || new FileInfo(part).Length < 200_000) && clock.Elapsed < TimeSpan.FromSeconds(60))
            {
                await Task.Delay(20, TestContext.Current.CancellationToken);
            }

            first.Kill();
            await first.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.Equal([Path.GetFileName(part), Path.GetFileName(part) + ".json"], Directory.GetFiles(Path.Combine(_folder, "weights")).Select(path => Path.GetFileName(path)!).Order(StringComparer.Ordinal));
        var kept = new FileInfo(part).Length;
        rate = null;
        var run = (await Eoonnx.RunAsync(_folder, command)).Succeeded();
        Assert.Contains("pinned now", run.Output, StringComparison.Ordinal);
        Assert.Equal(kept, (long?)server.Requests.Last().Start);
        Assert.Equal(weights, await File.ReadAllBytesAsync(Path.Combine(_folder, "weights", card.File!), TestContext.Current.CancellationToken));
        Assert.Contains("as an earlier download pinned", (await Eoonnx.RunAsync(_folder, command)).Succeeded().Output, StringComparison.Ordinal);
    }

    [Theory, InlineData("http_proxy"), InlineData("ALL_PROXY")]
    public async Task A_download_goes_through_the_proxy_of_the_environment_and_past_it_where_NO_PROXY_says_so(string variable)
    {
        var card = Unchecked();
        var weights = RandomNumberGenerator.GetBytes(10_000);
        using var proxy = new LoopbackServer(request => LoopbackServer.File(request, weights));
        var environment = new Dictionary<string, string?> { ["HTTP_PROXY"] = null, ["http_proxy"] = null, ["ALL_PROXY"] = null, ["all_proxy"] = null, ["NO_PROXY"] = null, ["no_proxy"] = null };
        environment[variable] = proxy.Address.ToString();
        // Nobody resolves this name: only the proxy can have answered.
        string[] command = ["models", "pull", card.Name, "--to", "weights", "--mirror", "http://weights.example.invalid/"];
        (await Eoonnx.RunAsync(_folder, environment, command)).Succeeded();
        Assert.Equal($"http://weights.example.invalid{card.Url!.AbsolutePath}", Assert.Single(proxy.Requests).Path);
        Assert.Equal(weights, await File.ReadAllBytesAsync(Path.Combine(_folder, "weights", card.File!), TestContext.Current.CancellationToken));
        environment["NO_PROXY"] = "127.0.0.1";
        using var server = new LoopbackServer(request => LoopbackServer.File(request, weights));
        (await Eoonnx.RunAsync(_folder, environment, "models", "pull", card.Name, "--to", "direct", "--mirror", server.Address.ToString())).Succeeded();
        Assert.Equal((1, 1), (proxy.Requests.Count, server.Requests.Count));
    }

    [Fact]
    public async Task A_download_goes_through_the_proxy_of_the_option_whatever_the_environment_says()
    {
        var card = Unchecked();
        var weights = RandomNumberGenerator.GetBytes(10_000);
        using var proxy = new LoopbackServer(request => LoopbackServer.File(request, weights));
        using var other = new LoopbackServer(_ => throw new InvalidOperationException("not asked"));
        var environment = new Dictionary<string, string?> { ["http_proxy"] = other.Address.ToString(), ["NO_PROXY"] = "weights.example.invalid" };
        (await Eoonnx.RunAsync(_folder, environment, "models", "pull", card.Name, "--to", "weights", "--mirror", "http://weights.example.invalid/", "--proxy", proxy.Address.ToString())).Succeeded();
        Assert.Equal($"http://weights.example.invalid{card.Url!.AbsolutePath}", Assert.Single(proxy.Requests).Path);
        Assert.Empty(other.Requests);
        Assert.Equal(2, (await Eoonnx.RunAsync(_folder, "models", "pull", card.Name, "--proxy", "nowhere")).ExitCode);
    }

    [Fact]
    public async Task A_wrong_file_is_told_by_the_first_digits_of_its_hash_where_the_card_states_no_more()
    {
        var card = ModelCards.All.First(card => card.Sha256Prefix is not null);
        using var server = new LoopbackServer(request => LoopbackServer.File(request, new byte[10_000]));
        var run = await Eoonnx.RunAsync(_folder, "models", "pull", card.Name, "--to", "weights", "--mirror", server.Address.ToString());
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"one that begins with {card.Sha256Prefix}", run.Error, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_folder, "weights")));
    }

    // A card that takes any bytes at the first download.
    private static ModelCard Unchecked() => ModelCards.All.First(card => card is { Url: not null, Sha256: null, Sha256Prefix: null, Bytes: null });

    [Fact]
    public async Task A_mirror_that_is_no_address_is_wrong_usage() => Assert.Equal(2, (await Eoonnx.RunAsync(_folder, "models", "pull", "presto", "--mirror", "nowhere")).ExitCode);
}
