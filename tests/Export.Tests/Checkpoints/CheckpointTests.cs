using System.Buffers.Binary;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Checkpoints;

public sealed class CheckpointTests : CheckpointFolder
{
    [Theory]
    [InlineData("FloatStorage", ElementType.Float), InlineData("DoubleStorage", ElementType.Double), InlineData("HalfStorage", ElementType.Float16)]
    [InlineData("BFloat16Storage", ElementType.BFloat16), InlineData("LongStorage", ElementType.Int64), InlineData("IntStorage", ElementType.Int32)]
    [InlineData("ShortStorage", ElementType.Int16), InlineData("CharStorage", ElementType.Int8), InlineData("ByteStorage", ElementType.UInt8)]
    [InlineData("BoolStorage", ElementType.Bool)]
    public void Every_storage_type_is_read_from_both_formats(string storage, ElementType type)
    {
        var bytes = Enumerable.Range(0, 4 * type.SizeInBytes()).Select(value => (byte)(value % 2)).ToArray();
        foreach (var isLegacy in new[] { false, true })
        {
            var pickle = new PickleWriter().Dictionary(("w", value => value.Tensor(storage, "0", 4, 1, [3], [1], isLegacy))).End();
            var weights = Open(isLegacy ? TorchFiles.Legacy(pickle, ("0", bytes, type.SizeInBytes())) : TorchFiles.Zip(pickle, [("0", bytes)])).Weights;
            var tensor = weights.Take("w", 3);
            Assert.Equal(type, tensor.Type);
            Assert.Equal(bytes[type.SizeInBytes()..], tensor.Bytes.ToArray());
        }
    }

