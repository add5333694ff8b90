using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <content>Operators that move, cut and join elements.</content>
public sealed partial class GraphBuilder
{
    /// <summary>x with its axes in another order (ONNX Transpose).</summary>
    public Value Transpose(Value x, params long[] permutation) => Node("Transpose", [x], ("perm", permutation));

    /// <summary>x under another shape: 0 keeps an extent, one −1 is computed (ONNX Reshape).</summary>
    public Value Reshape(Value x, params ReadOnlySpan<long> shape) => Reshape(x, Int64s(shape));

    /// <summary>x under a computed shape (ONNX Reshape).</summary>
    public Value Reshape(Value x, Value shape) => Node("Reshape", [x, shape]);

    /// <summary>x with axes of extent 1 inserted (ONNX Unsqueeze).</summary>
    public Value Unsqueeze(Value x, params ReadOnlySpan<long> axes) => Node("Unsqueeze", [x, Int64s(axes)]);

    /// <summary>x without the given axes of extent 1 (ONNX Squeeze).</summary>
    public Value Squeeze(Value x, params ReadOnlySpan<long> axes) => Node("Squeeze", [x, Int64s(axes)]);

    /// <summary>The inputs one behind the other along an axis (ONNX Concat).</summary>
    public Value Concat(long axis, params ReadOnlySpan<Value> inputs) => Node("Concat", inputs.ToArray(), ("axis", axis));

    /// <summary>x cut along an axis into parts of the given sizes (ONNX Split).</summary>
    public IReadOnlyList<Value> Split(Value x, long axis, params ReadOnlySpan<long> sizes) =>
        Nodes("", "Split", [x, Int64s(sizes)], sizes.Length, ("axis", axis));

    /// <summary>Elements start, start + step, … before end, along one axis; negative positions count from the end (ONNX Slice).</summary>
    public Value Slice(Value x, long axis, long start, long end, long step = 1) =>
        Slice(x, Int64s(start), Int64s(end), Int64s(axis), Int64s(step));

    /// <summary>Elements between computed positions (ONNX Slice).</summary>
    public Value Slice(Value x, Value starts, Value ends, Value axes, Value? steps = null) => Node("Slice", [x, starts, ends, axes, steps]);

    /// <summary>Slices of x at integer positions along an axis (ONNX Gather).</summary>
    public Value Gather(Value x, Value indices, long axis = 0) => Node("Gather", [x, indices], ("axis", axis));

    /// <summary>One element of x per element of indices, taken along an axis (ONNX GatherElements).</summary>
    public Value GatherElements(Value x, Value indices, long axis) => Node("GatherElements", [x, indices], ("axis", axis));

    /// <summary>x with updates written, or added when <paramref name="reduction"/> is <c>add</c>, at indices along an axis (ONNX ScatterElements).</summary>
    public Value ScatterElements(Value x, Value indices, Value updates, long axis, string reduction = "none") =>
        Node("ScatterElements", [x, indices, updates], ("axis", axis), ("reduction", reduction));

    /// <summary>x with slices written, or added when <paramref name="reduction"/> is <c>add</c>, at index tuples (ONNX ScatterND).</summary>
    public Value ScatterND(Value x, Value indices, Value updates, string reduction = "none") =>
        Node("ScatterND", [x, indices, updates], ("reduction", reduction));

    /// <summary>x with elements added around it: begins then ends, of all axes; mode constant, reflect, edge or wrap (ONNX Pad).</summary>
    public Value Pad(Value x, ReadOnlySpan<long> pads, string mode = "constant") => Pad(x, Int64s(pads), mode);

    /// <summary>x with a computed number of elements added around it (ONNX Pad).</summary>
    public Value Pad(Value x, Value pads, string mode = "constant") => Node("Pad", [x, pads], ("mode", mode));

    /// <summary>x broadcast to a shape (ONNX Expand).</summary>
    public Value Expand(Value x, Value shape) => Node("Expand", [x, shape]);

    /// <summary>x repeated along its axes (ONNX Tile).</summary>
    public Value Tile(Value x, Value repeats) => Node("Tile", [x, repeats]);

    /// <summary>The extents of x as integers (ONNX Shape).</summary>
    public Value Shape(Value x) => Node("Shape", [x]);

    /// <summary>A tensor of a computed shape filled with one value (ONNX ConstantOfShape).</summary>
    public Value Filled(Value shape, double number, ElementType type) => Node("ConstantOfShape", [shape], ("value", type switch
    {
        ElementType.Float => TensorData.FromValues<float>([1], [(float)number]),
        ElementType.Double => TensorData.FromValues<double>([1], [number]),
        ElementType.Int64 => TensorData.FromValues<long>([1], [(long)number]),
        ElementType.Bool => TensorData.FromValues<bool>([1], [number != 0]),
        _ => throw new OnnxGraphException($"A filled tensor of type {type} was asked for; Float, Double, Int64 and Bool are possible."),
    }));

    /// <summary>start, start + delta, … before limit; scalars (ONNX Range).</summary>
    public Value Range(Value start, Value limit, Value delta) => Node("Range", [start, limit, delta]);

    /// <summary>One-hot rows for class numbers: depth entries, off and on from <paramref name="values"/> (ONNX OneHot).</summary>
    public Value OneHot(Value indices, long depth, Value values, long axis = -1) =>
        Node("OneHot", [indices, Int64s(depth), values], ("axis", axis));

    /// <summary>Channels become space: [N, C·b², H, W] to [N, C, H·b, W·b]; mode CRD is PyTorch's PixelShuffle (ONNX DepthToSpace).</summary>
    public Value DepthToSpace(Value x, long blockSize, string mode = "CRD") => Node("DepthToSpace", [x], ("blocksize", blockSize), ("mode", mode));
}
