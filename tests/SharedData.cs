using System.Runtime.CompilerServices;

namespace EoOnnx.Tests;

/// <summary>Where the reference outputs and the real data lie: outside this repository, see CONTRIBUTING.md.</summary>
internal static class SharedData
{
    /// <summary>Outputs of the reference implementations: <c>EOONNX_GOLDEN</c>, else <c>../shared/golden</c>.</summary>
    public static string Golden => Environment.GetEnvironmentVariable("EOONNX_GOLDEN") is { Length: > 0 } folder
        ? Absolute(folder)
        : Path.Combine(Shared, "golden");

    /// <summary>Real scenes, chips and weights: <c>../shared/data</c>.</summary>
    public static string Data => Path.Combine(Shared, "data");

    /// <summary>The root of the repository.</summary>
    public static string Repository { get; } = FindRepository();

    private static string Shared => Environment.GetEnvironmentVariable("EOONNX_SHARED") is { Length: > 0 } folder
        ? Absolute(folder)
        : Path.GetFullPath(Path.Combine(Repository, "..", "shared"));

    // A test runs in its own output folder; a relative path means that of the shell, or the repository.
    private static string Absolute(string folder) => new[] { Environment.GetEnvironmentVariable("PWD"), Environment.CurrentDirectory }.OfType<string>()
        .Select(start => Path.GetFullPath(folder, start)).FirstOrDefault(Directory.Exists) ?? Path.GetFullPath(folder, Repository);

    /// <summary>Skips the running test, loudly, when <paramref name="path"/> is absent.</summary>
    public static string Require(string path)
    {
        if (!Path.Exists(path))
        {
            var message = $"SKIPPED: {path} is absent; parity is NOT proven in this run. Put the shared folder beside the repository or set EOONNX_SHARED / EOONNX_GOLDEN.";
            Console.Error.WriteLine(message);
            Assert.Skip(message);
        }

        return path;
    }

    /// <summary>The case folders below a golden folder, in name order; empty when it is absent.</summary>
    public static IEnumerable<string> Cases(params string[] parts)
    {
        var folder = Path.Combine([Golden, .. parts]);
        return Directory.Exists(folder)
            ? Directory.EnumerateDirectories(folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)
            : [];
    }

    private static string FindRepository([CallerFilePath] string thisFile = "")
    {
        for (var folder = AppContext.BaseDirectory; folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (File.Exists(Path.Combine(folder, "EoOnnx.sln")))
            {
                return folder;
            }
        }

        return Path.GetDirectoryName(Path.GetDirectoryName(thisFile))!;
    }
}
