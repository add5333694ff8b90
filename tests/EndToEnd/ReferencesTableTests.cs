using System.Reflection;

namespace EoOnnx.EndToEnd;

/// <summary>The table "Rooms and doors" of docs/architecture.md as a test.</summary>
public class ReferencesTableTests
{
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
        Assert.DoesNotContain(closed, Assembly.Load(room).GetReferencedAssemblies().Select(name => name.Name));

    [Fact]
    public void Only_Runtime_and_rooms_above_it_touch_ONNX_Runtime() =>
        Assert.All(["EoOnnx.Formats", "EoOnnx.Onnx", "EoOnnx.Decoders", "EoOnnx.Raster", "EoOnnx.Export"], room =>
            Assert.DoesNotContain("Microsoft.ML.OnnxRuntime", Assembly.Load(room).GetReferencedAssemblies().Select(name => name.Name)));
}
