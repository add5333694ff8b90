using EoOnnx.Formats;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>Writes small pictures for people: 8-bit RGB as PNG, without georeferencing.</summary>
public static class PngWriter
{
    /// <summary>The PNG file as bytes, for pages that hold their pictures.</summary>
    /// <inheritdoc cref="Write"/>
    public static byte[] ToBytes(PixelSize size, ReadOnlySpan<byte> pixels)
    {
        var folder = Directory.CreateTempSubdirectory("eoonnx-png-").FullName;
        try
        {
            var path = Path.Combine(folder, "picture.png");
            Write(path, size, pixels);
            return File.ReadAllBytes(path);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Writes <paramref name="pixels"/> atomically.</summary>
    /// <param name="path">Target; replaced when it exists.</param>
    /// <param name="size">Width and height.</param>
    /// <param name="pixels">[channel, row, column]: red, green, blue, row-major.</param>
    /// <exception cref="ArgumentException">The number of pixels is not three times that of <paramref name="size"/>.</exception>
    /// <exception cref="RasterException">GDAL cannot write; nothing is left behind.</exception>
    public static unsafe void Write(string path, PixelSize size, ReadOnlySpan<byte> pixels)
    {
        const int channels = 3;
        if (pixels.Length != checked((long)size.Width * size.Height * channels))
        {
            throw new ArgumentException($"{pixels.Length} values were given; an RGB picture of {size.Width} x {size.Height} has {(long)size.Width * size.Height * channels}.", nameof(pixels));
        }

        GdalLibrary.Ensure();
        var temporary = AtomicFile.TemporaryName(path);
        try
        {
            Gdal.CPLErrorReset();
            using (var picture = Gdal.GDALCreate(Gdal.GDALGetDriverByName("MEM"), "", size.Width, size.Height, channels, (int)RasterType.Byte, 0)
                .Checked($"Cannot hold a picture of {size.Width} x {size.Height} in memory"))
            {
                fixed (byte* buffer = pixels)
                {
                    int* bands = stackalloc int[channels] { 1, 2, 3 };
                    GdalError.Check(
                        Gdal.GDALDatasetRasterIOEx(picture, 1, 0, 0, size.Width, size.Height, buffer, size.Width, size.Height, (int)RasterType.Byte, channels, bands, 0, 0, 0, 0),
                        $"Cannot fill the picture for {path}");
                }

                Gdal.CPLErrorReset();
                Gdal.GDALCreateCopy(Gdal.GDALGetDriverByName("PNG"), temporary, picture, 0, 0, null, null).Checked($"Cannot write {path}").Dispose();
                GdalError.CheckState($"Cannot write {path}");
            }

            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            AtomicFile.Discard(temporary);
            throw;
        }
    }
}
