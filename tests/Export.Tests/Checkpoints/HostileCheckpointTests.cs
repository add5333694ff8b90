using System.Buffers.Binary;
using System.Text;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;
using EoOnnx.Tests;

namespace EoOnnx.Export.Tests.Checkpoints;

/// <summary>Files made to break a reader. Each is refused with its reason, or read as what it is; none runs anything or takes memory.</summary>
public sealed class HostileCheckpointTests : CheckpointFolder
{
    private const int MaximumAllocation = 64 << 20;

    [Theory]
    [InlineData("os", "system"), InlineData("posix", "system"), InlineData("nt", "system"), InlineData("subprocess", "Popen")]
    [InlineData("builtins", "eval"), InlineData("builtins", "exec"), InlineData("builtins", "getattr"), InlineData("__builtin__", "execfile")]
    [InlineData("torch.storage", "_load_from_bytes"), InlineData("System.Diagnostics.Process", "Start"), InlineData("EoOnnx.Formats", "AtomicFile")]
    public void A_call_of_any_function_is_a_record_and_is_never_made(string module, string name)
    {
        var marker = Path.Combine(Folder, "executed");
        var command = $"touch {marker}";
        var pickle = new PickleWriter().Dictionary(
            ("reduce", value => value.Call(module, name, arguments => arguments.Text(command))),
            ("newobj", value => value.Global(module, name).Text(command).Raw(0x85).Raw(0x81)),
            ("build", value => value.Global(module, name).Op(')').Op('R').Dictionary(("__setstate__", state => state.Global(module, name))).Op('b')),
            ("persistent", value => value.Call(module, name, arguments => arguments.Text(command)).Op('Q')),
            ("w", value => value.Tensor("FloatStorage", "0", 1, 0, [1], [1]))).End();
        var checkpoint = Open(TorchFiles.Zip(pickle, [("0", new byte[4])]));
        var record = Assert.IsType<PickleRecord>(checkpoint.Root?["reduce"]);
        Assert.Equal(($"{module}.{name}", command), (record.FullName, record.Text));
        Assert.Equal(["w"], checkpoint.Weights.Names);
        Assert.False(File.Exists(marker));
    }

    [Fact]
    public void A_pickle_that_is_itself_a_command_is_refused() =>
        AssertRefused(new PickleWriter().Call("os", "system", arguments => arguments.Text("echo")).End(), "it holds an object of os.system instead of a state_dict");

    [Fact]
    public void Nesting_without_end_is_refused()
    {
        const int Levels = 50_000;
        var tuples = new PickleWriter().None();
        var calls = new PickleWriter().None();
        var lists = new PickleWriter();   // filled from the outermost to the innermost, so that no single step looks deep
        for (var level = 0; level < Levels; level++)
        {
            tuples.Raw(0x85);
            calls.Raw(0x85).Put(0).Op('0').Global("a", "b").Get(0).Raw(0x81);
            lists.Op(']').Announced('r', (uint)level);
        }

        for (uint level = 0; level < Levels - 1; level++)
        {
            lists.Announced('j', level).Announced('j', level + 1).Op('a').Op('0');
        }

        AssertRefused(tuples.End(), "nested more than 500 deep");
        AssertRefused(calls.End(), "nested more than 500 deep");
        AssertRefused(lists.Announced('j', 0).End(), "nested more than 500 deep");
    }

    [Fact]
    public void A_dictionary_that_contains_itself_is_read_once()
    {
        var pickle = new PickleWriter().Op('}').Put(0).Op('(').Text("model").Get(0).Text("state_dict").Get(0)
            .Text("w").Tensor("FloatStorage", "0", 1, 0, [1], [1]).Op('u').End();
        Assert.Equal(["w"], Open(TorchFiles.Zip(pickle, [("0", new byte[4])])).Weights.Names);
    }

    [Fact]
    public void Lists_calls_and_states_that_contain_themselves_are_read_once_and_end_the_search()
    {
        static void Weight(PickleWriter value) => value.Tensor("FloatStorage", "0", 1, 0, [1], [1]);
        var checkpoint = Open(TorchFiles.Zip(new PickleWriter().Dictionary(
            ("list", value => value.Op(']').Put(0).Get(0).Op('a')),                                                  // l.append(l)
            ("call", value => value.Global("a", "b").Op(']').Put(1).Raw(0x85).Op('R').Put(2).Op('0').Get(1).Get(2).Op('a').Op('0').Get(2)),   // the argument holds the result
            ("state", value => value.Global("a", "b").Op(')').Op('R').Put(3).Op('}').Text("self").Get(3).Op('s').Op('b')),
            ("w", Weight)).End(), [("0", new byte[4])]));
        Assert.Equal(["w"], checkpoint.Weights.Names);
        Assert.Equal(["list", "call", "state", "w"], checkpoint.Root!.Entries.Select(entry => entry.Key.Text));
    }

