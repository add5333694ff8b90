using System.Text;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>Files as GDAL sees them: on disk, in archives (<c>/vsizip/</c>), on servers (<c>/vsicurl/</c>) and in memory (<c>/vsimem/</c>).</summary>
public static unsafe class VirtualFiles
{
    /// <summary>Names of a folder's entries in ordinal order; empty when it is no folder.</summary>
    /// <param name="folder">A folder as GDAL names it.</param>
    public static IReadOnlyList<string> List(string folder)
    {
        GdalLibrary.Ensure();
        using var remote = RemoteAccess.Enter(folder);
        var list = Gdal.VSIReadDir(folder);
        var names = Gdal.Texts(list).Where(name => name is not ("." or "..")).Order(StringComparer.Ordinal).ToList();
        Gdal.CSLDestroy(list);
        return names;
    }

    /// <summary>True when a file can be opened.</summary>
    public static bool Exists(string path) => ReadHead(path, 1) is not null;

    /// <summary>The first bytes of a file; null when it cannot be opened.</summary>
    /// <param name="path">A file as GDAL names it.</param>
    /// <param name="count">How many bytes at most.</param>
    public static byte[]? ReadHead(string path, int count)
    {
        GdalLibrary.Ensure();
        Gdal.CPLErrorReset();
        using var remote = RemoteAccess.Enter(path);
        var file = Gdal.VSIFOpenL(path, "rb");
        if (file == 0)
        {
            return null;
        }

        try
        {
            var buffer = new byte[count];
            var total = 0;
            fixed (byte* start = buffer)
            {
                while (total < count && Gdal.VSIFReadL(start + total, 1, (nuint)(count - total), file) is var read && read > 0)
                {
                    total += (int)read;
                }
            }

            return buffer[..total];
        }
        finally
        {
            _ = Gdal.VSIFCloseL(file); // nothing was written
        }
    }

    /// <summary>A text file in UTF-8.</summary>
    /// <exception cref="RasterException">It cannot be opened or is larger than <paramref name="mostBytes"/>.</exception>
    /// <param name="path">A file as GDAL names it.</param>
    /// <param name="mostBytes">The largest file that is read.</param>
    public static string ReadText(string path, int mostBytes = 16 << 20)
    {
        var bytes = ReadHead(path, mostBytes + 1) ?? throw GdalError.Last($"Cannot open {path}");
        if (bytes.Length > mostBytes)
        {
            throw new RasterException($"{path} is larger than {mostBytes >> 20} MiB; a metadata file of that size is not read.");
        }

        using var reader = new StreamReader(new MemoryStream(bytes), Encoding.UTF8);
        return reader.ReadToEnd();
    }

    /// <summary>Makes a file of <c>/vsimem/</c>.</summary>
    internal static void WriteMemory(string path, string text)
    {
        GdalLibrary.Ensure();
        Gdal.CPLErrorReset();
        var bytes = Encoding.UTF8.GetBytes(text);
        var file = Gdal.VSIFOpenL(path, "wb");
        nuint written;
        fixed (byte* buffer = bytes)
        {
            written = file == 0 ? 0 : Gdal.VSIFWriteL(buffer, 1, (nuint)bytes.Length, file);
        }

        if (file == 0 || Gdal.VSIFCloseL(file) != 0 || written != (nuint)bytes.Length)
        {
            throw GdalError.Last($"Cannot write {path}");
        }
    }

    /// <summary>Deletes a folder of <c>/vsimem/</c> and all in it.</summary>
    internal static void DeleteMemory(string folder) => Gdal.VSIRmdirRecursive(folder);
}
