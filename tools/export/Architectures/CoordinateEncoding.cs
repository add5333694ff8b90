using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// Date and place of an image as a term that is added to tokens: <c>scale · [sincos(first), sincos(second)]</c>, each over half of the width.
/// The coordinates are inputs with the default NaN, "not known", for which the term is zero; so one file serves with and without them, and
/// one batch may mix both.
/// </summary>
internal static class CoordinateEncoding
{
    /// <summary>Name of the input [batch or 1, frames, 2]: year, day of the year.</summary>
    public const string Time = "temporal_coords";

    /// <summary>Name of the input [batch or 1, 2]: latitude, longitude in degrees.</summary>
    public const string Place = "location_coords";

    /// <summary>What the manifest says about the inputs.</summary>
    public static ManifestInput Describe(string name) => name == Time
        ? new ManifestInput(Time, "[batch or 1, frames, 2]: year and day of the year of each frame; NaN or left out: not known.")
        : new ManifestInput(Place, "[batch or 1, 2]: latitude and longitude in degrees; NaN or left out: not known.");

    /// <summary>Adds an input of pairs and encodes it.</summary>
    /// <param name="graph">The graph and its weights.</param>
    /// <param name="name">Name of the input.</param>
    /// <param name="items">Extents between batch and pair, for example the number of frames.</param>
    /// <param name="scale">Name of the weight [1] that the term is multiplied by.</param>
    /// <param name="width">Width of a token.</param>
    /// <returns>[batch or 1, items…, width].</returns>
    public static Value Build(WeightedGraph graph, string name, long[] items, string scale, long width)
    {
        var op = graph.Op;
        using var scope = op.Scope(name);
        // A symbol of its own: the default's batch is 1, whatever that of the images.
        var coordinates = op.OverridableInput(name, RandomTensors.Constant([1, .. items, 2], float.NaN), new TensorShape([$"{name}_batch", .. items.Select(item => (Dim)item), 2]));
        var unknown = op.IsNaN(coordinates);
        var safe = op.Where(unknown, op.Scalar(0), coordinates);
        var known = op.ReduceMin(op.Cast(op.Not(unknown), ElementType.Float), keepDims: true, -1);
        var (first, second) = (op.Slice(safe, -1, 0, 1), op.Slice(safe, -1, 1, 2));
        var encoded = op.Concat(-1, [.. SineCosine(op, first, width / 2), .. SineCosine(op, second, width - (width / 2))]);
        return op.Mul(op.Mul(encoded, graph.Weight(scale, 1)), known);
    }

    // Frequencies in single precision, operation by operation as the reference: a year is 2000 radians.
    private static Value[] SineCosine(GraphBuilder op, Value position, long width)
    {
        var half = (int)(width / 2);
        var angle = op.Mul(position, op.Floats([half], [.. Enumerable.Range(0, half).Select(k => PositionTable.Frequency(k, half))]));
        return [op.Sin(angle), op.Cos(angle)];
    }
}
