using EoOnnx.Formats;
using EoOnnx.Onnx.Protobuf;
using Google.Protobuf;

namespace EoOnnx.Onnx.Tests.IO;

/// <summary>Files that were made to harm: each ends in an <see cref="OnnxFormatException"/> that says what is wrong.</summary>
public sealed class HostileFileTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-hostile-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(1L << 60, "more elements"), InlineData(-4, "negative"), InlineData(5, "needs 20"), InlineData(long.MaxValue, "more elements")]
    public void An_initializer_whose_shape_does_not_fit_its_bytes_is_refused(long extent, string why) =>
        Refused(model => model.Graph.Initializer[0].Dims[0] = extent, why);

    [Fact]
    public void An_initializer_of_two_extents_whose_product_overflows_is_refused() =>
        Refused(model => model.Graph.Initializer[0].Dims.AddRange([1L << 40, 1L << 40]), "more elements");

    [Theory, InlineData(0), InlineData(8), InlineData(14), InlineData(77), InlineData(-1)]
    public void An_unknown_or_unsuitable_element_type_is_refused(int type) =>
        Refused(model => model.Graph.Initializer[0].DataType = type, "'w'");

    [Fact]
    public void Typed_fields_of_the_wrong_number_are_refused() => Refused(model =>
    {
        model.Graph.Initializer[0].ClearRawData();
        model.Graph.Initializer[0].FloatData.Add([1, 2, 3]);
    }, "3 are stored");

    [Theory, InlineData("x"), InlineData("w"), InlineData("y")]
    public void A_name_that_is_defined_twice_is_refused(string name) =>
        Refused(model => model.Graph.Node.Insert(0, new NodeProto { OpType = "Neg", Input = { "x" }, Output = { name } }), $"'{name}' twice");

    [Fact]
    public void An_input_twice_is_refused() => Refused(model => model.Graph.Input.Add(model.Graph.Input[0]), "named x");

    [Fact]
    public void An_initializer_twice_is_refused() => Refused(model => model.Graph.Initializer.Add(model.Graph.Initializer[0]), "w");

    [Fact]
    public void A_cycle_is_refused_by_node() => Refused(model => model.Graph.Node.Insert(0, new NodeProto { Name = "loop", OpType = "Add", Input = { "x", "y" }, Output = { "z" } }), "node loop");

    [Fact]
    public void An_output_that_nothing_makes_is_refused_by_name() =>
        Refused(model => model.Graph.Output.Add(new ValueInfoProto { Name = "nowhere" }), "'nowhere'");

    [Fact]
    public void An_attribute_twice_is_refused() => Refused(model =>
    {
        for (var i = 0; i < 2; i++)
        {
            model.Graph.Node[0].Attribute.Add(new AttributeProto { Name = "a", I = i, Type = AttributeProto.Types.AttributeType.Int });
        }
    }, "twice");

    [Fact]
    public void Functions_sparse_initializers_sequences_and_segments_are_refused_by_name()
    {
        Refused(model => model.Functions.Add(new FunctionProto { Name = "Swish" }), "Swish");
        Refused(model => model.Graph.SparseInitializer.Add(new SparseTensorProto()), "sparse");
        Refused(model => model.Graph.Input[0].Type = new TypeProto { SequenceType = new TypeProto.Types.Sequence() }, "Sequence");
        Refused(model => model.Graph.Initializer[0].Segment = new TensorProto.Types.Segment { Begin = 0, End = 1L << 60 }, "segments");
    }

    [Fact]
    public void Graphs_nested_without_end_are_refused()
    {
        Refused(model =>
        {
            var body = new GraphProto();
            for (var i = 0; i < 24; i++)
            {
                body = Nest(body);
            }

            model.Graph.Node.Add(Nest(body).Node[0]);
        }, "", stillValid: true); // protobuf itself allows 100 levels of messages: four a body
        Refused(model =>
        {
            var body = new GraphProto();
            for (var i = 0; i < 40; i++)
            {
                body = Nest(body);
            }

            model.Graph.Node.Add(Nest(body).Node[0]);
        }, "");

        static GraphProto Nest(GraphProto inner) => new()
        {
            Node = { new NodeProto { OpType = "If", Output = { $"o{inner.CalculateSize()}" }, Attribute = { new AttributeProto { Name = "b", G = inner, Type = AttributeProto.Types.AttributeType.Graph } } } },
        };
    }

    [Fact]
    public void Types_nested_without_end_are_refused()
    {
        // The parser's own limit must hold before its stack ends: 5,000 sequences of sequences, written by hand.
        byte[] type = [];
        for (var i = 0; i < 5_000; i++)
        {
            type = Field(4, Field(1, type));
        }

        var info = Field(2, type);
        Assert.Throws<OnnxFormatException>(() => OnnxModel.Parse(Field(7, Field(11, info))));
    }

    [Fact]
    public void A_length_beyond_the_file_allocates_nothing()
    {
        // graph { initializer { raw_data: 2^31-1 bytes announced, none there } }
        byte[] bytes = [0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x2A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07, 0x4A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07];
        _ = Record.Exception(() => OnnxModel.Parse(bytes)); // warm
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<OnnxFormatException>(() => OnnxModel.Parse(bytes));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100_000);
    }

    [Fact]
    public void Known_elements_and_axes_that_double_in_every_node_stay_small()
    {
        // Concat(x, x) sixty times would hold 2^60 known elements; Gather(x, x) sixty times 2^60 axes.
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Refused(model =>
        {
            model.Graph.Initializer.Add(new TensorProto { Name = "c0", DataType = 7, Dims = { 2 }, Int64Data = { 1, 1 } });
            for (var i = 0; i < 60; i++)
            {
                model.Graph.Node.Add(new NodeProto
                {
                    OpType = "Concat", Input = { $"c{i}", $"c{i}" }, Output = { $"c{i + 1}" }, Attribute = { new AttributeProto { Name = "axis", I = 0, Type = AttributeProto.Types.AttributeType.Int } },
                });
            }
        }, "", stillValid: true);
        Refused(model =>
        {
            model.Graph.Initializer.Add(new TensorProto { Name = "c0", DataType = 7, Dims = { 2, 2, 2 }, Int64Data = { 1, 1, 1, 1, 1, 1, 1, 1 } });
            for (var i = 0; i < 60; i++)
            {
                model.Graph.Node.Add(new NodeProto { OpType = "Gather", Input = { $"c{i}", $"c{i}" }, Output = { $"c{i + 1}" } });
            }
        }, "axes");
        Refused(model => // a shape of two billion extents that only the file's header claims
        {
            model.Graph.Input.Add(new ValueInfoProto { Name = "shape", Type = new TypeProto { TensorType = new() { ElemType = 7, Shape = new() { Dim = { new TensorShapeProto.Types.Dimension { DimValue = 2_000_000_000 } } } } } });
            model.Graph.Node.Add(new NodeProto { OpType = "ConstantOfShape", Input = { "shape" }, Output = { "filled" } });
        }, "", stillValid: true);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
    }

    [Fact]
    public void A_result_with_an_impossible_extent_is_refused() => Refused(model =>
    {
        model.Graph.Initializer.Add(new TensorProto { Name = "repeats", DataType = 7, Dims = { 2 }, Int64Data = { 1L << 62, 1L << 62 } });
        model.Graph.Node.Add(new NodeProto { OpType = "Tile", Input = { "w", "repeats" }, Output = { "z" } });
    }, "Tile");

    [Fact]
    public void Many_names_are_read_in_a_time_that_grows_with_their_number()
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Refused(model =>
        {
            for (var i = 0; i < 30_000; i++)
            {
                model.Graph.Input.Add(new ValueInfoProto { Name = $"i{i}" });
                model.Graph.Initializer.Add(new TensorProto { Name = $"i{i}", DataType = 1, FloatData = { 1 } });
                model.Graph.Node.Add(new NodeProto { Name = "same", OpType = "Neg", Input = { $"i{i}" }, Output = { $"n{i}" } });
            }
        }, "", stillValid: true);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 5);
    }

    [Theory]
    [InlineData("../outside.bin"), InlineData("sub/../../outside.bin"), InlineData("/etc/hostname"), InlineData(""), InlineData("link.bin"), InlineData("linked/outside.bin"), InlineData("nul\0.bin")]
    public void External_data_outside_the_folder_of_the_model_is_refused(string location)
    {
        var inner = Directory.CreateDirectory(Path.Combine(_folder, "model")).FullName;
        File.WriteAllBytes(Path.Combine(_folder, "outside.bin"), new byte[64]);
        File.CreateSymbolicLink(Path.Combine(inner, "link.bin"), Path.Combine(_folder, "outside.bin"));
        Directory.CreateSymbolicLink(Path.Combine(inner, "linked"), _folder);
        RefusedExternal(inner, location, "0", "16", "leaves");
    }

    [Theory]
    [InlineData("60", "16", "do not lie within"), InlineData("9223372036854775807", "16", "do not lie within"), InlineData("-4", "16", "non-negative"), InlineData("1e3", "16", "non-negative")]
    [InlineData("0", "12", "needs 16"), InlineData("0", "99999999999999999999", "non-negative")]
    public void External_data_beyond_its_file_or_of_another_length_is_refused(string offset, string length, string why)
    {
        File.WriteAllBytes(Path.Combine(_folder, "data.bin"), new byte[64]);
        RefusedExternal(_folder, "data.bin", offset, length, why);
    }

    [Fact]
    public void External_data_that_is_missing_names_the_file() => RefusedExternal(_folder, "gone.bin", "0", "16", "'gone.bin', which is missing");

    private static void Refused(Action<ModelProto> damage, string why, bool stillValid = false)
    {
        var proto = Sample();
        damage(proto);
        var bytes = proto.ToByteArray();
        if (stillValid)
        {
            _ = OnnxModel.Parse(bytes).ToBytes();
            return;
        }

        Assert.Contains(why, Assert.Throws<OnnxFormatException>(() => OnnxModel.Parse(bytes)).Message, StringComparison.Ordinal);
    }

    private static void RefusedExternal(string folder, string location, string offset, string length, string why)
    {
        var proto = Sample();
        var weight = proto.Graph.Initializer[0];
        weight.ClearRawData();
        weight.DataLocation = TensorProto.Types.DataLocation.External;
        weight.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        weight.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset });
        weight.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length });
        var path = Path.Combine(folder, "model.onnx");
        File.WriteAllBytes(path, proto.ToByteArray());
        Assert.Contains(why, Assert.Throws<OnnxFormatException>(() => OnnxModel.Load(path)).Message, StringComparison.Ordinal);
    }

    private static ModelProto Sample()
    {
        var op = new GraphBuilder("sample");
        op.Output(op.MatMul(op.Input("x", ElementType.Float, [1, 4]), op.Initializer("w", TensorData.FromValues<float>([4, 1], [1, 2, 3, 4]))), "y");
        return ModelProto.Parser.ParseFrom(new OnnxModel(op.Graph).ToBytes());
    }

    private static byte[] Field(int number, byte[] content)
    {
        using var stream = new MemoryStream();
        using var output = new CodedOutputStream(stream);
        output.WriteTag(WireFormat.MakeTag(number, WireFormat.WireType.LengthDelimited));
        output.WriteBytes(ByteString.CopyFrom(content));
        output.Flush();
        return stream.ToArray();
    }
}
