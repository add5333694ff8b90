using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using System.Text.RegularExpressions;
using EoOnnx.EndToEnd;
using EoOnnx.Runtime;
using Hangfire;
using Hangfire.Common;
using Hangfire.PostgreSql;
using Hangfire.States;

namespace EoOnnx.Queue;

/// <summary>What is told about a queue: by <c>batch status</c>, and on the pages of <c>worker --dashboard</c>.</summary>
[Collection(nameof(PostgresServer))] // the address of the queue is in the environment: one class at a time
public sealed class QueueStatusTests : IClassFixture<PostgresServer>, IDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(3); // ends a test that hangs; a busy machine takes long
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-status-").FullName;
    private readonly PostgresServer _server;

    public QueueStatusTests(PostgresServer server)
    {
        _server = server;
        Environment.SetEnvironmentVariable("PGPASSWORD", PostgresServer.Password);
        Environment.SetEnvironmentVariable(QueueAddress.Variable, server.Url);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Status_tells_of_every_scene_where_it_is_who_maps_it_and_why_it_failed_or_waits()
    {
        _server.Require();
        var address = QueueAddress.Parse(_server.Url);
        var names = (string[])["waits.tif", "mapped.tif", "orphan.tif", "again.tif", "broken.tif", "done.tif"];
        var tickets = names.Zip(QueuedBatch.Open(address).Enqueue([.. names.Select(TaskOf)])).ToDictionary();
        using var storage = new Closed(QueueStorage.Open(address, QueueWorkerOptions.DefaultLostAfter));
        using var connection = storage.Jobs.GetConnection();
        const string alive = "host-a:17:0123", gone = "host-b:18:4567";
        connection.AnnounceServer(alive, new Hangfire.Server.ServerContext { Queues = [QueuedScenes.Queue], WorkerCount = 3 });
        var client = new BackgroundJobClient(storage.Jobs);
        Become("mapped.tif", new ProcessingOn(alive));
        Become("orphan.tif", new ProcessingOn(gone));
        Become("again.tif", new ScheduledState(TimeSpan.FromHours(1)) { Reason = "Retry attempt 1 of 3: the disk is full" });
        Become("broken.tif", new FailedState(new QueueException("it has four bands")));
        Become("done.tif", new SucceededState(SceneTask.Write(new SceneOutcome("done.tif", SceneStatus.Done, "/maps/done.tif", 9, 4.5, 0.1, [], null)), 1, 1));
        try
        {
            var run = (await Eoonnx.RunAsync(_folder, "batch", "status", "--queue", "env", "--json")).Succeeded();
            var status = JsonElement.Parse(run.Output);
            Assert.Equal(address.ToString(), status.GetProperty("queue").GetString());
            Assert.Equal((2, 1, 1, 1, 1), (Count("processing"), Count("scheduled"), Count("enqueued"), Count("failed"), Count("succeeded")));
            var worker = Assert.Single(status.GetProperty("workers").EnumerateArray());
            Assert.Equal(("host-a:17", 3), (worker.GetProperty("name").GetString(), worker.GetProperty("jobs").GetInt32()));
            var scenes = status.GetProperty("scenes").EnumerateArray().ToDictionary(scene => scene.GetProperty("scene").GetString()!);
            Assert.Equal(names.Order(StringComparer.Ordinal), scenes.Keys.Order(StringComparer.Ordinal));
            Assert.All(names, name => Assert.Equal((tickets[name], $"/maps/{name}"), (Text(name, "ticket"), Text(name, "map"))));
            Assert.Equal(("enqueued", null, null), (Text("waits.tif", "state"), Text("waits.tif", "worker"), Text("waits.tif", "reason")));
            Assert.Equal(("processing", "host-a:17", null), (Text("mapped.tif", "state"), Text("mapped.tif", "worker"), Text("mapped.tif", "reason")));
            Assert.Equal(("processing", "host-b:18", "its worker is gone; another takes it over"), (Text("orphan.tif", "state"), Text("orphan.tif", "worker"), Text("orphan.tif", "reason")));
            Assert.Equal(("scheduled", "Retry attempt 1 of 3: the disk is full"), (Text("again.tif", "state"), Text("again.tif", "reason")));
            Assert.InRange(scenes["again.tif"].GetProperty("nextAttempt").GetDateTimeOffset() - scenes["again.tif"].GetProperty("since").GetDateTimeOffset(), TimeSpan.FromMinutes(59), TimeSpan.FromMinutes(61));
            Assert.Equal(("failed", "it has four bands"), (Text("broken.tif", "state"), Text("broken.tif", "reason")));
            Assert.Equal(("succeeded", 4.5), (Text("done.tif", "state"), scenes["done.tif"].GetProperty("seconds").GetDouble()));
            Assert.DoesNotContain(PostgresServer.Password, run.Output + run.Error, StringComparison.Ordinal);

            var table = (await Eoonnx.RunAsync(_folder, "batch", "status", "--most", "1")).Succeeded().Output;
            Assert.Contains("2 processing, 1 scheduled, 1 enqueued, 1 failed, 1 succeeded; 1 workers", table, StringComparison.Ordinal);
            Assert.Contains("it has four bands", table, StringComparison.Ordinal);
            Assert.Single(table.Split('\n'), line => line.Contains(" processing ", StringComparison.Ordinal) && line.Contains(".tif", StringComparison.Ordinal));

            string? Text(string scene, string property) => scenes[scene].TryGetProperty(property, out var value) ? value.GetString() : null;
            int Count(string state) => status.GetProperty("counts").GetProperty(state).GetInt32();
        }
        finally
        {
            connection.RemoveServer(alive);
            Assert.All(tickets.Values, ticket => Assert.True(client.Delete(ticket)));
        }

        // What a worker writes when it has come that far; a client would try a failed scene again.
        void Become(string name, IState state)
        {
            using var change = connection.CreateWriteTransaction();
            change.SetJobState(tickets[name], state);
            change.Commit();
        }
    }

    [Fact]
    public async Task A_queue_that_does_not_answer_is_named_without_its_password()
    {
        var run = await Eoonnx.RunAsync(_folder, "batch", "status", "--queue", "postgres://eo:hidden@127.0.0.1:1/maps");
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("Cannot open the queue 127.0.0.1:1/maps", Assert.Single(run.Error.TrimEnd().Split('\n')), StringComparison.Ordinal);
        Assert.DoesNotContain("hidden", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_dashboard_shows_scenes_on_loopback_and_changes_nothing_unless_asked()
    {
        _server.Require();
        File.WriteAllText(Path.Combine(_folder, "broken.tif"), "this is no raster");
        var ticket = Assert.Single(QueuedBatch.Open(QueueAddress.Parse(_server.Url)).Enqueue([TaskOf("broken.tif")]));
        using var worker = new Worker(_folder, "--queue", "env", "--root", _folder, "--dashboard", "0");
        var url = new Uri(await Line(worker, "dashboard  "));
        await Line(worker, "broken.tif  failed: ");
        Assert.Equal("127.0.0.1", url.Host);
        using var browser = new HttpClient { BaseAddress = url };
        var (page, clock) = ("", Stopwatch.StartNew());
        while (!page.Contains("broken.tif", StringComparison.Ordinal))
        {
            Assert.True(clock.Elapsed < Patience, page);
            page = await browser.GetStringAsync(new Uri("jobs/failed", UriKind.Relative), TestContext.Current.CancellationToken);
        }

        var details = await browser.GetStringAsync(new Uri($"jobs/details/{ticket}", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Contains("Allow it with --root", WebUtility.HtmlDecode(details), StringComparison.Ordinal);
        Assert.DoesNotContain(PostgresServer.Password, page + details, StringComparison.Ordinal);

        // Neither a button nor a request by hand puts it back or removes it.
        foreach (var command in (string[])["requeue", "delete"])
        {
            using var form = new FormUrlEncodedContent([new KeyValuePair<string, string>("jobs[]", ticket)]);
            using var answer = await browser.PostAsync(new Uri($"jobs/failed/{command}", UriKind.Relative), form, TestContext.Current.CancellationToken);
            Assert.False(answer.IsSuccessStatusCode, $"{command}: {answer.StatusCode}");
        }

        Assert.Equal(QueuedSceneState.Failed, Assert.Single(QueueMonitor.Read(QueueAddress.Parse(_server.Url)).Scenes, scene => scene.Ticket == ticket).State);

        // A page of another name that points here is not answered, nor does it listen to the network.
        using var foreign = new HttpRequestMessage(HttpMethod.Get, url) { Headers = { Host = "example.org" } };
        using var refused = await browser.SendAsync(foreign, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.BadRequest, refused.StatusCode);
        Assert.Equal([IPAddress.Loopback], IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().Where(listener => listener.Port == url.Port).Select(listener => listener.Address));

        // A second one on the same port is told so.
        var second = await Eoonnx.RunAsync(_folder, "worker", "--queue", "env", "--dashboard", url.Port.ToString(CultureInfo.InvariantCulture)).WaitAsync(Patience, TestContext.Current.CancellationToken);
        Assert.Equal(1, second.ExitCode);
        Assert.Contains($"cannot listen on port {url.Port}", second.Error, StringComparison.Ordinal);
        Assert.Equal(0, await worker.TerminateAsync().WaitAsync(Patience, TestContext.Current.CancellationToken));
        using var storage = new Closed(QueueStorage.Open(QueueAddress.Parse(_server.Url), QueueWorkerOptions.DefaultLostAfter));
        Assert.True(new BackgroundJobClient(storage.Jobs).Delete(ticket));
    }

    [Fact]
    public async Task A_dashboard_that_may_change_the_queue_asks_for_the_token_of_its_own_pages()
    {
        _server.Require();
        var address = QueueAddress.Parse(_server.Url);
        var ticket = Assert.Single(QueuedBatch.Open(address).Enqueue([TaskOf("kept.tif")]));
        using var storage = new Closed(QueueStorage.Open(address, QueueWorkerOptions.DefaultLostAfter));
        await using var dashboard = await QueueDashboard.StartAsync(storage.Jobs, "eoonnx", port: 0, mayChange: true);
        using var browser = new HttpClient { BaseAddress = new Uri(dashboard.Url) };
        using var form = new FormUrlEncodedContent([new KeyValuePair<string, string>("jobs[]", ticket)]);
        using (var forged = await browser.PostAsync(new Uri("jobs/enqueued/delete", UriKind.Relative), form, TestContext.Current.CancellationToken))
        {
            Assert.Equal(HttpStatusCode.Forbidden, forged.StatusCode);
        }

        var page = await browser.GetStringAsync(new Uri("jobs/enqueued/scenes", UriKind.Relative), TestContext.Current.CancellationToken);
        Assert.Contains("kept.tif", page, StringComparison.Ordinal);
        using var request = new HttpRequestMessage(HttpMethod.Post, "jobs/enqueued/delete") { Content = new FormUrlEncodedContent([new KeyValuePair<string, string>("jobs[]", ticket)]) };
        request.Headers.Add(Meta("csrf-header"), Meta("csrf-token"));
        using var answer = await browser.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(HttpStatusCode.NoContent, answer.StatusCode);
        Assert.DoesNotContain(QueueMonitor.Read(address).Scenes, scene => scene.Ticket == ticket);

        string Meta(string name) => Regex.Match(page, $"<meta name=\"{name}\" content=\"([^\"]+)\"") is { Success: true } found ? WebUtility.HtmlDecode(found.Groups[1].Value) : throw new InvalidDataException($"The page has no {name}: {page}");
    }

    private SceneTask TaskOf(string name) => SceneTask.Of(new BatchScene(name, Path.Combine(_folder, name), $"/maps/{name}"), Path.Combine(_folder, "model.onnx"), null, new SceneOptions());

    private static async Task<string> Line(Worker worker, string beginning)
    {
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < Patience)
        {
            if (worker.Lines.FirstOrDefault(line => line.StartsWith(beginning, StringComparison.Ordinal)) is { } found)
            {
                return found[beginning.Length..];
            }

            await Task.Delay(20);
        }

        throw new TimeoutException($"The worker did not say '{beginning}' in three minutes: {string.Join('\n', worker.Lines)}");
    }

    // What Hangfire writes when a worker takes a scene; only its workers can make one of its own.
    private sealed class ProcessingOn(string server) : IState
    {
        public string Name => ProcessingState.StateName;

        public string? Reason => null;

        public bool IsFinal => false;

        public bool IgnoreJobLoadException => false;

        public Dictionary<string, string> SerializeData() => new() { ["StartedAt"] = JobHelper.SerializeDateTime(DateTime.UtcNow), ["ServerId"] = server, ["WorkerId"] = "1" };
    }

    private sealed class Closed(PostgreSqlStorage storage) : IDisposable
    {
        public PostgreSqlStorage Jobs => storage;

        public void Dispose() => Npgsql.NpgsqlConnection.ClearAllPools();
    }
}
