using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>What is known of a chip without reading its pixels.</summary>
/// <param name="Name">Unique in its source; used for splits, messages and reports.</param>
/// <param name="Size">Pixels of image and labels.</param>
public sealed record ChipInfo(string Name, PixelSize Size);

/// <summary>Labelled images of one data set. Safe for concurrent readers.</summary>
public abstract class ChipSource
{
    /// <summary>The chips, in a fixed order.</summary>
    public abstract IReadOnlyList<ChipInfo> Chips { get; }

    /// <summary>Bands of every image.</summary>
    public abstract int Bands { get; }

    /// <summary>Reads a window of a chip and of its labels.</summary>
    /// <param name="chip">Index into <see cref="Chips"/>.</param>
    /// <param name="window">Pixels of the chip, within it.</param>
    /// <param name="image">[band, row, column], in the unit before standardisation; NaN where there is no data. Every element is written.</param>
    /// <param name="labels">[row, column]; NaN where there is no label. Every element is written.</param>
    /// <exception cref="TrainingDataException">The chip cannot be read; the message names it.</exception>
    public abstract void Read(int chip, PixelWindow window, Span<float> image, Span<float> labels);

    /// <summary>Reads a window of a chip's labels without its image.</summary>
    /// <param name="chip">Index into <see cref="Chips"/>.</param>
    /// <param name="window">Pixels of the chip, within it.</param>
    /// <param name="labels">[row, column]; NaN where there is no label. Every element is written.</param>
    /// <exception cref="TrainingDataException">The labels cannot be read; the message names them.</exception>
    public abstract void ReadLabels(int chip, PixelWindow window, Span<float> labels);

    /// <summary>Copies a window of a row-major plane.</summary>
    private protected static void CopyWindow(ReadOnlySpan<float> plane, PixelSize size, PixelWindow window, Span<float> destination)
    {
        for (var row = 0; row < window.Height; row++)
        {
            plane.Slice((window.Y + row) * size.Width + window.X, window.Width).CopyTo(destination[(row * window.Width)..]);
        }
    }
}
