using System.Text;
using CsCheck;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Formats.Tests;

/// <summary>Arrays as numpy.save writes them, and files that no NumPy wrote.</summary>
public sealed class NpyFileTests : IDisposable
{
    private readonly string _path = Path.GetTempFileName();

    public void Dispose() => File.Delete(_path);

    [Fact]
    public void Real_arrays_of_the_reference_are_read_with_their_types()
    {
        var folder = SharedData.Require(Path.Combine(SharedData.Data, "presto", "algae_blooms"));
        NpyFile Read(string name) => NpyFile.Open(Path.Combine(folder, $"{name}.npy"));
        var samples = Read("target").Shape[0];
        Assert.Equal([ElementType.Double, ElementType.UInt8, ElementType.Int64], [Read("s1_s2_era5_srtm").Tensor!.Type, Read("dynamic_world").Tensor!.Type, Read("month").Tensor!.Type]);
        Assert.All(Read("latlon").Tensor!.AsSpan<double>().ToArray().Chunk(2), place => Assert.True(place[0] is > 24 and < 50 && place[1] is > -125 and < -66, $"{place[0]}, {place[1]} lies outside the United States"));
        Assert.Equal(samples, Read("uid").Texts!.Distinct().Count());
        Assert.All(Read("uid").Texts!, name => Assert.Matches("^[a-z]{4}$", name));
    }

    [Fact]
    public void Values_of_any_shape_come_back_as_written_in_every_version_and_order_of_keys() =>
        Gen.Select(Gen.Int[0, 4].Array[0, 4], Gen.Int[1, 3], Gen.Bool, Gen.Int[0, 3]).Sample((shape, version, reversed, spaces) =>
        {
            var values = Enumerable.Range(0, shape.Aggregate(1, (product, extent) => product * extent)).Select(index => (index * 0.25) - 3).ToArray();
            var extents = $"({string.Concat(shape.Select(extent => $"{extent},{new string(' ', spaces)}"))})";
            string[] entries = ["'descr': '<f8'", "'fortran_order': False", $"'shape': {extents}"];
            Write(version, $"{{{string.Join(", ", reversed ? entries.Reverse() : entries)}, }}\n", [.. values.SelectMany(BitConverter.GetBytes)]);
            var array = NpyFile.Open(_path);
            Assert.Equal(shape.Select(extent => (long)extent), array.Shape);
            Assert.Equal(values, array.Tensor!.AsSpan<double>().ToArray());
        }, iter: 200, threads: 1);

    [Fact]
    public void Texts_lose_their_padding_and_keep_every_character()
    {
        string[] texts = ["a", "", "Zürich 🌍"];
        Write(1, "{'descr': '<U10', 'fortran_order': False, 'shape': (3,), }\n", [.. texts.SelectMany(text => Encoding.UTF32.GetBytes(text).Concat(new byte[40]).Take(40))]);
        Assert.Equal(texts, NpyFile.Open(_path).Texts!);
        Assert.Null(NpyFile.Open(_path).Tensor);
    }

    [Theory]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "describes 3 elements of 4 bytes")]
    [InlineData("{'descr': '<f4', 'fortran_order': True, 'shape': (2,), }", "numpy.ascontiguousarray")]
    [InlineData("{'descr': '>f4', 'fortran_order': False, 'shape': (2,), }", "big-endian")]
    [InlineData("{'descr': '|O', 'fortran_order': False, 'shape': (2,), }", "pickles, which are never loaded")]
    [InlineData("{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "'<c8'; read are")]
    [InlineData("{'descr': '<U999999', 'fortran_order': False, 'shape': (0,), }", "texts U1 to U4096")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }", "more elements")]
    [InlineData("{'descr': '<f4', 'fortran_order': False, 'shape': (-2,), }", "expected {'descr'")]
    [InlineData("{'descr': '<f4', 'shape': (2,), }", "expected {'descr'")]
    [InlineData("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "expected {'descr'")]
    [InlineData("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2,), }", "expected {'descr'")]
    [InlineData("__import__('os').abort()", "numpy.save")]
    public void A_header_that_cannot_be_used_is_refused_with_its_defect(string header, string expected)
    {
        Write(1, header + "\n", new byte[8]);
        Assert.Contains(expected, Assert.Throws<FileFormatException>(() => NpyFile.Open(_path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_text_that_is_no_character_and_another_file_are_refused()
    {
        Write(1, "{'descr': '<U1', 'fortran_order': False, 'shape': (1,), }\n", [0xFF, 0xFF, 0xFF, 0xFF]);
        Assert.Contains("text 0", Assert.Throws<FileFormatException>(() => NpyFile.Open(_path)).Message, StringComparison.Ordinal);
        File.WriteAllText(_path, "PK\x03\x04 an npz archive");
        Assert.Contains("does not begin", Assert.Throws<FileFormatException>(() => NpyFile.Open(_path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Mutated_files_end_in_a_format_error_or_an_array_never_in_a_crash()
    {
        Write(1, "{'descr': '<U2', 'fortran_order': False, 'shape': (2, 3), }\n", [.. Enumerable.Repeat(Encoding.UTF32.GetBytes("ab"), 6).SelectMany(text => text)]);
        var seed = File.ReadAllBytes(_path);
        Gen.Select(Gen.Int[0, seed.Length - 1], Gen.Byte, Gen.Int[0, seed.Length], Gen.Bool).Sample((at, value, length, cut) =>
        {
            var bytes = (byte[])seed.Clone();
            bytes[at] = value;
            File.WriteAllBytes(_path, cut ? bytes[..length] : bytes);
            try
            {
                var array = NpyFile.Open(_path);
                Assert.Equal(TensorData.CountOf([.. array.Shape]), array.Texts?.Count ?? array.Tensor!.Count);
            }
            catch (FileFormatException)
            {
                // refused, as it may be
            }
        }, iter: 2_000, threads: 1);
    }

    private void Write(int version, string header, byte[] data)
    {
        var length = version == 1 ? BitConverter.GetBytes((ushort)header.Length) : BitConverter.GetBytes(header.Length);
        File.WriteAllBytes(_path, [0x93, .. "NUMPY"u8, (byte)version, 0, .. length, .. Encoding.Latin1.GetBytes(header), .. data]);
    }
}