    [Fact]
    public void Overlapping_and_repeating_strides_are_legal_and_read_as_what_they_mean()
    {
        var pickle = new PickleWriter().Dictionary(
            ("windows", value => value.Tensor("FloatStorage", "0", 4, 0, [3, 2], [1, 1])), ("repeated", value => value.Tensor("FloatStorage", "0", 4, 2, [2, 2], [0, 1])),
            ("diagonal", value => value.Tensor("FloatStorage", "0", 4, 0, [2], [3]))).End();
        float[] stored = [10, 11, 12, 13];
        var weights = Open(TorchFiles.Zip(pickle, [("0", System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(stored).ToArray())])).Weights;
        Assert.Equal([10, 11, 11, 12, 12, 13], weights.Take("windows").ToSingles());
        Assert.Equal([12, 13, 12, 13], weights.Take("repeated").ToSingles());
        Assert.Equal([10, 13], weights.Take("diagonal").ToSingles());
    }

    [Fact]
    public void More_objects_than_the_file_justifies_are_refused()
    {
        // Each recall of a large tuple as arguments would copy it.
        var writer = new PickleWriter().Op('(');
        for (var i = 0; i < 20_000; i++)
        {
            writer.None();
        }

        writer.Op('t').Put(0).Op('0').Global("a", "b").Put(1).Op('0');
        for (var i = 0; i < 20_000; i++)
        {
            writer.Get(1).Get(0).Op('R');
        }

        AssertBounded(() => AssertRefused(writer.End(), "which its"));
    }

    [Fact]
    public void Announced_lengths_are_compared_with_what_is_left()
    {
        foreach (var opcode in "XTB")
        {
            AssertBounded(() => AssertRefused(new PickleWriter().Announced(opcode, uint.MaxValue).End(), "4294967295 bytes is announced; 1 are left"));
        }

        AssertBounded(() => AssertRefused(new PickleWriter(4).Raw(0x8D, 0, 0, 0, 0, 0, 0, 0, 0x80).End(), "9223372036854775808 bytes is announced"));
        AssertBounded(() => AssertRefused(new PickleWriter().Raw(0x8B, 0xFF, 0xFF, 0xFF, 0xFF).End(), "4294967295 bytes is announced"));
        AssertBounded(() => AssertRefused([.. new PickleWriter().Raw(0x8B, 0, 8, 0, 0).Unfinished(), .. new byte[4096]], "a whole number has 2048 bytes"));
        AssertBounded(() => AssertRefused(new PickleWriter().None().Announced('r', uint.MaxValue).End(), "value number 4294967295"));
        AssertRefused(new PickleWriter().Get(9).End(), "value number 9 is recalled before it was made");
        AssertRefused([.. new PickleWriter().Op('c').Unfinished(), .. Encoding.ASCII.GetBytes(new string('a', 10_000))], "has no end within");
    }

    [Fact]
    public void Operations_without_operands_and_unknown_ones_are_refused()
    {
        AssertRefused(new PickleWriter().End(), "finds nothing on the stack");
        AssertRefused(new PickleWriter().Op('t').End(), "finds no mark");
        AssertRefused(new PickleWriter().Op('(').Op('R').End(), "needs 2 values");
        AssertRefused(new PickleWriter().Op('}').Op('(').None().Op('u').End(), "expected an even number");
        AssertRefused(new PickleWriter().None().None().Op('a').End(), "expected a list or a set");
        AssertRefused(new PickleWriter().None().Op(')').Op('R').End(), "expected a class or function");
        AssertRefused(new PickleWriter().Global("a", "b").None().Op('R').End(), "expected a tuple");
        AssertRefused(new PickleWriter().Raw(0x82, 1).End(), "0x82 is not one that checkpoints use");
        AssertRefused(new PickleWriter().Op('I').Raw("1\n"u8).End(), "0x49 is not one that checkpoints use");
        AssertRefused(new PickleWriter().Raw(0x80, 9).None().End(), "it has protocol 9; 2 to 5 can be read");
    }

    [Fact]
    public void A_name_that_occurs_twice_is_refused()
    {
        static void Weight(PickleWriter value) => value.Tensor("FloatStorage", "0", 1, 0, [1], [1]);
        AssertRefused(TorchFiles.Zip(new PickleWriter().Dictionary(("w", Weight), ("w", Weight)).End(), [("0", new byte[4])]), "the key 'w' twice");
        AssertRefused(TorchFiles.Zip(new PickleWriter().Dictionary(("w", Weight)).End(), [("0", new byte[4]), ("0", new byte[4])]), "the entry 'archive/data/0' twice");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", [1]), new ZipItem("b/data.pkl", [1])]), "more than one data.pkl");
        var legacy = new PickleWriter().Dictionary(("w", value => value.Tensor("FloatStorage", "0", 1, 0, [1], [1], legacy: true))).End();
        AssertRefused(TorchFiles.Legacy(legacy, ("0", new byte[4], 4), ("0", new byte[4], 4)), "the storage '0' is listed twice");
    }

