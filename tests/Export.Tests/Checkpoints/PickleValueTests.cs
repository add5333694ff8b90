using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Export.Checkpoints.Torch;
using EoOnnx.Export.Tests.Checkpoints.Writing;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Checkpoints;

public sealed class PickleValueTests
{
    [Fact]
    public void Numbers_texts_and_containers_are_themselves()
    {
        var value = Read(new PickleWriter(4).Dictionary(
            ("none", item => item.None()),
            ("truth", item => item.Boolean(true)),
            ("small", item => item.Integer(3)),
            ("negative", item => item.Integer(-70_000)),
            ("wide", item => item.Integer(1L << 40)),
            ("huge", item => item.Raw(0x8A, 10).Raw(0, 0, 0, 0, 0, 0, 0, 0, 0, 1)),
            ("number", item => item.Number(0.1)),
            ("text", item => item.Raw(0x8C, 3).Raw("äb"u8)),
            ("bytes", item => item.Bytes(1, 2)),
            ("list", item => item.Op(']').Integer(1).Op('a').Op('(').Integer(2).Integer(3).Op('e')),
            ("tuple", item => item.Integer(1).Integer(2).Raw(0x86)),
            ("set", item => item.Raw(0x8F).Op('(').Integer(5).Raw(0x90)),
            ("frozen", item => item.Op('(').Integer(6).Raw(0x91))));
        Assert.True(value["none"]!.IsNone);
        Assert.True(value["truth"]!.Boolean);
        Assert.Equal([3, -70_000, 1L << 40], new[] { "small", "negative", "wide" }.Select(name => value[name]!.Integer!.Value));
        Assert.Null(value["huge"]!.Integer);
        Assert.Equal(Math.Pow(2, 72), value["huge"]!.Number);
        Assert.Equal(0.1, value["number"]!.Number);
        Assert.Equal("äb", value["text"]!.Text);
        Assert.Equal([1, 2], ((PickleBytes)value["bytes"]!).Value.ToArray());
        Assert.Equal([1, 2, 3], value["list"]!.Items.Select(item => item.Integer!.Value));
        Assert.Equal(PickleSequenceKind.Tuple, ((PickleSequence)value["tuple"]!).Form);
        Assert.Equal([5, 6], value["set"]!.Items.Concat(value["frozen"]!.Items).Select(item => item.Integer!.Value));
        Assert.Null(value.Find("list", "absent", "deeper"));
        Assert.Null(value["text"]!.Integer);
    }

    [Fact]
    public void A_class_a_call_and_an_object_are_records_of_what_they_were_given()
    {
        var value = Read(new PickleWriter(4).Dictionary(
            ("type", item => item.Global("torch", "float32")),
            ("enum", item => item.Raw(0x8C, 5).Raw("bands"u8).Raw(0x8C, 4).Raw("Band"u8).Raw(0x93).Text("NIR").Raw(0x85).Op('R')),
            ("namespace", item => item.Global("argparse", "Namespace").Op(')').Raw(0x81).Dictionary(("lr", rate => rate.Number(0.1)), ("depth", depth => depth.Integer(12))).Op('b')),
            ("keywords", item => item.Global("a", "B").Op(')').Dictionary(("k", k => k.Integer(1))).Raw(0x92)),
            ("attributes", item => item.Global("lightning.fabric", "AttributeDict").Op(')').Raw(0x81).Op('(').Text("x").Integer(4).Op('u')),
            ("curried", item => item.Global("functools", "partial").Global("torch.nn", "GELU").Raw(0x85).Op('R').Op(')').Op('R'))));
        var type = Assert.IsType<PickleRecord>(value["type"]);
        Assert.Equal(("torch.float32", true), (type.FullName, type.IsReference));
        Assert.Equal("NIR", value["enum"]!.Text);
        Assert.Equal("bands.Band", ((PickleRecord)value["enum"]!).FullName);
        Assert.Equal(0.1, value.Find("namespace", "lr")?.Number);
        Assert.Equal(["lr", "depth"], value["namespace"]!.Entries.Select(entry => entry.Key.Text));
        Assert.Equal(1, value.Find("keywords", "k")?.Integer);
        Assert.Equal(4, value.Find("attributes", "x")?.Integer);
        Assert.Equal("functools.partial()", ((PickleRecord)value["curried"]!).FullName);
        Assert.Equal("""{"$class":"argparse.Namespace","lr":0.1,"depth":12}""", value["namespace"]!.ToString());
    }

    [Fact]
    public void The_classes_that_weights_are_made_of_have_their_meaning()
    {
        var value = Read(new PickleWriter().Dictionary(
            ("ordered", item => item.Call("collections", "OrderedDict", _ => { }).Op('(').Text("a").Integer(1).Op('u').Dictionary(("_metadata", state => state.None())).Op('b')),
            ("pairs", item => item.Call("collections", "OrderedDict", list => list.Op(']').Op('(').Op(']').Op('(').Text("b").Integer(2).Op('e').Op('e'))),
            ("counter", item => item.Call("collections", "Counter", given => given.Dictionary(("c", count => count.Integer(3))))),
            ("size", item => item.Call("torch", "Size", sizes => sizes.Tuple(4, 5))),
            ("device", item => item.Call("torch", "device", name => name.Text("cuda").Integer(1))),
            ("scalar", NumpyPickles.Scalar),
            ("array", NumpyPickles.Array)));
        Assert.Equal([1, 2, 3], new[] { value.Find("ordered", "a"), value.Find("pairs", "b"), value.Find("counter", "c") }.Select(item => item!.Integer!.Value));
        Assert.IsType<PickleMapping>(value["ordered"]);
        Assert.Equal([4, 5], value["size"]!.Items.Select(item => item.Integer!.Value));
        Assert.Equal("cuda:1", value["device"]!.Text);
        Assert.Equal(0.25, value["scalar"]!.Number);
        Assert.Equal([1, 2, 3, 4], value["array"]!.Tensor!.ToSingles());
    }

    [Fact]
    public void A_value_that_contains_itself_is_cut_where_it_repeats()
    {
        var value = Read(new PickleWriter().Op(']').Put(0).Op('}').Put(1).Text("back").Get(0).Op('s').Op('a').Get(1).Op('a'));
        Assert.Equal(2, value.Items.Count);
        Assert.Same(PickleCycle.Instance, value.Items[0]["back"]);
        Assert.Same(value.Items[0], value.Items[1]);
    }

    [Fact]
    public void A_value_that_is_shared_a_thousand_million_times_is_read_once_and_shown_in_part()
    {
        var writer = new PickleWriter().Op(']').Put(0);
        for (byte level = 1; level <= 30; level++)
        {
            writer.Op(']').Put(level).Get((byte)(level - 1)).Op('a').Get((byte)(level - 1)).Op('a');
        }

        Assert.InRange(Read(writer).ToString().Length, 100, 1000);
    }

    private static PickleValue Read(PickleWriter writer) =>
        PickleWalk.Resolve(PickleReader.Read(writer.End()).Root, new TorchObjects(new NoStorages()).MeaningOf);
}
