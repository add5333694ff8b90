using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Bench;

/// <summary>What a result was measured on and with: without it a number means nothing.</summary>
internal static class Machine
{
    /// <summary>One line for all results of a run.</summary>
    public static string Describe() => string.Create(CultureInfo.InvariantCulture,
        $"machine: {Processor()}, {Environment.ProcessorCount} processors, {RuntimeInformation.OSDescription}, load {Load()}; ONNX Runtime {OrtEnv.Instance().GetVersionString()}, GDAL {Raster.Native.GdalLibrary.Version}, .NET {Environment.Version}; {Stamp()}");

    /// <summary>A few words for each result: day, commit, processor, threads.</summary>
    /// <param name="threads">Threads of the model.</param>
    public static string Stamp(int threads) => string.Create(CultureInfo.InvariantCulture, $"[{Stamp()}, {Processor()}, {threads} {(threads == 1 ? "thread" : "threads")}]");

    private static string Stamp() => string.Create(CultureInfo.InvariantCulture, $"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, commit {Commit()}");

    // The commit that was built; the working tree may have moved on since.
    private static string Commit() => typeof(Machine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion.Split('+') is [_, { Length: >= 7 } commit]
        ? commit[..7] + (HasChanges() ? " with changes" : "") : "unknown";

    private static bool HasChanges()
    {
        using var git = Process.Start(new ProcessStartInfo("git", ["status", "--porcelain", "--untracked-files=no"]) { RedirectStandardOutput = true, WorkingDirectory = AppContext.BaseDirectory });
        return git?.StandardOutput.ReadToEnd().Length > 0;
    }

    private static string Processor() => (File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() : null)
        ?? RuntimeInformation.ProcessArchitecture.ToString();

    private static string Load() => File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "unknown";
}