    [Theory]
    [InlineData(5, 0, new long[] { 5 }, new long[] { 1 }, "needs 20 bytes; the file has 16")]
    [InlineData(4, 0, new long[] { 5 }, new long[] { 1 }, "reaches element 4")]
    [InlineData(4, 1, new long[] { 4 }, new long[] { 1 }, "reaches element 4")]
    [InlineData(4, 0, new long[] { 2, 2 }, new long[] { 3, 1 }, "reaches element 4")]
    [InlineData(4, 0, new long[] { 2 }, new long[] { long.MaxValue }, "reaches element 9223372036854775807")]
    [InlineData(4, long.MaxValue, new long[] { 2 }, new long[] { 1 }, "reaches element 9223372036854775808")]
    [InlineData(4, -1, new long[] { 2 }, new long[] { 1 }, "nothing negative")]
    [InlineData(4, 3, new long[] { 2 }, new long[] { -1 }, "nothing negative")]
    [InlineData(4, 0, new long[] { 2, 2 }, new long[] { 1 }, "one stride for each axis")]
    [InlineData(4, 0, new long[] { -2 }, new long[] { 1 }, "negative extent -2")]
    [InlineData(4, 0, new long[] { 1L << 60 }, new long[] { 0 }, "more elements than")]
    [InlineData(4, 0, new long[] { 1L << 30, 1L << 30 }, new long[] { 0, 0 }, "more elements than")]
    [InlineData(4, 0, new long[] { 1 << 30 }, new long[] { 0 }, "spans 4 bytes")]
    [InlineData(4, 0, new long[] { 1 << 25 }, new long[] { 0 }, "repeats 4 bytes to 134217728")]
    public void A_tensor_that_leaves_its_storage_is_refused_with_both_sizes(long count, long offset, long[] shape, long[] strides, string words)
    {
        foreach (var isLegacy in new[] { false, true })
        {
            var pickle = new PickleWriter().Dictionary(("state_dict", value => value.Dictionary(("blocks.0.weight", tensor => tensor.Tensor("FloatStorage", "0", count, offset, shape, strides, isLegacy))))).End();
            var file = isLegacy ? TorchFiles.Legacy(pickle, ("0", new byte[16], 4)) : TorchFiles.Zip(pickle, [("0", new byte[16])]);
            AssertBounded(() => AssertRefused(file, words));
            AssertRefused(file, "state_dict.blocks.0.weight: ");
        }
    }

    [Fact]
    public void Storage_references_that_lead_nowhere_are_refused()
    {
        static byte[] Pickle(string key, bool isLegacy) => new PickleWriter().Dictionary(("w", value => value.Tensor("FloatStorage", key, 1, 0, [1], [1], isLegacy))).End();
        AssertRefused(TorchFiles.Zip(Pickle("7", false), [("0", new byte[4])]), "lacks the entry 'archive/data/7'");
        AssertRefused(TorchFiles.Zip(Pickle("../../../../etc/passwd", false), [("0", new byte[4])]), "lacks the entry 'archive/data/../../../../etc/passwd'");
        AssertRefused(TorchFiles.Legacy(Pickle("7", true), ("0", new byte[4], 4)), "the storage '0' is listed, but nothing in the file says what it holds");
        AssertRefused(Pickle("7", true), "lies outside the pickle");
        var legacy = TorchFiles.Legacy(Pickle("0", true), ("0", new byte[4], 4));
        BinaryPrimitives.WriteInt64LittleEndian(legacy.AsSpan(legacy.Length - 12), 1L << 60);
        AssertBounded(() => AssertRefused(legacy, "has 1152921504606846976 elements of 4 bytes"));
        AssertRefused(TorchFiles.Zip(new PickleWriter().Dictionary(("w", value => value.Tensor("FloatStorage", "0", -5, 0, [1], [1]))).End(), [("0", new byte[4])]), "malformed");
    }

