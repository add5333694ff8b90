namespace EoOnnx.Raster.Native;

/// <summary>A null-terminated list of C strings for GDAL options; freed on disposal.</summary>
internal sealed class GdalStringList : IDisposable
{
    public GdalStringList(params IEnumerable<string> texts)
    {
        foreach (var text in texts)
        {
            Pointer = Gdal.CSLAddString(Pointer, text);
        }
    }

    public nint Pointer { get; private set; }

    public void Dispose()
    {
        Gdal.CSLDestroy(Pointer);
        Pointer = 0;
    }
}
