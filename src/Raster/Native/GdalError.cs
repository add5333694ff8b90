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

    /// <summary>Checks what calls without a result (flush, close) left in the error state since the last reset.</summary>
    public static void CheckState(string what)
    {
        if (Gdal.CPLGetLastErrorType() >= Failure)
        {
            throw Last(what);
        }
    }
}
