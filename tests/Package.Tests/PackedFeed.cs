namespace EoOnnx.Package.Tests;

/// <summary>The package of the assemblies under test, packed once for all tests, in a folder laid out as the repository is.</summary>
public sealed class PackedFeed : IAsyncLifetime
{
    /// <summary>A version that no other package has, so that no cache can answer for it.</summary>
    public const string Version = "0.1.0-test";

    /// <summary>Stands for the root of the repository.</summary>
    public string Root { get; } = Directory.CreateTempSubdirectory("eoonnx-package-").FullName;

    /// <summary>Where the package lies: the feed of the samples.</summary>
    public string Folder => Path.Combine(Root, "artifacts", "packages");

    /// <summary>The package.</summary>
    public string Package => Path.Combine(Folder, $"EoOnnx.{Version}.nupkg");

    /// <summary>Its symbols.</summary>
    public string Symbols => Path.ChangeExtension(Package, ".snupkg");

    /// <inheritdoc/>
    public async ValueTask InitializeAsync() => await Tool.RunAsync(
        SharedData.Repository, "dotnet", "pack", "src/Package", "-c", Configuration, "--no-build", "-o", Folder, $"-p:Version={Version}", "-nologo", "-v", "quiet");

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        Directory.Delete(Root, recursive: true);
        return ValueTask.CompletedTask;
    }

    /// <summary>The configuration of this test, hence of the assemblies that were built with it.</summary>
    internal static string Configuration =>
#if DEBUG
        "Debug";
#else
        "Release";
#endif
}
