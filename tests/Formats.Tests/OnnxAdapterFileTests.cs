using EoOnnx.Tests;

namespace EoOnnx.Formats.Tests;

public sealed class OnnxAdapterFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_file_of_ONNX_Runtimes_own_writer_holds_the_tensors_beside_it()
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Golden, "training", "onnx_adapter"));
        var adapter = OnnxAdapterFile.Open(Path.Combine(folder, "adapter.onnx_adapter"));
        var same = SafetensorsFile.Open(Path.Combine(folder, "same_tensors.safetensors")).Tensors;
        Assert.Equal(same.Keys.Order(StringComparer.Ordinal), adapter.Tensors.Keys.Order(StringComparer.Ordinal));
        Assert.All(same, item => Assert.Equal(item.Value.Bytes.ToArray(), adapter.Tensors[item.Key].Bytes.ToArray()));
    }

    [Fact]
    public void What_is_written_reads_back_with_aligned_payloads()
    {
        var tensors = new Dictionary<string, TensorData>
        {
            ["blocks.0.lora_A"] = TensorData.FromValues<float>([2, 3], [1, 2, 3, 4, 5, 6]), ["b"] = TensorData.FromValues<long>([0], []), ["scalar"] = TensorData.Scalar(7f),
        };
        new OnnxAdapterFile(tensors, 3, 4).Write(_path);
        var again = OnnxAdapterFile.Open(_path);
        Assert.Equal((3, 4), (again.AdapterVersion, again.ModelVersion));
        Assert.All(tensors, item => Assert.Equal(item.Value.Bytes.ToArray(), again.Tensors[item.Key].Bytes.ToArray()));
        Assert.All(tensors, item => Assert.Equal(item.Value.Shape, again.Tensors[item.Key].Shape));
        var bytes = File.ReadAllBytes(_path);
        Assert.Equal(0, bytes.AsSpan().IndexOf(tensors["blocks.0.lora_A"].Bytes.Span) % 16);
    }

    [Fact]
    public void Mutated_files_end_in_a_format_error_or_a_file_never_in_a_crash()
    {
        var seed = new OnnxAdapterFile(new Dictionary<string, TensorData> { ["weight"] = TensorData.FromValues<float>([2, 3], new float[6]), ["c"] = TensorData.Scalar(1f) }).ToBytes();
        var random = new Random(2);
        for (var i = 0; i < 2_000; i++)
        {
            var bytes = (byte[])seed.Clone();
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            Array.Resize(ref bytes, i % 3 == 0 ? random.Next(bytes.Length) : bytes.Length);
            File.WriteAllBytes(_path, bytes);
            try
            {
                Assert.All(OnnxAdapterFile.Open(_path).Tensors.Values, tensor => Assert.Equal(tensor.ByteLength, tensor.Bytes.Length));
            }
            catch (FileFormatException)
            {
            }
        }
    }
}
