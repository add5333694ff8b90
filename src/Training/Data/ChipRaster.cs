using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>An image or label file of a chip, opened for reading on one thread: a raster that GDAL reads, or an array of NumPy.</summary>
internal abstract class ChipRaster : IDisposable
{
    /// <summary>The file.</summary>
    public abstract string Path { get; }

    /// <summary>Width and height in pixels.</summary>
    public abstract PixelSize Size { get; }

    /// <summary>Number of bands.</summary>
    public abstract int Bands { get; }

    /// <summary>Names of the bands; empty texts where the file has none.</summary>
    public abstract IReadOnlyList<string> BandNames { get; }

    /// <summary>Type of the stored values, for a person.</summary>
    public abstract string Type { get; }

    /// <summary>Value of the first band that the file declares as missing.</summary>
    public virtual double? NoData => null;

    /// <summary>Names that the file gives the values of its first band, by value; empty when there are none.</summary>
    public virtual IReadOnlyList<string> CategoryNames => [];

    /// <summary>Where the pixels lie, and in which system as WKT; null without georeferencing.</summary>
    public virtual (GeoTransform Transform, string Projection)? Grid => null;

    /// <summary>Opens a file by its extension.</summary>
    /// <param name="path">The file.</param>
    /// <param name="labels">Whether labels are wanted, when the file is an archive of several arrays.</param>
    /// <exception cref="EoOnnx.Formats.EoOnnxException">It cannot be read; the message names it.</exception>
    public static ChipRaster Open(string path, bool labels = false) => ChipArray.IsArray(path) ? ChipArray.Open(path, labels) : new ChipDataset(path);

    /// <summary>Reads bands of a window and puts <paramref name="replacement"/> where a band has no data.</summary>
    /// <param name="window">Pixels of the file, within it.</param>
    /// <param name="bands">1-based bands in the wanted order.</param>
    /// <param name="validity">What counts as missing.</param>
    /// <param name="replacement">What missing values become.</param>
    /// <param name="destination">[band, row, column]; every element is written.</param>
    public abstract void Read(PixelWindow window, ReadOnlySpan<int> bands, ValidityOptions validity, float replacement, Span<float> destination);

    /// <inheritdoc/>
    public abstract void Dispose();
}
