using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace EoOnnx.Queue;

/// <summary>A PostgreSQL server of its own: new data folder, free port, one user with a password. As root it runs as "nobody", because it refuses root.</summary>
public sealed class PostgresServer : IAsyncLifetime
{
    /// <summary>The password of the user eoonnx.</summary>
    public const string Password = "kept-secret";

    private const string Nobody = "65534";
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-postgres-").FullName;
    private readonly string? _programs = FindPrograms();

    /// <summary>The database without its password.</summary>
    public string Url { get; private set; } = "";

    /// <summary>Everything that the server has logged.</summary>
    public string LogPath => Path.Combine(_folder, "log");

    /// <summary>Skips the running test, loudly, when PostgreSQL is not installed.</summary>
    public void Require()
    {
        if (_programs is null)
        {
            const string message = "SKIPPED: PostgreSQL is not installed; the queue is NOT tested in this run. Install it with: sudo apt-get install -y postgresql";
            Console.Error.WriteLine(message);
            Assert.Skip(message);
        }
    }

    public async ValueTask InitializeAsync()
    {
        if (_programs is null)
        {
            return;
        }

        var port = FreePort();
        var password = Path.Combine(_folder, "password");
        await File.WriteAllTextAsync(password, Password + "\n");
        if (Environment.UserName == "root")
        {
            await RunAsync("chown", "-R", $"{Nobody}:{Nobody}", _folder);
        }

        await RunServerProgramAsync("initdb", "-D", Data, "-U", "eoonnx", "-A", "scram-sha-256", "--pwfile", password, "-E", "UTF8", "--locale", "C", "--no-sync");
        await RunServerProgramAsync("pg_ctl", "-D", Data, "-l", LogPath, "-w", "-o", $"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off -c log_statement=none", "start");
        Url = string.Create(CultureInfo.InvariantCulture, $"postgres://eoonnx@127.0.0.1:{port}/postgres");
    }

    public async ValueTask DisposeAsync()
    {
        if (Url.Length > 0)
        {
            await RunServerProgramAsync("pg_ctl", "-D", Data, "-m", "immediate", "-w", "stop");
        }

        Directory.Delete(_folder, recursive: true);
    }

    private string Data => Path.Combine(_folder, "data");

    private Task RunServerProgramAsync(string program, params string[] args)
    {
        var path = Path.Combine(_programs!, program);
        return Environment.UserName == "root" ? RunAsync("setpriv", ["--reuid", Nobody, "--regid", Nobody, "--clear-groups", path, .. args]) : RunAsync(path, args);
    }

    // The output goes to a file. The server would inherit a pipe and keep it open; on the standard output of the tests it would mix with
    // the lines by which their results are told, and results were lost.
    private async Task RunAsync(string program, params string[] args)
    {
        var said = Path.Combine(_folder, "said");
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", "out=$1; shift; exec \"$@\" >>\"$out\" 2>&1 </dev/null", "sh", said, program, .. args]) { WorkingDirectory = _folder })!;
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', args)} ended with {process.ExitCode}. {await File.ReadAllTextAsync(said)} {(File.Exists(LogPath) ? await File.ReadAllTextAsync(LogPath) : "")}");
    }

    private static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string? FindPrograms() =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Concat(Directory.Exists("/usr/lib/postgresql") ? Directory.GetDirectories("/usr/lib/postgresql").OrderDescending().Select(folder => Path.Combine(folder, "bin")) : [])
        .FirstOrDefault(folder => File.Exists(Path.Combine(folder, "initdb")) && File.Exists(Path.Combine(folder, "pg_ctl")));
}
