using System.IO.Compression;
using System.Xml.Linq;

namespace EoOnnx.Package.Tests;

public class PackageTests(PackedFeed feed) : IClassFixture<PackedFeed>
{
    internal static readonly string[] Assemblies = ["EoOnnx.Decoders", "EoOnnx.Formats", "EoOnnx.Onnx", "EoOnnx.Raster", "EoOnnx.Runtime", "EoOnnx.Training"];

    [Fact]
    public void The_package_holds_the_rooms_with_their_documentation_and_nothing_of_the_command_line()
    {
        using var package = ZipFile.OpenRead(feed.Package);
        var files = package.Entries.Select(entry => entry.FullName).Where(name => name.StartsWith("lib/", StringComparison.Ordinal)).Order(StringComparer.Ordinal);
        Assert.Equal(Assemblies.SelectMany(name => (string[])[$"lib/net10.0/{name}.dll", $"lib/net10.0/{name}.xml"]), files);
        Assert.NotNull(package.GetEntry("README.md"));
        Assert.NotNull(package.GetEntry("LICENSE"));
    }

    [Fact]
    public void Its_assemblies_are_those_whose_public_interface_is_written_down()
    {
        using var package = ZipFile.OpenRead(feed.Package);
        foreach (var assembly in Assemblies)
        {
            using var packed = new MemoryStream();
            using (var entry = package.GetEntry($"lib/net10.0/{assembly}.dll")!.Open())
            {
                entry.CopyTo(packed);
            }

            Assert.Equal(File.ReadAllBytes(System.Reflection.Assembly.Load(assembly).Location), packed.ToArray());
        }
    }

    [Fact]
    public void The_symbol_package_has_the_symbols_of_every_assembly()
    {
        using var symbols = ZipFile.OpenRead(feed.Symbols);
        Assert.Equal(
            Assemblies.Select(name => $"lib/net10.0/{name}.pdb"),
            symbols.Entries.Select(entry => entry.FullName).Where(name => name.EndsWith(".pdb", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void It_depends_on_what_its_assemblies_use_and_on_no_package_of_ours()
    {
        var specification = Specification();
        var space = specification.Root!.Name.Namespace;
        var dependencies = specification.Descendants(space + "dependency").Select(item => (string)item.Attribute("id")!).Order(StringComparer.Ordinal);
        Assert.Equal(Assemblies.SelectMany(UsedBy).Distinct().Order(StringComparer.Ordinal), dependencies);
        Assert.Equal("Apache-2.0", specification.Descendants(space + "license").Single().Value);
        Assert.False(string.IsNullOrEmpty((string?)specification.Descendants(space + "repository").SingleOrDefault()?.Attribute("commit")), "the package does not say which commit it was made from");
    }

    private XDocument Specification()
    {
        using var package = ZipFile.OpenRead(feed.Package);
        using var stream = package.GetEntry("EoOnnx.nuspec")!.Open();
        return XDocument.Load(stream);
    }

    // What the projects of the assemblies reference, the default flavour of ONNX Runtime and no build tools.
    private static IEnumerable<string> UsedBy(string assembly) =>
        XDocument.Load(Path.Combine(SharedData.Repository, "src", assembly["EoOnnx.".Length..], assembly + ".csproj")).Descendants("PackageReference")
            .Where(item => (string?)item.Attribute("PrivateAssets") != "all" && !((string)item.Attribute("Include")!).Contains("$(", StringComparison.Ordinal))
            .Select(item => (string)item.Attribute("Include")!);
}
