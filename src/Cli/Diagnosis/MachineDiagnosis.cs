using System.Reflection;
using System.Runtime.InteropServices;
using EoOnnx.Raster;
using EoOnnx.Raster.Native;
using EoOnnx.Runtime;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Cli.Diagnosis;

/// <summary>One thing that eoonnx needs or can use.</summary>
/// <param name="Name">What was looked for.</param>
/// <param name="IsPresent">Whether it is there and works.</param>
/// <param name="IsRequired">Whether verbs fail without it.</param>
/// <param name="Found">Version and place, or why it cannot be used.</param>
/// <param name="Remedy">A command that mends it; null when nothing is missing.</param>
internal sealed record Finding(string Name, bool IsPresent, bool IsRequired, string Found, string? Remedy = null);

/// <summary>What this machine offers.</summary>
internal sealed record MachineDiagnosis(IReadOnlyList<Finding> Findings)
{
    private const string GdalRemedy = "sudo apt-get install -y libgdal32 gdal-data proj-data";

    /// <summary>What a scene would need, when one was named.</summary>
    public ScenePlan? Plan { get; init; }

    /// <summary>True when every verb can run.</summary>
    public bool IsReady => Findings.All(finding => finding.IsPresent || !finding.IsRequired);

    /// <summary>Looks at everything; a part that cannot be loaded is a finding, not a failure.</summary>
    public static MachineDiagnosis Run() => new(
    [
        new("eoonnx", true, true, Version),
        new(".NET", true, true, $"{RuntimeInformation.FrameworkDescription} on {RuntimeInformation.OSDescription.Trim()} ({RuntimeInformation.ProcessArchitecture})"),
        Look("ONNX Runtime", "dotnet build EoOnnx.sln -c Release", () => OrtEnv.Instance().GetVersionString()),
        Look("devices", "dotnet build EoOnnx.sln -c Release", () => string.Join(", ", OrtEnv.Instance().GetAvailableProviders())),
        Look("GDAL", GdalRemedy, () => $"{GdalLibrary.Version} ({GdalLibrary.Location})"),
        Look("GDAL drivers", GdalRemedy, RequiredDrivers),
        Look("PROJ database", GdalRemedy, () => SpatialReference.ToWkt("EPSG:32633").Length > 0 ? "EPSG codes resolve" : throw new RasterException("EPSG:32633 resolves to nothing.")),
        Tool("gdalinfo", "sudo apt-get install -y gdal-bin", "only the tests use it"),
        new("processors", true, true, $"{Environment.ProcessorCount}"),
        new("memory", true, true, $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024):F1} GiB usable"),
    ]);

    /// <summary>Day, program, processor and libraries in one line: without them a measurement means nothing.</summary>
    public static string Summary => FormattableString.Invariant($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, eoonnx {Version}, {Processor}, {Environment.ProcessorCount} processors, ONNX Runtime {OrtEnv.Instance().GetVersionString()}, GDAL {GdalLibrary.Version}, {RuntimeInformation.FrameworkDescription}");

    private static string Processor => (File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[^1].Trim() : null) ?? $"{RuntimeInformation.ProcessArchitecture}";

    private static string Version => typeof(MachineDiagnosis).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    private static string RequiredDrivers()
    {
        string[] needed = ["GTiff", "COG", "VRT", "PNG", "GPKG"];
        var missing = needed.Except(GdalLibrary.Drivers).ToList();
        return missing.Count == 0 ? $"{GdalLibrary.Drivers.Count}, with {string.Join(", ", needed)}"
            : throw new RasterException($"the library lacks the drivers {string.Join(", ", missing)}.");
    }

    private static Finding Look(string name, string remedy, Func<string> look)
    {
        try
        {
            return new(name, true, true, look());
        }
        catch (Exception exception) when (exception is RasterException or DllNotFoundException or TypeInitializationException or OnnxRuntimeException)
        {
            return new(name, false, true, (exception.InnerException ?? exception).Message, remedy);
        }
    }

    private static Finding Tool(string name, string remedy, string use)
    {
        var folders = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries);
        var place = folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
        return place is not null ? new(name, true, false, place) : new(name, false, false, $"not on the PATH; {use}", remedy);
    }
}