    [Fact]
    public void Archives_that_lie_about_sizes_places_or_methods_are_refused()
    {
        var pickle = new PickleWriter().Dictionary(("w", value => value.Tensor("ByteStorage", "0", 1, 0, [1], [1]))).End();
        ZipItem data = new("a/data/0", [1]), zeros = new("a/data.pkl", new byte[1 << 20]) { Deflate = true };
        AssertBounded(() => AssertRefused(ZipWriter.Write([zeros]), "at most 200 : 1 is read"));
        AssertBounded(() => AssertRefused(ZipWriter.Write([zeros with { AnnouncedLength = 1L << 40 }]), "at most 200 : 1 is read"));
        AssertBounded(() => AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { Deflate = true, AnnouncedLength = 40 }]), "unpacks to more than the 40 bytes"));
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { Deflate = true, AnnouncedLength = 4000 }]), "cannot be unpacked to 4000 bytes");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { AnnouncedMethod = 8 }]), "cannot be unpacked");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { AnnouncedLength = 1L << 40, AnnouncedPackedLength = 1L << 40 }]), "has 1099511627776 bytes");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { AnnouncedLength = -1, AnnouncedPackedLength = -1 }], zip64: true), "has -1 bytes");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { AnnouncedOffset = 1L << 62 }]), "at 4611686018427387904");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { AnnouncedOffset = 7 }]), "has no header at byte 7");
        AssertRefused(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { AnnouncedMethod = 14 }]), "packed with method 14");
        Assert.Equal([1], Open(ZipWriter.Write([new ZipItem("a/data.pkl", pickle) { Deflate = true }, data], zip64: true)).Weights.Take("w").ToSingles());
    }

    [Fact]
    public void A_directory_that_announces_more_than_it_holds_is_refused()
    {
        var file = ZipWriter.Write([new ZipItem("a/data.pkl", [1])]);
        BinaryPrimitives.WriteUInt16LittleEndian(file.AsSpan(file.Length - 12), 60_000);
        AssertRefused(file, "announces 60000 entries");
        BinaryPrimitives.WriteUInt32LittleEndian(file.AsSpan(file.Length - 6), 1_000_000);
        AssertRefused(file, "at 1000000; the file has");
    }

    [Fact]
    public void A_file_cut_at_any_64th_byte_is_refused()
    {
        var files = Directory.Exists(SharedData.Golden)
            ? Directory.EnumerateFiles(SharedData.Golden, "checkpoint.pth", SearchOption.AllDirectories).Order(StringComparer.Ordinal).ToList() : [];
        if (files.Count == 0)
        {
            SharedData.Require(Path.Combine(SharedData.Golden, "checkpoint.pth"));
        }

        // the smallest zip file and, when there is one, the smallest legacy file
        foreach (var kind in files.GroupBy(file => Checkpoint.Open(file).Kind))
        {
            var whole = File.ReadAllBytes(kind.MinBy(file => new FileInfo(file).Length)!);
            var path = Save(whole, "cut.pth");
            using var stream = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            for (long length = (whole.Length - 1) / 64 * 64; length >= 0; length -= 64)
            {
                stream.SetLength(length);
                var failure = Assert.Throws<FileFormatException>(() => Checkpoint.Open(path));
                Assert.Contains("cut.pth", failure.Message, StringComparison.Ordinal);
            }
        }
    }

    [Fact]
    public void A_million_names_are_read_and_searched_in_memory_that_grows_with_them()
    {
        const int Count = 1_000_000;
        var writer = new PickleWriter().Global("collections", "OrderedDict").Put(0).Op('0').Global("torch._utils", "_rebuild_tensor_v2").Put(1).Op('0')
            .Storage("FloatStorage", "0", 4).Put(2).Op('0').Tuple(4).Put(3).Op('0').Tuple(1).Put(4).Op('0').Op('}').Op('(');
        for (var i = 0; i < Count; i++)
        {
            writer.Text($"blocks.{i}.w").Get(1).Op('(').Get(2).Integer(0).Get(3).Get(4).Boolean(false).None().Op('t').Op('R');
        }

        var path = Save(TorchFiles.Zip(writer.Op('u').End(), [("0", new byte[16])]));
        var before = GC.GetAllocatedBytesForCurrentThread();
        var weights = Checkpoint.Open(path).Weights;
        Assert.Equal(Count, weights.Count);
        Assert.Equal(Count, weights.CountBlocks("blocks"));
        Assert.Equal(4, weights.Below("blocks.77.").Take("w").Count);
        Assert.Single(weights.Below("blocks.999999.").Names);
        Assert.Contains($"{Count - 1} weights that the model does not use: blocks.0.w, ", weights.DescribeUnused(), StringComparison.Ordinal);
        Assert.Contains("closest name", Assert.Throws<FileFormatException>(() => weights.Take("block.77.w")).Message, StringComparison.Ordinal);
        // Name, shape, tables and searches take about 1.6 kB for each; a table made anew for each name would take megabytes.
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / Count, 1, 4096);
    }

    private static void AssertBounded(Action action)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        action();
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MaximumAllocation);
    }
}
