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

    [Fact]
    public void External_data_that_leaves_the_folder_is_refused()
    {
        var path = Path.Combine(_folder, "inner", "base.onnx");
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        Sample().Save(path, new OnnxSaveOptions { ExternalData = true });
        File.Move(path + ".data", Path.Combine(_folder, "base.onnx.data"));
        var bytes = File.ReadAllBytes(path);
        foreach (var location in new[] { "../base.onnx.dat", "/etc/passwd_____" })
        {
            var hostile = Replace(bytes, "base.onnx.data", location[..14]);
            File.WriteAllBytes(path, hostile);
            Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(path));
        }

        File.WriteAllBytes(path, bytes);
        File.CreateSymbolicLink(path + ".data", Path.Combine(_folder, "base.onnx.data"));
        Assert.Contains("leaves", Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_files_end_in_a_format_error_or_a_model_never_in_a_crash()
    {
        byte[][] seeds = [Sample().ToBytes(), Branching().ToBytes()];
        var random = new Random(4);
        var refused = 0;
        for (var i = 0; i < 20_000; i++)
        {
            var bytes = Mutate(seeds[i % seeds.Length], random);
            try
            {
                _ = OnnxModel.Parse(bytes).ToBytes();
            }
            catch (OnnxFormatException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 1_000, 20_000);
    }

    private static byte[] Mutate(byte[] seed, Random random)
    {
        var bytes = (byte[])seed.Clone();
        switch (random.Next(4))
        {
            case 0:
                Array.Resize(ref bytes, random.Next(bytes.Length));
                break;
            case 1:
                for (var flips = random.Next(1, 8); flips > 0; flips--)
                {
                    bytes[random.Next(Math.Min(bytes.Length, 1200))] ^= (byte)(1 << random.Next(8));
                }

                break;
            case 2:
                var at = random.Next(bytes.Length - 10);
                bytes.AsSpan(at, 9).Fill(0xFF);
                bytes[at + 9] = 0x01;
                break;
            default:
                var (from, to, length) = (random.Next(bytes.Length), random.Next(bytes.Length), random.Next(1, 64));
                length = Math.Min(length, Math.Min(bytes.Length - from, bytes.Length - to));
                bytes.AsSpan(from, length).ToArray().CopyTo(bytes, to);
                break;
        }

        return bytes;
    }

    private static byte[] Replace(byte[] bytes, string old, string replacement)
    {
        var result = (byte[])bytes.Clone();
        for (int at; (at = result.AsSpan().IndexOf(System.Text.Encoding.ASCII.GetBytes(old))) >= 0;)
        {
            System.Text.Encoding.ASCII.GetBytes(replacement).CopyTo(result, at);
        }

        return result;
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

    private static OnnxModel Branching()
    {
        var op = new GraphBuilder("branching");
        var x = op.Input("x", ElementType.Float, ["n", 3, 8, 8]);
        var kernel = op.Initializer("kernel", TensorData.FromValues<float>([4, 3, 3, 3], new float[108]));
        var map = op.Relu(op.Conv(x, kernel, null, [1, 1], [1, 1, 1, 1]));
        op.Output(op.Resize(op.Concat(1, map, op.GlobalAveragePool(map) is var pooled ? op.Mul(map, pooled) : map), 16, 16, "linear"), "y");
        return new OnnxModel(op.Graph);
    }
}
