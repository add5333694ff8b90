using System.Numerics;
using System.Numerics.Tensors;

namespace EoOnnx.Raster;

/// <summary>Decides which values of one band are valid. Where the declared nodata value is the only reason, the values themselves
/// tell, and the mask band, which would decode every block a second time, is not read.</summary>
internal readonly struct ValueJudge<T> where T : unmanaged, INumberBase<T>
{
    private const float SinglePrecision = 1.1920929e-7f; // C's FLT_EPSILON
    private readonly bool _hasMissing;
    private readonly T _missing;

    private ValueJudge(bool needsMask, double? missing)
    {
        NeedsMask = needsMask;
        if (missing is { } value && RasterTypes.Of<T>().CanHold(value) && !double.IsNaN(value))
        {
            (_hasMissing, _missing) = (true, T.CreateSaturating(value));
        }
    }

    /// <summary>True when GDAL's mask band has to be read as well.</summary>
    public bool NeedsMask { get; }

    public static ValueJudge<T> For(RasterBand band, int maskFlags, ValidityOptions options)
    {
        const int allValid = 1, noData = 8;
        if (options.Ignore || options.Override is not null || (maskFlags & allValid) != 0)
        {
            return new ValueJudge<T>(needsMask: false, options.Ignore ? null : options.Override);
        }

        // Only values in the band's own type are compared: a conversion could move them onto or off the nodata value.
        var exact = maskFlags == noData && RasterTypes.Of<T>() == band.Type && band.Type is RasterType.Byte or RasterType.UInt16 or RasterType.Int16 or RasterType.Float32;
        return exact ? new ValueJudge<T>(needsMask: false, band.NoData) : new ValueJudge<T>(needsMask: true, null);
    }

    /// <summary>Combines the verdict on a row of values with what other bands said about the same pixels.</summary>
    /// <param name="values">A row of the band.</param>
    /// <param name="mask">GDAL's mask of the row when <see cref="NeedsMask"/>, else empty.</param>
    /// <param name="rule">How bands combine.</param>
    /// <param name="valid">1 valid, 0 not; updated.</param>
    public void Judge(ReadOnlySpan<T> values, ReadOnlySpan<byte> mask, NoDataRule rule, Span<byte> valid)
    {
        var integer = typeof(T) != typeof(float) && typeof(T) != typeof(double);
        if (integer && !_hasMissing && mask.IsEmpty)
        {
            if (rule == NoDataRule.All)
            {
                valid.Fill(1);
            }

            return;
        }

        // Most rows have no missing pixel: they are searched many at a time.
        if (mask.IsEmpty && (integer ? !values.Contains(_missing) : !_hasMissing && TensorPrimitives.IsFiniteAll(values)))
        {
            if (rule == NoDataRule.All)
            {
                valid.Fill(1);
            }

            return;
        }

        for (var i = 0; i < values.Length; i++)
        {
            var ok = (mask.IsEmpty || mask[i] != 0) && (integer || T.IsFinite(values[i])) && !(_hasMissing && IsMissing(values[i])) ? (byte)1 : (byte)0;
            valid[i] = rule == NoDataRule.Any ? (byte)(valid[i] & ok) : (byte)(valid[i] | ok);
        }
    }

    // Single precision is compared as GDAL does (ARE_REAL_EQUAL): nodata values are often written as rounded decimal text.
    private bool IsMissing(T value) => typeof(T) == typeof(float)
        ? value == _missing || Math.Abs((float)(object)value - (float)(object)_missing) < SinglePrecision * Math.Abs((float)(object)value + (float)(object)_missing) * 2
        : value == _missing;
}
