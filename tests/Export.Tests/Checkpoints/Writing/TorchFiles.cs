using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace EoOnnx.Export.Tests.Checkpoints.Writing;

/// <summary>Files as <c>torch.save</c> writes them, around a given pickle.</summary>
internal static class TorchFiles
{
    /// <summary>A zip file of PyTorch 1.6 and newer.</summary>
    /// <param name="pickle">The content of <c>data.pkl</c>.</param>
    /// <param name="storages">Blocks by key.</param>
    /// <param name="folder">Folder within the archive.</param>
    /// <param name="byteOrder">Content of <c>byteorder</c>; null leaves it out, as older versions did.</param>
    /// <param name="deflate">Packs the entries.</param>
    /// <param name="zip64">Writes 64-bit sizes.</param>
    public static byte[] Zip(
        byte[] pickle, IEnumerable<(string Key, byte[] Bytes)> storages, string folder = "archive", string? byteOrder = "little", bool deflate = false, bool zip64 = false)
    {
        var items = new List<ZipItem> { new($"{folder}/data.pkl", pickle) };
        if (byteOrder is not null)
        {
            items.Add(new ZipItem($"{folder}/byteorder", Encoding.ASCII.GetBytes(byteOrder)));
        }

        items.AddRange(storages.Select(storage => new ZipItem($"{folder}/data/{storage.Key}", storage.Bytes)));
        items.Add(new ZipItem($"{folder}/version", "3\n"u8.ToArray()));
        return ZipWriter.Write(items.Select(item => item with { Deflate = deflate }), zip64);
    }

    /// <summary>A file before PyTorch 1.6.</summary>
    /// <param name="pickle">The value's pickle.</param>
    /// <param name="storages">Blocks by key, with the size of an element.</param>
    public static byte[] Legacy(byte[] pickle, params (string Key, byte[] Bytes, int ElementSize)[] storages)
    {
        using var file = new MemoryStream();
        var magic = BigInteger.Parse("119547037146038801333356", System.Globalization.CultureInfo.InvariantCulture).ToByteArray();
        file.Write(new PickleWriter().Raw(0x8A, (byte)magic.Length).Raw(magic).End());
        file.Write(new PickleWriter().Integer(1001).End());
        file.Write(new PickleWriter().Dictionary(("protocol_version", value => value.Integer(1001)), ("little_endian", value => value.Boolean(true))).End());
        file.Write(pickle);
        var keys = new PickleWriter().Op(']').Op('(');
        Array.ForEach(storages, storage => keys.Text(storage.Key));
        file.Write(keys.Op('e').End());
        Span<byte> count = stackalloc byte[8];
        foreach (var (_, bytes, elementSize) in storages)
        {
            BinaryPrimitives.WriteInt64LittleEndian(count, bytes.Length / elementSize);
            file.Write(count);
            file.Write(bytes);
        }

        return file.ToArray();
    }

    /// <summary>Numbers as bytes of this machine.</summary>
    public static byte[] Bytes<T>(params ReadOnlySpan<T> values) where T : unmanaged => MemoryMarshal.AsBytes(values).ToArray();

    /// <summary>A small checkpoint with two tensors in two storages, in either form.</summary>
    public static byte[] Small(bool legacy)
    {
        var pickle = new PickleWriter().Dictionary(
            ("state_dict", value => value.Dictionary(
                ("layer.weight", tensor => tensor.Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1], legacy)),
                ("layer.bias", tensor => tensor.Tensor("FloatStorage", "1", 4, 1, [3], [1], legacy)))),
            ("epoch", value => value.Integer(7)),
            ("hyper_parameters", value => value.Dictionary(
                ("bands", bands => bands.Op(']').Op('(').Call("terratorch.datasets", "HLSBands", argument => argument.Text("BLUE")).Text("RED").Op('e')),
                ("rate", rate => rate.Number(0.5))))).End();
        var (weight, bias) = (Bytes<float>(1, 2, 3, 4, 5, 6), Bytes<float>(-1, 7, 8, 9));
        return legacy ? Legacy(pickle, ("0", weight, 4), ("1", bias, 4)) : Zip(pickle, [("0", weight), ("1", bias)]);
    }
}
