using System.Diagnostics;
using EoOnnx.EndToEnd;

namespace EoOnnx.Queue;

/// <summary>A running <c>eoonnx worker</c> and what it has said so far.</summary>
internal sealed class Worker : IDisposable
{
    private readonly Process _process;
    private readonly Task _reading;
    private readonly List<string> _lines = [];

    public Worker(string folder, params string[] args)
    {
        _process = Eoonnx.Start(folder, ["worker", .. args]);
        _reading = Task.WhenAll(ReadAsync(_process.StandardError), ReadAsync(_process.StandardOutput));
    }

    public string[] Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    /// <summary>True when it has begun this scene and not said how that ended.</summary>
    public bool IsMapping(string scene) => Lines.LastOrDefault(line => line.StartsWith(scene + " ", StringComparison.Ordinal))?.EndsWith(" begins", StringComparison.Ordinal) == true;

    /// <summary>Ends it without a chance to clean up, as kill -9 does.</summary>
    public async Task KillAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
    }

    /// <summary>Lets it stand still, as a suspended machine does, or go on.</summary>
    public async Task SignalAsync(string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{_process.Id}"]);
        await kill.WaitForExitAsync();
    }

    /// <summary>Asks it to end, as systemd does.</summary>
    public async Task<int> TerminateAsync()
    {
        await SignalAsync("TERM");
        await _process.WaitForExitAsync();
        await _reading;
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill();
        }

        _process.Dispose();
    }

    private async Task ReadAsync(StreamReader reader)
    {
        while (await reader.ReadLineAsync() is { } line)
        {
            lock (_lines)
            {
                _lines.Add(line);
            }
        }
    }
}
