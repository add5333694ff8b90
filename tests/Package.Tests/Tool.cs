using System.Diagnostics;

namespace EoOnnx.Package.Tests;

/// <summary>Runs other programs: the SDK, a C compiler, Python.</summary>
internal static class Tool
{
    /// <summary>Runs a program to its end and returns what it printed; the test fails with that text when the program does.</summary>
    public static async Task<string> RunAsync(string folder, string program, params IEnumerable<string> arguments)
    {
        var start = new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, RedirectStandardOutput = true, RedirectStandardError = true };
        // The variables with which "dotnet test" steers its own build would steer that of a child.
        foreach (var name in start.Environment.Keys.Where(name => name.StartsWith("MSBUILD", StringComparison.OrdinalIgnoreCase)).ToList())
        {
            start.Environment.Remove(name);
        }

        // Servers that outlive the command would keep its output open.
        start.Environment["MSBUILDDISABLENODEREUSE"] = "1";
        start.Environment["DOTNET_CLI_USE_MSBUILD_SERVER"] = "0";
        using var process = Process.Start(start) ?? throw new InvalidOperationException($"Cannot start {program}.");
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        Assert.True(process.ExitCode == 0, $"{program} {string.Join(' ', start.ArgumentList)} ended with {process.ExitCode}\n{await error}\n{await output}");
        return await output;
    }

    /// <summary>Finds a program that a test needs.</summary>
    public static string Find(string program, string package) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator)
        .Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists)
        ?? throw new InvalidOperationException($"{program} is missing, so this promise cannot be tested. Install it with: sudo apt-get install -y {package}");
}
