using System.Reflection;
using PublicApiGenerator;

namespace EoOnnx.Package.Tests;

/// <summary>The public surface of the package, written down: a change of it is seen in the change that makes it.</summary>
public class PublicApiTests
{
    /// <summary>Set to 1, the files are written instead of compared.</summary>
    private const string Update = "EOONNX_UPDATE_PUBLIC_API";

    private static readonly ApiGeneratorOptions Options = new() { IncludeAssemblyAttributes = false };

    private static string Folder => Path.Combine(SharedData.Repository, "src", "Package", "PublicApi");

    public static TheoryData<string> Assemblies => [.. PackageTests.Assemblies];

    [Theory, MemberData(nameof(Assemblies))]
    public void What_is_public_is_what_the_file_says(string assembly)
    {
        var (path, actual) = (Path.Combine(Folder, assembly + ".txt"), Assembly.Load(assembly).GeneratePublicApi(Options).ReplaceLineEndings("\n").TrimEnd() + "\n");
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            Directory.CreateDirectory(Folder);
            File.WriteAllText(path, actual);
            return;
        }

        var expected = File.Exists(path) ? File.ReadAllText(path).ReplaceLineEndings("\n") : "";
        var (gone, came) = (expected.Split('\n').Except(actual.Split('\n')).ToList(), actual.Split('\n').Except(expected.Split('\n')).ToList());
        Assert.True(expected == actual, $"""
            The public interface of {assembly} is not what src/Package/PublicApi/{assembly}.txt says. Gone: {gone.Count}, new: {came.Count}.
            - {string.Join("\n- ", gone.Take(20))}
            + {string.Join("\n+ ", came.Take(20))}
            If this is meant, write the files anew and commit them with the change and a line in CHANGELOG.md:
              {Update}=1 dotnet test tests/Package.Tests -c Release --filter PublicApi
            """);
    }

    [Fact]
    public void Every_assembly_of_the_package_has_a_file_and_no_other() => Assert.Equal(
        PackageTests.Assemblies.Select(name => name + ".txt"), Directory.GetFiles(Folder).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal));
}
