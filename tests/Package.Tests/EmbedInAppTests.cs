using System.Text.RegularExpressions;
using EoOnnx.Raster;

namespace EoOnnx.Package.Tests;

public partial class EmbedInAppTests(PackedFeed feed) : IClassFixture<PackedFeed>
{
    [Fact]
    public async Task The_sample_builds_on_the_package_trains_maps_a_scene_and_maps_an_array_alike()
    {
        var sample = Path.Combine(feed.Root, "samples", "EmbedInApp");
        Directory.CreateDirectory(sample);
        foreach (var file in Directory.EnumerateFiles(Path.Combine(SharedData.Repository, "samples", "EmbedInApp")))
        {
            File.Copy(file, Path.Combine(sample, Path.GetFileName(file)));
        }

        // The package itself goes to a folder of this test; the others are taken from where they are.
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        await Tool.RunAsync(sample, "dotnet", "build", "-c", "Release", "-nologo", "-v", "quiet", "-p:UseSharedCompilation=false",
            $"-p:RestorePackagesPath={Path.Combine(feed.Root, "restored")}", $"-p:RestoreFallbackFolders={packages}");
        var output = Path.Combine(feed.Root, "output");
        var said = await Tool.RunAsync(sample, "dotnet", Path.Combine(sample, "bin", "Release", "net10.0", "EmbedInApp.dll"),
            Path.Combine(SharedData.Repository, "models", "demo-encoder", "demo-encoder.onnx"), output);
        var (inFile, inMemory) = (BurnedInFile().Match(said), BurnedInMemory().Match(said));
        Assert.True(inFile.Success && inMemory.Success, said);
        Assert.NotEqual("0", inFile.Groups[1].Value);
        Assert.Equal(inFile.Groups[1].Value, inMemory.Groups[1].Value);
        using var map = RasterDataset.Open(Path.Combine(output, "map.tif"));
        Assert.Equal((new PixelSize(256, 256), "burned"), (map.Size, map.Bands[0].CategoryNames[1]));
    }

    [Fact]
    public void The_sample_stays_short() =>
        Assert.InRange(File.ReadLines(Path.Combine(SharedData.Repository, "samples", "EmbedInApp", "Program.cs")).Count(), 40, 65);

    [GeneratedRegex(@"^burned: (\d+) pixels", RegexOptions.Multiline)]
    private static partial Regex BurnedInFile();

    [GeneratedRegex(@"^in memory: (\d+) pixels burned", RegexOptions.Multiline)]
    private static partial Regex BurnedInMemory();
}
