namespace EoOnnx.Package.Tests;

public class QgisScriptTests
{
    private static string Folder => Path.Combine(SharedData.Repository, "samples", "qgis");

    [Fact]
    public async Task The_scripts_compile_and_the_part_without_QGIS_passes_its_tests()
    {
        var python = RequirePython();
        await Tool.RunAsync(Folder, python, "-c", "import sys; [compile(open(f, encoding='utf-8').read(), f, 'exec') for f in sys.argv[1:]]", "eoonnx_algorithm.py", "eoonnx_command.py");
        await Tool.RunAsync(Folder, python, "-B", "-m", "unittest", "discover", ".");
    }

    private static string RequirePython()
    {
        try
        {
            return Tool.Find("python3", "python3");
        }
        catch (InvalidOperationException missing)
        {
            var message = $"SKIPPED: the QGIS scripts are NOT tested in this run. {missing.Message}";
            Console.Error.WriteLine(message);
            Assert.Skip(message);
            throw;
        }
    }
}