    [Fact]
    public void An_untyped_storage_takes_the_type_of_its_tensor()
    {
        var pickle = new PickleWriter().Dictionary(("w", value => value.Call("torch._utils", "_rebuild_tensor_v3", arguments => arguments
            .Storage("UntypedStorage", "0", 8).Integer(1).Tuple(3).Tuple(1).Boolean(false).None().Global("torch", "uint16").None()))).End();
        var tensor = Open(TorchFiles.Zip(pickle, [("0", TorchFiles.Bytes<ushort>(9, 60_000, 2, 3))])).Weights.Take("w", 3);
        Assert.Equal([60_000, 2, 3], tensor.AsSpan<ushort>().ToArray());
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Both_formats_give_the_same_weights_and_values(bool isLegacy)
    {
        var checkpoint = Open(TorchFiles.Small(isLegacy), "name.that-says-nothing");
        Assert.Equal(isLegacy ? CheckpointKind.TorchLegacy : CheckpointKind.TorchZip, checkpoint.Kind);
        Assert.Equal(["layer.bias", "layer.weight"], checkpoint.Weights.Names);
        Assert.Equal([1, 2, 3, 4, 5, 6], checkpoint.Weights.Take("layer.weight", 2, 3).ToSingles());
        Assert.Equal([7, 8, 9], checkpoint.Weights.Take("layer.bias", 3).ToSingles());
        Assert.Equal(7, checkpoint.Root?["epoch"]?.Integer);
        Assert.Equal(["BLUE", "RED"], checkpoint.HyperParameters?["bands"]?.Items.Select(band => band.Text));
        Assert.Null(checkpoint.LightningVersion);
    }

    [Fact]
    public void Big_endian_numbers_are_swapped()
    {
        var bytes = new byte[12];
        BinaryPrimitives.WriteSingleBigEndian(bytes, 1.5f);
        BinaryPrimitives.WriteSingleBigEndian(bytes.AsSpan(4), -2);
        BinaryPrimitives.WriteSingleBigEndian(bytes.AsSpan(8), 3e-20f);
        var pickle = new PickleWriter().Dictionary(("w", value => value.Tensor("FloatStorage", "0", 3, 0, [3], [1]))).End();
        Assert.Equal([1.5f, -2, 3e-20f], Open(TorchFiles.Zip(pickle, [("0", bytes)], byteOrder: "big")).Weights.Take("w").ToSingles());
        AssertRefused(TorchFiles.Zip(pickle, [("0", bytes)], byteOrder: "middle"), "its byte order is 'middle'; expected little or big");
    }

    [Fact]
    public void Tensors_may_share_a_storage_with_offsets_and_strides_of_their_own()
    {
        var pickle = new PickleWriter().Dictionary(
            ("all", value => value.Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1], device: "cuda:0")),
            ("transposed", value => value.Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3], device: "cuda:0")),
            ("column", value => value.Tensor("FloatStorage", "0", 6, 1, [2], [3])),
            ("repeated", value => value.Tensor("FloatStorage", "0", 6, 4, [2, 2], [0, 1])),
            ("scalar", value => value.Tensor("FloatStorage", "0", 6, 5, [], [])),
            ("empty", value => value.Tensor("FloatStorage", "0", 6, 0, [0, 4], [4, 1])),
            ("single", value => value.Tensor("FloatStorage", "0", 6, 2, [1, 3], [77, 1]))).End();
        foreach (var isPacked in new[] { false, true })
        {
            var weights = Open(TorchFiles.Zip(pickle, [("0", TorchFiles.Bytes<float>(0, 1, 2, 3, 4, 5))], deflate: isPacked)).Weights;
            Assert.Equal([0, 1, 2, 3, 4, 5], weights.Take("all", 2, 3).ToSingles());
            Assert.Equal([0, 3, 1, 4, 2, 5], weights.Take("transposed", 3, 2).ToSingles());
            Assert.Equal([1, 4], weights.Take("column", 2).ToSingles());
            Assert.Equal([4, 5, 4, 5], weights.Take("repeated", 2, 2).ToSingles());
            Assert.Equal([5], weights.Take("scalar", []).ToSingles());
            Assert.Empty(weights.Take("empty", 0, 4).ToSingles());
            Assert.Equal([2, 3, 4], weights.Take("single", 1, 3).ToSingles());
        }
    }

    [Fact]
    public void A_view_into_a_storage_of_an_old_file_starts_where_it_says()
    {
        var pickle = new PickleWriter().Dictionary(("w", value => value.Call("torch._utils", "_rebuild_tensor", arguments => arguments
            .Op('(').Text("storage").Global("torch", "FloatStorage").Text("0").Text("cpu").Integer(5).Op('(').Text("view").Integer(2).Integer(3).Op('t').Op('t').Op('Q')
            .Integer(1).Tuple(2).Tuple(1)))).End();
        var weights = Open(TorchFiles.Legacy(pickle, ("0", TorchFiles.Bytes<float>(0, 1, 2, 3, 4), 4))).Weights;
        Assert.Equal([3, 4], weights.Take("w", 2).ToSingles());
    }

    [Theory, InlineData("archive"), InlineData("18"), InlineData("../../etc"), InlineData("Gewichte für Ü")]
    public void The_folder_in_the_archive_may_have_any_name_and_nothing_is_written(string folder)
    {
        var pickle = new PickleWriter().Dictionary(("w", value => value.Tensor("ByteStorage", "../0", 2, 0, [2], [1]))).End();
        foreach (var isZip64 in new[] { false, true })
        {
            Assert.Equal([5, 6], Open(TorchFiles.Zip(pickle, [("../0", [5, 6])], folder, byteOrder: null, zip64: isZip64)).Weights.Take("w").ToSingles());
        }

        Assert.Equal(2, Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories).Length);
    }

    [Theory, InlineData("state_dict"), InlineData("model"), InlineData("model_state_dict")]
    public void Weights_are_found_at_the_top_or_below_the_usual_keys(string key)
    {
        static void Weights(PickleWriter value) => value.Dictionary(("w", tensor => tensor.Tensor("ByteStorage", "0", 1, 0, [1], [1])), ("step", step => step.Integer(3)));
        var pickle = new PickleWriter().Dictionary((key, Weights), ("loose", tensor => tensor.Tensor("ByteStorage", "0", 1, 0, [1], [1]))).End();
        Assert.Equal(["w"], Open(TorchFiles.Zip(pickle, [("0", [1])])).Weights.Names);
        var nested = new PickleWriter().Dictionary(("model", value => value.Dictionary((key, Weights)))).End();
        Assert.Equal(["w"], Open(TorchFiles.Zip(nested, [("0", [1])])).Weights.Names);
    }

    [Fact]
    public void An_unknown_tensor_type_leaves_the_others_readable()
    {
        var pickle = new PickleWriter().Dictionary(
            ("phase", value => value.Tensor("ComplexFloatStorage", "0", 1, 0, [1], [1], legacy: true)),
            ("w", value => value.Tensor("FloatStorage", "1", 1, 0, [1], [1], legacy: true))).End();
        var checkpoint = Open(TorchFiles.Legacy(pickle, ("0", new byte[8], 8), ("1", TorchFiles.Bytes(4f), 4)));
        Assert.Equal(["w"], checkpoint.Weights.Names);
        Assert.Equal([4], checkpoint.Weights.Take("w").ToSingles());
    }

    [Fact]
    public void A_plain_pickle_of_arrays_is_read_too()
    {
        var pickle = new PickleWriter(4).Dictionary(("w", NumpyPickles.Array)).End();
        var checkpoint = Open(pickle);
        Assert.Equal(CheckpointKind.Pickle, checkpoint.Kind);
        Assert.Equal([1, 2, 3, 4], checkpoint.Weights.Take("w", 2, 2).ToSingles());
    }

    [Fact]
    public void What_is_no_checkpoint_is_refused_with_what_it_is()
    {
        AssertRefused([], "it is empty");
        AssertRefused("version https://git-lfs.github.com/spec/v1\noid sha256:00"u8.ToArray(), "git lfs pull");
        AssertRefused("<!DOCTYPE html><html>"u8.ToArray(), "a web page");
        AssertRefused([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], "it starts with 0102030405060708");
        AssertRefused(ZipWriter.Write([new ZipItem("word/document.xml", [1])]), "it is a zip archive without data.pkl (it has word/document.xml)");
        AssertRefused(new PickleWriter().Dictionary(("epoch", value => value.Integer(1))).End(), "it holds no tensors; at its top are");
        AssertRefused(TorchFiles.Zip(new PickleWriter().Global("models", "Net").Op(')').Raw(0x81).End(), []), "an object of models.Net instead of a state_dict");
    }

    [Fact]
    public void Opening_a_large_file_allocates_next_to_nothing()
    {
        const int Count = 24 << 20;   // 96 MiB
        var pickle = new PickleWriter().Dictionary(
            ("w", value => value.Tensor("FloatStorage", "0", Count, 0, [Count / 1024, 1024], [1024, 1])),
            ("t", value => value.Tensor("FloatStorage", "0", Count, 0, [1024, Count / 1024], [1, 1024]))).End();
        var path = Save(TorchFiles.Zip(pickle, [("0", new byte[4 * Count])]));
        Checkpoint.Open(path);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var checkpoint = Checkpoint.Open(path);
        var first = checkpoint.Weights.Take("w").Bytes.Span[0];
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 200_000);
        Assert.Equal(0, first);
    }
}
