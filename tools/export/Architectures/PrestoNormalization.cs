using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>From stored values to what Presto was trained on.</summary>
internal static class PrestoNormalization
{
    private const int RedBand = 4, NearInfraredBand = 8, WaterVapourBand = 10;

    /// <summary>Channels of the raw series, in order: decibels, reflectance × 10000, kelvin, metres of rain, metres, degrees.</summary>
    public static IReadOnlyList<string> RawChannels { get; } =
        ["VV", "VH", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12", "temperature_2m", "total_precipitation", "elevation", "slope", "NDVI"];

    private static readonly float[] Addends = [25, 25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, -272.15f, 0, 0, 0, 0];

    private static readonly float[] Divisors = [25, 25, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 1e4f, 35, 0.03f, 2000, 50, 1];

    /// <summary>[batch, time, 18] to [batch, time, 17]: scaled, without B9, the vegetation index computed anew. NaN stays NaN.</summary>
    public static Value Build(GraphBuilder op, Value raw)
    {
        var scaled = op.Div(op.Add(raw, op.Floats([Addends.Length], Addends)), op.Floats([Divisors.Length], Divisors));
        var (red, infrared) = (op.Slice(scaled, 2, RedBand, RedBand + 1), op.Slice(scaled, 2, NearInfraredBand, NearInfraredBand + 1));
        var sum = op.Add(infrared, red);
        var index = op.Where(op.LessOrEqual(sum, op.Scalar(0)), op.Scalar(0), op.Div(op.Sub(infrared, red), sum));
        return op.Concat(2, op.Slice(scaled, 2, 0, WaterVapourBand), op.Slice(scaled, 2, WaterVapourBand + 1, RawChannels.Count - 1), index);
    }
}
