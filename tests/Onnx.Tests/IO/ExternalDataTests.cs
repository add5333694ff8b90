using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Onnx.Tests.IO;

public sealed class ExternalDataTests : IDisposable
{
    private static readonly OnnxSaveOptions External = new() { ExternalData = true };
    private static readonly OnnxSaveOptions Sharing = new() { ExternalData = true, ShareExternalData = true };
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-external-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Weights_are_stored_once_for_a_loaded_model_and_what_derives_from_it()
    {
        Model(1).Save(At("base.onnx"), External);
        var derived = OnnxModel.Load(At("base.onnx")).Clone();
        var op = new GraphBuilder(derived.Graph);
        op.Output(op.Add(derived.Graph.Outputs[0], op.Initializer("bias", Ramp(1024, 7))), "z");
        derived.Save(At("derived.onnx"), Sharing);
        Assert.Equal(4096, new FileInfo(At("derived.onnx.data")).Length); // the bias alone
        Assert.Equal(["base.onnx.data", "derived.onnx.data"], Locations(At("derived.onnx")));
        AssertRuns(derived, At("derived.onnx"));
    }

    [Fact]
    public void A_model_shares_with_the_model_in_memory_that_was_saved_before_it()
    {
        var model = Model(1);
        model.Save(At("base.onnx"), External);
        model.Clone().Save(At("task.onnx"), Sharing);
        Assert.False(File.Exists(At("task.onnx.data")));
        AssertRuns(model, At("task.onnx"));
    }

    [Fact]
    public void Tensors_under_two_names_are_written_once()
    {
        var op = new GraphBuilder("tied");
        var x = op.Input("x", ElementType.Float, [1, 32]);
        var tied = Ramp(1024, 3).Reshape(32, 32);
        op.Output(op.MatMul(op.MatMul(x, op.Initializer("a", tied)), op.Initializer("b", tied)), "y");
        var model = new OnnxModel(op.Graph);
        model.Save(At("tied.onnx"), External);
        Assert.Equal(4096, new FileInfo(At("tied.onnx.data")).Length);
        AssertRuns(model, At("tied.onnx"));
    }

    [Fact]
    public void A_data_file_that_has_changed_since_is_not_referred_to()
    {
        var model = Model(1);
        model.Save(At("base.onnx"), External);
        Model(2).Save(At("base.onnx"), External);
        model.Save(At("task.onnx"), Sharing);
        Assert.Equal(["task.onnx.data"], Locations(At("task.onnx")));
        AssertRuns(model, At("task.onnx"));
    }

    [Fact]
    public void A_data_file_in_another_folder_is_not_referred_to()
    {
        var model = Model(1);
        Directory.CreateDirectory(At("elsewhere"));
        model.Save(At("elsewhere/base.onnx"), External);
        model.Save(At("task.onnx"), Sharing);
        Assert.Equal(["elsewhere/base.onnx.data"], Locations(At("task.onnx"))); // below the model: fine
        Directory.CreateDirectory(At("deep"));
        model.Save(At("deep/task.onnx"), Sharing);
        Assert.Equal(["task.onnx.data"], Locations(At("deep/task.onnx")));
        AssertRuns(model, At("deep/task.onnx"));
    }

    [Fact]
    public void Saving_over_the_file_that_was_loaded_writes_shared_weights_again_when_the_data_file_must_change()
    {
        Model(1).Save(At("base.onnx"), External);
        var model = OnnxModel.Load(At("base.onnx"));
        var op = new GraphBuilder(model.Graph);
        op.Output(op.Add(model.Graph.Outputs[0], op.Initializer("bias", Ramp(1024, 7))), "z");
        model.Save(At("base.onnx"), Sharing);
        Assert.Equal(["base.onnx.data"], Locations(At("base.onnx")));
        AssertRuns(model, At("base.onnx"));
    }

    [Fact]
    public void Large_tensors_start_on_pages_and_the_bytes_do_not_depend_on_the_run()
    {
        Model(1).Save(At("a.onnx"), External);
        Model(1).Save(At("b.onnx"), External);
        Assert.Equal(File.ReadAllBytes(At("a.onnx.data")), File.ReadAllBytes(At("b.onnx.data")));
        var weight = OnnxModel.Load(At("a.onnx")).Graph.FindInitializer("w2")!.Data!;
        Assert.Equal(0, ExternalLocation.Of(weight)!.Offset % 4096);
    }

    [Fact]
    public void A_large_model_is_saved_and_loaded_without_a_second_copy_of_it()
    {
        const int Layers = 12, Width = 2048; // 12 × 16 MiB
        var op = new GraphBuilder("large");
        var x = op.Input("x", ElementType.Float, [1, Width]);
        for (var i = 0; i < Layers; i++)
        {
            x = op.MatMul(x, op.Initializer($"w{i}", TensorData.Deferred(ElementType.Float, [Width, Width], bytes => bytes.Span.Fill(1))));
        }

        op.Output(x, "y");
        var model = new OnnxModel(op.Graph);
        var before = GC.GetAllocatedBytesForCurrentThread();
        model.Save(At("large.onnx"));
        var saved = GC.GetAllocatedBytesForCurrentThread();
        Assert.InRange(saved - before, 0, (Layers * Width * Width * 4L) + (8 << 20)); // each deferred tensor once, nothing else
        Assert.InRange(new FileInfo(At("large.onnx")).Length, Layers * Width * Width * 4L, (Layers * Width * Width * 4L) + 10_000);
        var again = OnnxModel.Load(At("large.onnx"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - saved, 0, 1 << 20); // mapped, not read
        Assert.Equal(0x01010101, BitConverter.ToInt32(again.Graph.FindInitializer("w11")!.Data!.Bytes.Span[^4..]));
    }

    private static OnnxModel Model(int seed)
    {
        var op = new GraphBuilder("model");
        var x = op.Input("x", ElementType.Float, [1, 32]);
        op.Output(op.MatMul(op.MatMul(x, op.Initializer("w1", Ramp(1024, seed).Reshape(32, 32))), op.Initializer("w2", Ramp(32 * 1024, seed).Reshape(32, 1024))), "y");
        return new OnnxModel(op.Graph);
    }

    private static TensorData Ramp(int count, int seed) => TensorData.FromValues<float>([count], [.. Enumerable.Range(0, count).Select(i => MathF.Sin(i + seed))]);

    private string At(string name) => Path.Combine(_folder, name);

    private static IEnumerable<string> Locations(string path) => OnnxModel.Load(path).Graph.Initializers
        .Select(value => ExternalLocation.Of(value.Data!)?.RelativeTo(Path.GetDirectoryName(path)!)).OfType<string>().Distinct().Order(StringComparer.Ordinal);

    private static void AssertRuns(OnnxModel expected, string path)
    {
        (string, TensorData) input = ("x", Ramp(32, 0).Reshape(1, 32));
        using var options = Ort.Quiet;
        using var session = new InferenceSession(path, options);
        var found = Ort.Run(session, input);
        foreach (var (name, data) in Ort.Run(expected, input))
        {
            Assert.Equal(data.ToSingles(), found[name].ToSingles());
        }
    }
}
