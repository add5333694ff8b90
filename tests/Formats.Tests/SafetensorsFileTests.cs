using System.Text;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Formats.Tests;

public sealed class SafetensorsFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void A_file_of_the_reference_writer_is_rewritten_byte_for_byte()
    {
        var golden = SharedData.Require(Path.Combine(SharedData.Golden, "training", "peft_adapter", "adapter_model.safetensors"));
        var file = SafetensorsFile.Open(golden);
        SafetensorsFile.Write(_path, file.Tensors, file.Metadata);
        Assert.Equal(File.ReadAllBytes(golden), File.ReadAllBytes(_path));
    }

    [Theory]
    [InlineData("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", "8 bytes")]
    [InlineData("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", "-2")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1073741824,1073741824],"data_offsets":[0,8]}}""", "more elements")]
    [InlineData("""{"a":{"dtype":"X9","shape":[2],"data_offsets":[0,8]}}""", "X9")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "no gap")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", "describes 4")]
    [InlineData("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", "twice")]
    [InlineData("""[1,2]""", "object")]
    [InlineData("""{"a":""", "damaged")]
    public void A_broken_header_is_refused_with_its_defect(string header, string expected)
    {
        byte[] json = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(_path, [.. BitConverter.GetBytes((long)json.Length), .. json, .. new byte[8]]);
        Assert.Contains(expected, Assert.Throws<FileFormatException>(() => SafetensorsFile.Open(_path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_files_end_in_a_format_error_or_a_file_never_in_a_crash()
    {
        SafetensorsFile.Write(_path, new Dictionary<string, TensorData>
        {
            ["weight"] = TensorData.FromValues<float>([2, 3], new float[6]), ["bias"] = TensorData.FromValues<long>([3], new long[3]),
        }, new Dictionary<string, string> { ["format"] = "pt" });
        var seed = File.ReadAllBytes(_path);
        var random = new Random(1);
        for (var i = 0; i < 2_000; i++)
        {
            var bytes = (byte[])seed.Clone();
            bytes[random.Next(bytes.Length)] ^= (byte)(1 << random.Next(8));
            Array.Resize(ref bytes, i % 3 == 0 ? random.Next(bytes.Length) : bytes.Length);
            File.WriteAllBytes(_path, bytes);
            try
            {
                Assert.All(SafetensorsFile.Open(_path).Tensors.Values, tensor => Assert.Equal(tensor.ByteLength, tensor.Bytes.Length));
            }
            catch (FileFormatException)
            {
            }
        }
    }
}
