using System.Reflection;
using System.Reflection.Metadata;
using System.Reflection.PortableExecutable;
using EoOnnx.Tests;

namespace EoOnnx.EndToEnd;

/// <summary>The table "Rooms and doors" of docs/architecture.md as a test.</summary>
public class ReferencesTableTests
{
    private const string Native = "eoonnx_native";

    private static readonly Dictionary<string, string[]> Doors = new()
    {
        ["EoOnnx.Formats"] = [],
        ["EoOnnx.Onnx"] = ["EoOnnx.Formats"],
        ["EoOnnx.Decoders"] = ["EoOnnx.Formats", "EoOnnx.Onnx"],
        ["EoOnnx.Raster"] = ["EoOnnx.Formats"],
        ["EoOnnx.Runtime"] = ["EoOnnx.Formats", "EoOnnx.Raster"],
        ["EoOnnx.Queue"] = ["EoOnnx.Formats", "EoOnnx.Raster", "EoOnnx.Runtime"],
        ["EoOnnx.Training"] = ["EoOnnx.Formats", "EoOnnx.Onnx", "EoOnnx.Decoders", "EoOnnx.Runtime", "EoOnnx.Raster"],
        ["EoOnnx.Export"] = ["EoOnnx.Formats", "EoOnnx.Onnx", "EoOnnx.Decoders"],
        [Native] = ["EoOnnx.Formats", "EoOnnx.Raster", "EoOnnx.Runtime"],
        ["eoonnx"] = ["EoOnnx.Formats", "EoOnnx.Onnx", "EoOnnx.Decoders", "EoOnnx.Raster", "EoOnnx.Runtime", "EoOnnx.Queue", "EoOnnx.Training", "EoOnnx.Export"],
    };

    public static TheoryData<string, string> ClosedDoors()
    {
        var closed = new TheoryData<string, string>();
        foreach (var room in Doors.Keys)
        {
            foreach (var other in Doors.Keys.Where(other => other != room && !Doors[room].Contains(other)))
            {
                closed.Add(room, other);
            }
        }

        return closed;
    }

    [Theory, MemberData(nameof(ClosedDoors))]
    public void A_room_uses_only_the_doors_in_the_table(string room, string closed) =>
        Assert.DoesNotContain(closed, room == Native ? OfNative() : Assembly.Load(room).GetReferencedAssemblies().Select(name => name.Name));

    // The C library is built for one platform and not loaded here; its file says what it uses.
    private static IEnumerable<string> OfNative()
    {
        var configuration = Path.GetFileName(Path.GetDirectoryName(AppContext.BaseDirectory.TrimEnd(Path.DirectorySeparatorChar)))!;
        var file = Directory.GetFiles(Path.Combine(SharedData.Repository, "src", "Native", "bin", configuration), Native + ".dll", SearchOption.AllDirectories).First(path => !path.Contains("publish", StringComparison.Ordinal));
        using var image = new PEReader(File.OpenRead(file));
        var metadata = image.GetMetadataReader();
        return [.. metadata.AssemblyReferences.Select(reference => metadata.GetString(metadata.GetAssemblyReference(reference).Name))];
    }

    [Fact]
    public void The_row_of_the_C_library_is_read_from_its_file() => Assert.Contains("EoOnnx.Runtime", OfNative());

    [Fact]
    public void Only_Runtime_and_rooms_above_it_touch_ONNX_Runtime() =>
        Assert.All(["EoOnnx.Formats", "EoOnnx.Onnx", "EoOnnx.Decoders", "EoOnnx.Raster", "EoOnnx.Export"], room =>
            Assert.DoesNotContain("Microsoft.ML.OnnxRuntime", Assembly.Load(room).GetReferencedAssemblies().Select(name => name.Name)));
}
