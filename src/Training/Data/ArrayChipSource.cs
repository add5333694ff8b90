using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>A chip whose pixels are in memory.</summary>
/// <param name="Name">Unique name.</param>
/// <param name="Size">Pixels of image and labels.</param>
/// <param name="Image">[band, row, column]; NaN where there is no data. Stays the caller's and must not change.</param>
/// <param name="Labels">[row, column]; NaN where there is no label. Stays the caller's and must not change.</param>
public sealed record ArrayChip(string Name, PixelSize Size, float[] Image, float[] Labels);

/// <summary>Chips in memory.</summary>
public sealed class ArrayChipSource : ChipSource
{
    private readonly IReadOnlyList<ArrayChip> _chips;

    /// <summary>Borrows the chips.</summary>
    /// <exception cref="TrainingDataException">There is no chip, or one has another size than its arrays.</exception>
    public ArrayChipSource(IReadOnlyList<ArrayChip> chips)
    {
        _chips = chips.Count > 0 ? chips : throw new TrainingDataException("There are no chips; give at least one.");
        Bands = chips[0].Image.Length / Math.Max(1, chips[0].Labels.Length);
        foreach (var chip in chips)
        {
            var pixels = chip.Size.Width * chip.Size.Height;
            if (chip.Labels.Length != pixels || chip.Image.Length != pixels * Bands || pixels == 0)
            {
                throw new TrainingDataException(
                    $"Chip '{chip.Name}' is {chip.Size.Width} x {chip.Size.Height}; its image has {chip.Image.Length} values and its labels {chip.Labels.Length}; expected {Bands} bands of {pixels} and {pixels}.");
            }
        }

        Chips = [.. chips.Select(chip => new ChipInfo(chip.Name, chip.Size))];
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ChipInfo> Chips { get; }

    /// <inheritdoc/>
    public override int Bands { get; }

    /// <inheritdoc/>
    public override void Read(int chip, PixelWindow window, Span<float> image, Span<float> labels)
    {
        var (source, area, plane) = (_chips[chip], (int)window.Area, _chips[chip].Labels.Length);
        for (var band = 0; band < Bands; band++)
        {
            CopyWindow(source.Image.AsSpan(band * plane, plane), source.Size, window, image.Slice(band * area, area));
        }

        CopyWindow(source.Labels, source.Size, window, labels);
    }

    /// <inheritdoc/>
    public override void ReadLabels(int chip, PixelWindow window, Span<float> labels) => CopyWindow(_chips[chip].Labels, _chips[chip].Size, window, labels);
}
