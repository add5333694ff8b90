using System.Buffers;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Training.Data;

/// <summary>Reads, standardises and augments one sample. Safe for concurrent use.</summary>
internal sealed class SampleReader
{
    private readonly ChipSource _source;
    private readonly SampleOptions _options;

    public SampleReader(ChipSource source, SampleOptions options)
    {
        (_source, _options) = (source, options);
        if (options.Scaling.Count != source.Bands)
        {
            throw new TrainingDataException($"The chips have {source.Bands} bands; the model expects {options.Scaling.Count}. Choose with --bands 2,3,4,… in the model's order.");
        }

        if (options.Classes is null == options.Values is null)
        {
            throw new ArgumentException("Set either SampleOptions.Classes or SampleOptions.Values.", nameof(options));
        }
    }

    public int Tile => _options.Tile;

    public int ImageLength => _source.Bands * Tile * Tile;

    public int LabelLength => Tile * Tile;

    public bool HasClasses => _options.Classes is not null;

    /// <summary>Reads a sample into slot <paramref name="slot"/> of a batch.</summary>
    /// <param name="sample">Which tile.</param>
    /// <param name="random">Source of augmentation; null for evaluation.</param>
    /// <param name="batch">Receives image and labels.</param>
    /// <param name="slot">Position in the batch.</param>
    public void Read(SampleWindow sample, KeyedRandom? random, Batch batch, int slot)
    {
        var augmentation = random is null ? Augmentation.None : _options.Augmentation;
        var draw = random ?? default;
        var size = _source.Chips[sample.Chip].Size;
        var window = sample.Window;
        if (augmentation.RandomCrop)
        {
            window = window with { X = draw.Next(size.Width - window.Width + 1), Y = draw.Next(size.Height - window.Height + 1) };
        }

        var counted = random is null ? sample.Counted : window;
        var pixels = Tile * Tile;
        var scratch = ArrayPool<float>.Shared.Rent(ImageLength + pixels);
        var mask = ArrayPool<byte>.Shared.Rent(pixels);
        try
        {
            var image = scratch.AsSpan(0, ImageLength);
            var labels = scratch.AsSpan(ImageLength, pixels);
            var valid = mask.AsSpan(0, pixels);
            ReadPadded(sample.Chip, window, counted, image, labels, valid);
            for (var band = 0; band < _options.Scaling.Count; band++)
            {
                Standardization.Apply(image.Slice(band * pixels, pixels), valid, _options.Scaling[band]);
            }

            Disturb(image, augmentation, ref draw);
            var symmetry = augmentation.FlipsAndRotations ? (Symmetry)draw.Next(8) : Symmetry.Identity;
            symmetry.Apply(image, batch.Images.Span.Slice(slot * ImageLength, ImageLength), Tile);
            Label(symmetry, labels, batch, slot, _source.Chips[sample.Chip].Name);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(scratch);
            ArrayPool<byte>.Shared.Return(mask);
        }
    }

    /// <summary>Labels of a tile as they are stored, for a first pass over a data set.</summary>
    public void ReadClasses(SampleWindow sample, Span<int> classes)
    {
        var scratch = new float[ImageLength + LabelLength];
        ReadPadded(sample.Chip, sample.Window, sample.Counted, scratch.AsSpan(0, ImageLength), scratch.AsSpan(ImageLength), new byte[LabelLength]);
        _options.Classes!.Convert(scratch.AsSpan(ImageLength), classes, _source.Chips[sample.Chip].Name);
    }

    /// <summary>Reads a window into the upper left corner of a tile. A pixel that misses any band is not valid, as in inference; its label, and labels that do
    /// not count, become NaN.</summary>
    private void ReadPadded(int chip, PixelWindow window, PixelWindow counted, Span<float> image, Span<float> labels, Span<byte> valid)
    {
        var area = (int)window.Area;
        var bands = _source.Bands;
        if (window.Width == Tile && window.Height == Tile)
        {
            _source.Read(chip, window, image, labels);
        }
        else
        {
            var raw = ArrayPool<float>.Shared.Rent(area * (bands + 1));
            try
            {
                _source.Read(chip, window, raw.AsSpan(0, area * bands), raw.AsSpan(area * bands, area));
                image.Fill(float.NaN);
                labels.Fill(float.NaN);
                for (var plane = 0; plane <= bands; plane++)
                {
                    var target = plane < bands ? image[(plane * Tile * Tile)..] : labels;
                    for (var row = 0; row < window.Height; row++)
                    {
                        raw.AsSpan(plane * area + row * window.Width, window.Width).CopyTo(target[(row * Tile)..]);
                    }
                }
            }
            finally
            {
                ArrayPool<float>.Shared.Return(raw);
            }
        }

        valid.Fill(1);
        for (var i = 0; i < image.Length; i++)
        {
            if (!float.IsFinite(image[i]))
            {
                valid[i % labels.Length] = 0;
            }
        }

        for (var i = 0; i < labels.Length; i++)
        {
            var (x, y) = (window.X + i % Tile, window.Y + i / Tile);
            if (valid[i] == 0 || x < counted.X || x >= counted.Right || y < counted.Y || y >= counted.Bottom)
            {
                labels[i] = float.NaN;
            }
        }
    }

    private void Disturb(Span<float> image, Augmentation augmentation, ref KeyedRandom random)
    {
        if (augmentation.Noise == 0 && augmentation.ScaleJitter == 0 && augmentation.BandDrop == 0)
        {
            return;
        }

        var pixels = Tile * Tile;
        for (var band = 0; band < _source.Bands; band++)
        {
            var values = image.Slice(band * pixels, pixels);
            var factor = augmentation.BandDrop > random.NextDouble() ? 0 : 1 + augmentation.ScaleJitter * (float)(2 * random.NextDouble() - 1);
            foreach (ref var value in values)
            {
                // Box-Muller, one of the two values
                var noise = augmentation.Noise == 0 ? 0 : augmentation.Noise * Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
                value = value * factor + (float)noise;
            }
        }
    }

    private void Label(Symmetry symmetry, ReadOnlySpan<float> stored, Batch batch, int slot, string chip)
    {
        if (_options.Classes is { } classes)
        {
            var converted = new int[stored.Length];
            classes.Convert(stored, converted, chip);
            symmetry.Apply<int>(converted, batch.Classes.Span.Slice(slot * LabelLength, LabelLength), Tile);
        }
        else
        {
            var converted = new float[stored.Length];
            _options.Values!.Convert(stored, converted, chip);
            symmetry.Apply<float>(converted, batch.Values.Span.Slice(slot * LabelLength, LabelLength), Tile);
        }
    }
}
