using System.Diagnostics;

namespace EoOnnx.EndToEnd;

/// <summary>One run of the real program.</summary>
internal sealed record Eoonnx(int ExitCode, string Output, string Error)
{
    private static readonly string Program = Path.Combine(AppContext.BaseDirectory, "eoonnx.dll");

    /// <summary>Runs the program in <paramref name="folder"/> and waits for its end.</summary>
    public static async Task<Eoonnx> RunAsync(string folder, params string[] args)
    {
        using var process = Start(folder, args);
        return await FinishAsync(process);
    }

    /// <summary>Runs the program behind a command of the shell that limits it, such as <c>ulimit -f 16</c> (KiB a file).</summary>
    public static async Task<Eoonnx> RunLimitedAsync(string folder, string limit, params string[] args)
    {
        // An ignored signal stays ignored: the write fails instead of ending the program. W^X would map a file of the whole address space.
        var start = new ProcessStartInfo("bash", ["-c", $"trap '' XFSZ; {limit}; exec dotnet \"$@\"", "bash", Program, .. args])
        {
            WorkingDirectory = folder,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        using var process = Process.Start(start) ?? throw new InvalidOperationException("Cannot start bash.");
        return await FinishAsync(process);
    }

    /// <summary>Runs the program as one whom the permissions of folders bind: for root, without the capabilities that set it above them.</summary>
    public static async Task<Eoonnx> RunWithoutPrivilegesAsync(string folder, params string[] args)
    {
        var start = Environment.IsPrivilegedProcess ? new ProcessStartInfo("setpriv", ["--bounding-set=-all", "--inh-caps=-all", "dotnet", Program, .. args]) : StartInfo(folder, args);
        (start.WorkingDirectory, start.RedirectStandardOutput, start.RedirectStandardError) = (folder, true, true);
        using var process = Process.Start(start) ?? throw new InvalidOperationException("Cannot start setpriv.");
        return await FinishAsync(process);
    }

    /// <summary>Runs the program with further variables of the environment.</summary>
    public static async Task<Eoonnx> RunAsync(string folder, IReadOnlyDictionary<string, string?> environment, params string[] args)
    {
        var start = StartInfo(folder, args);
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"Cannot start dotnet {Program}.");
        return await FinishAsync(process);
    }

    private static async Task<Eoonnx> FinishAsync(Process process)
    {
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        return new Eoonnx(process.ExitCode, await output, await error);
    }

    /// <summary>Starts the program with its output redirected.</summary>
    public static Process Start(string folder, params string[] args) => Process.Start(StartInfo(folder, args)) ?? throw new InvalidOperationException($"Cannot start dotnet {Program}.");

    private static ProcessStartInfo StartInfo(string folder, string[] args) => new("dotnet", [Program, .. args])
    {
        WorkingDirectory = folder,
        RedirectStandardOutput = true,
        RedirectStandardError = true,
    };

    /// <summary>This run, when it succeeded; otherwise the test fails with what the program said.</summary>
    public Eoonnx Succeeded()
    {
        Assert.True(ExitCode == 0, $"exit code {ExitCode}\n{Error}\n{Output}");
        return this;
    }
}
