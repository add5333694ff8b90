using System.Runtime.CompilerServices;

namespace EoOnnx.Raster.Native;

/// <summary>Turns GDAL's error state, which belongs to the calling thread, into exceptions.</summary>
internal static class GdalError
{
    private const int Failure = 3;

    /// <summary>An exception that ends with GDAL's own words.</summary>
    public static RasterException Last(string what)
    {
        var words = Gdal.Text(Gdal.CPLGetLastErrorMsg());
        return new RasterException(words.Length == 0 ? $"{what}." : $"{what}: {words}");
    }

    /// <summary>Checks a CPLErr result.</summary>
    public static void Check(int result, string what)
    {
        if (result >= Failure)
        {
            throw Last(what);
        }
    }

    /// <summary>The same with words that are put together only when they are needed.</summary>
    public static void Check(int result, [InterpolatedStringHandlerArgument(nameof(result))] ref Words what)
    {
        if (result >= Failure)
        {
            throw Last(what.ToText());
        }
    }

    /// <summary>Checks what calls without a result (flush, close) left in the error state since the last reset.</summary>
    public static void CheckState(string what)
    {
        if (Gdal.CPLGetLastErrorType() >= Failure)
        {
            throw Last(what);
        }
    }

    /// <summary>What was tried; nothing when it went well.</summary>
    [InterpolatedStringHandler]
    internal ref struct Words
    {
        private DefaultInterpolatedStringHandler _text;

        public Words(int literalLength, int formattedCount, int result, out bool isFailure)
        {
            isFailure = result >= Failure;
            _text = isFailure ? new DefaultInterpolatedStringHandler(literalLength, formattedCount, System.Globalization.CultureInfo.InvariantCulture) : default;
        }

        public void AppendLiteral(string value) => _text.AppendLiteral(value);

        public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

        public string ToText() => _text.ToStringAndClear();
    }
}
