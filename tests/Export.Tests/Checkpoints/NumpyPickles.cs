using EoOnnx.Export.Tests.Checkpoints.Writing;

namespace EoOnnx.Export.Tests.Checkpoints;

/// <summary>NumPy objects as NumPy pickles them.</summary>
internal static class NumpyPickles
{
    /// <summary>A double, 0.25.</summary>
    public static void Scalar(PickleWriter writer) => writer.Call("numpy.core.multiarray", "scalar", arguments =>
        Type(arguments, "f8", "<").Call("_codecs", "encode", text => text.Text("\0\0\0\0\0\0\u00D0?").Text("latin1")));

    /// <summary>[[1, 2], [3, 4]] in column order, big-endian 16-bit integers.</summary>
    public static void Array(PickleWriter writer)
    {
        writer.Call("numpy._core.multiarray", "_reconstruct", arguments => arguments.Global("numpy", "ndarray").Tuple(0).Bytes((byte)'b'))
            .Op('(').Integer(1).Tuple(2, 2);
        Type(writer, "i2", ">").Boolean(true).Bytes(0, 1, 0, 3, 0, 2, 0, 4).Op('t').Op('b');
    }

    private static PickleWriter Type(PickleWriter writer, string name, string order) => writer
        .Call("numpy", "dtype", arguments => arguments.Text(name).Boolean(false).Boolean(true))
        .Op('(').Integer(3).Text(order).None().None().None().Integer(-1).Integer(-1).Integer(0).Op('t').Op('b');
}
