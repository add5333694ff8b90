using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Onnx.Tests.IO;

public sealed class OnnxFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-onnx-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(false), InlineData(true)]
    public void A_saved_model_runs_on_ONNX_Runtime_and_loads_to_the_same_bytes(bool external)
    {
        var path = Path.Combine(_folder, "model.onnx");
        var model = Sample();
        model.Save(path, new OnnxSaveOptions { ExternalData = external });
        Assert.Equal(external, File.Exists(path + ".data"));
        using var options = Ort.Quiet;
        using var session = new InferenceSession(path, options);
        var x = TensorData.FromValues<float>([1, 2, 32], [.. Enumerable.Range(0, 64).Select(i => i / 64f)]);
        var expected = Ort.Run(model, ("image", x))["y"].ToSingles();
        Assert.Equal(expected, Ort.Run(session, ("image", x))["y"].ToSingles());

        var again = OnnxModel.Load(path);
        Assert.Equal("two", again.Metadata["one"]);
        Assert.Equal(["batch", 2, 32], again.Graph.Inputs[0].Shape!);
        Assert.Equal(model.ToBytes(), again.ToBytes());
    }

    private static OnnxModel Sample()
    {
        var op = new GraphBuilder("sample");
        var x = op.Input("image", ElementType.Float, ["batch", 2, 32]);
        var weight = op.Initializer("w", TensorData.FromValues<float>([32, 32], [.. Enumerable.Range(0, 1024).Select(i => MathF.Sin(i))]));
        var lora = op.OverridableInput("a", TensorData.FromValues<float>([32], new float[32]));
        op.Output(op.Softmax(op.Reshape(op.Add(op.MatMul(x, weight), lora), 0, 64)), "y");
        var model = new OnnxModel(op.Graph);
        model.Metadata["one"] = "two";
        return model;
    }
}
