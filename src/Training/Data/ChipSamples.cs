using System.Buffers;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Training.Data;

/// <summary>Tiles of chips, standardised and augmented, with labels of pixels or of whole chips.</summary>
public sealed class ChipSamples : SampleSet
{
    /// <summary>Name of the single input.</summary>
    public const string ImageName = "image";

    private readonly ChipSource _source;
    private readonly SampleOptions _options;
    private readonly IReadOnlyList<SampleWindow> _windows;

    /// <summary>Cuts chips into samples: every pixel once when pixels are labelled, the centre of each chip when the whole chip is.</summary>
    /// <param name="source">Where the chips are.</param>
    /// <param name="chips">Which of them.</param>
    /// <param name="options">How they become samples.</param>
    /// <exception cref="TrainingDataException">The chips do not have the model's bands.</exception>
    public ChipSamples(ChipSource source, IEnumerable<int> chips, SampleOptions options)
    {
        (_source, _options) = (source, options);
        if (options.Scaling.Count != source.Bands)
        {
            throw new TrainingDataException($"The chips have {source.Bands} bands; the model expects {options.Scaling.Count}. Choose with --bands 2,3,4,… in the model's order.");
        }

        if (new object?[] { options.Classes, options.Values, options.Scene }.Count(labels => labels is not null) != 1)
        {
            throw new ArgumentException("Set one of SampleOptions.Classes, SampleOptions.Values and SampleOptions.Scene.", nameof(options));
        }

        _windows = options.Scene is null ? SampleIndex.Tiles(source, chips, Tile) : SampleIndex.Centres(source, chips, Tile);
        IReadOnlyList<(string Name, int Bands)> inputs = options.Inputs.Count > 0 ? options.Inputs : [(ImageName, source.Bands)];
        Inputs = inputs.Sum(input => input.Bands) == source.Bands ? [.. inputs.Select(input => new SampleInput(input.Name, ElementType.Float, [input.Bands, Tile.Height, Tile.Width])), .. options.Further.Select(further => further.Layout)]
            : throw new TrainingDataException($"The model's inputs take {string.Join(", ", inputs.Select(input => $"{input.Name} {input.Bands}"))} bands; the chips have {source.Bands}. Choose with --bands 2,3,4,… in the model's order.");
        Target = options.Scene?.Target
            ?? (options.Classes is { } classes ? new SampleTarget([Tile.Height, Tile.Width], classes.Classes, classes.IgnoreIndex) : new SampleTarget([1, Tile.Height, Tile.Width]));
    }

    private ChipSamples(ChipSamples all, IReadOnlyList<SampleWindow> windows) =>
        (_source, _options, _windows, Inputs, Target) = (all._source, all._options, windows, all.Inputs, all.Target);

    /// <inheritdoc/>
    public override IReadOnlyList<SampleInput> Inputs { get; }

    /// <inheritdoc/>
    public override SampleTarget Target { get; }

    /// <inheritdoc/>
    public override int Count => _windows.Count;

    private PixelSize Tile => _options.TileSize;

    private int Pixels => checked((int)Tile.Area);

    private int ImageLength => _source.Bands * Pixels;

    /// <inheritdoc/>
    public override string NameOf(int sample) => _source.Chips[_windows[sample].Chip].Name;

    internal override int ChipOf(int sample) => _windows[sample].Chip;

    internal override PixelWindow? PartOf(int sample) => _options.Scene is not null ? null
        : _windows[sample] is var (_, window, counted) ? counted with { X = counted.X - window.X, Y = counted.Y - window.Y } : null;

    internal override string? NeverRepeats => _options.Augmentation is { Noise: 0, ScaleJitter: 0, BandDrop: 0 }
        ? _options.Augmentation.RandomCrop && _windows.Any(window => _source.Chips[window.Chip].Size is var size && (size.Width > Tile.Width || size.Height > Tile.Height))
            ? $"crops are drawn at random from chips that are larger than a tile of {Tile} px" : null
        : "values are changed at random (noise, jitter or dropped bands)";

    internal override int VariantOf(int sample, KeyedRandom? random)
    {
        if (random is not { } draw)
        {
            return 0;
        }

        if (_options.Augmentation.RandomCrop)
        {
            _ = Crop(ref draw, sample);
        }

        return (int)Turn(ref draw);
    }

    private PixelWindow Crop(ref KeyedRandom draw, int sample)
    {
        var (window, size) = (_windows[sample].Window, _source.Chips[_windows[sample].Chip].Size);
        return window with { X = draw.Next(size.Width - window.Width + 1), Y = draw.Next(size.Height - window.Height + 1) };
    }

    private Symmetry Turn(ref KeyedRandom draw) => !_options.Augmentation.FlipsAndRotations ? Symmetry.Identity
        : Tile.Width == Tile.Height ? (Symmetry)draw.Next(8) : Symmetries.OfOblong[draw.Next(Symmetries.OfOblong.Count)];

    internal override void Read(int sample, KeyedRandom? random, Batch batch, int slot)
    {
        var (chip, window, counted) = (_windows[sample].Chip, _windows[sample].Window, _windows[sample].Counted);
        var augmentation = random is null ? Augmentation.None : _options.Augmentation;
        var draw = random ?? default;
        if (augmentation.RandomCrop)
        {
            window = Crop(ref draw, sample);
        }

        counted = random is null ? counted : window;
        var pixels = Pixels;
        var scratch = ArrayPool<float>.Shared.Rent(ImageLength + pixels);
        var mask = ArrayPool<byte>.Shared.Rent(pixels);
        try
        {
            var image = scratch.AsSpan(0, ImageLength);
            var labels = scratch.AsSpan(ImageLength, pixels);
            var valid = mask.AsSpan(0, pixels);
            ReadPadded(chip, window, counted, image, labels, valid);
            for (var band = 0; band < _options.Scaling.Count; band++)
            {
                Standardization.Apply(image.Slice(band * pixels, pixels), valid, _options.Scaling[band]);
            }

            Disturb(image, augmentation, ref draw);
            var symmetry = random is null ? Symmetry.Identity : Turn(ref draw);
            var first = 0;
            var inputs = batch.Inputs;
            foreach (var input in inputs.Take(inputs.Count - _options.Further.Count))
            {
                var length = input.Layout.Length;
                symmetry.Apply(image.Slice(first, length), input.Floats.Span.Slice(slot * length, length), Tile);
                first += length;
            }

            foreach (var (further, input) in _options.Further.Zip(inputs.Skip(inputs.Count - _options.Further.Count)))
            {
                further.ByChip[chip].CopyTo(input.Floats.Span.Slice(slot * input.Layout.Length, input.Layout.Length));
            }

            Label(symmetry, labels, batch, slot, _source.Chips[chip].Name);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(scratch);
            ArrayPool<byte>.Shared.Return(mask);
        }
    }

    internal override void ReadTarget(int sample, Span<int> classes, Span<float> values)
    {
        var (name, window) = (NameOf(sample), _windows[sample]);
        if (_options.Scene is { } scene)
        {
            scene.Read(name, classes, values);
            return;
        }

        var scratch = ArrayPool<float>.Shared.Rent(Pixels);
        try
        {
            var labels = scratch.AsSpan(0, Pixels);
            ReadPaddedLabels(window, labels);
            Convert(labels, classes, values, name);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(scratch);
        }
    }

    internal override SampleSet WithLabels(bool training, bool seen, TargetTally tally, CancellationToken cancellation)
    {
        if (_options.Scene is not null)
        {
            return base.WithLabels(training, seen, tally, cancellation);
        }

        var (classes, values) = Target.HasClasses ? (new int[Target.Length], Array.Empty<float>()) : ([], new float[Target.Length]);
        var kept = Enumerable.Range(0, Count).Where(IsLabelled).Select(sample => _windows[sample]).ToList();
        if (training && _options.Augmentation.RandomCrop)
        {
            var chips = kept.Select(window => window.Chip).ToHashSet();
            kept = [.. _windows.Where(window => chips.Contains(window.Chip))];
        }

        return kept.Count == Count ? this : new ChipSamples(this, kept);

        bool IsLabelled(int sample)
        {
            cancellation.ThrowIfCancellationRequested();
            if (seen)
            {
                ReadSeenTarget(sample, classes, values);
            }
            else
            {
                ReadTarget(sample, classes, values);
            }

            tally.Add(classes, values);
            return Target.HasClasses ? classes.AsSpan().ContainsAnyExcept(Target.IgnoreIndex) : Array.Exists(values, value => !float.IsNaN(value));
        }
    }

    /// <summary>Reads the target as a step sees it: labels of pixels that the image lacks do not count.</summary>
    private void ReadSeenTarget(int sample, Span<int> classes, Span<float> values)
    {
        var (name, window, pixels) = (NameOf(sample), _windows[sample], Pixels);
        var scratch = ArrayPool<float>.Shared.Rent(ImageLength + pixels);
        var mask = ArrayPool<byte>.Shared.Rent(pixels);
        try
        {
            var labels = scratch.AsSpan(ImageLength, pixels);
            ReadPadded(window.Chip, window.Window, window.Counted, scratch.AsSpan(0, ImageLength), labels, mask.AsSpan(0, pixels));
            Convert(labels, classes, values, name);
        }
        finally
        {
            ArrayPool<float>.Shared.Return(scratch);
            ArrayPool<byte>.Shared.Return(mask);
        }
    }

    private void Convert(ReadOnlySpan<float> labels, Span<int> classes, Span<float> values, string name)
    {
        if (_options.Classes is { } rules)
        {
            rules.Convert(labels, classes, name);
        }
        else
        {
            _options.Values!.Convert(labels, values, name);
        }
    }

    /// <summary>Reads the labels of a window into the upper left corner of a tile; those that do not count become NaN.</summary>
    private void ReadPaddedLabels(SampleWindow sample, Span<float> labels)
    {
        var (window, counted) = (sample.Window, sample.Counted);
        var raw = ArrayPool<float>.Shared.Rent((int)window.Area);
        try
        {
            _source.ReadLabels(sample.Chip, window, raw.AsSpan(0, (int)window.Area));
            labels.Fill(float.NaN);
            for (var row = counted.Y - window.Y; row < counted.Bottom - window.Y; row++)
            {
                var (first, length) = (counted.X - window.X, counted.Width);
                raw.AsSpan((row * window.Width) + first, length).CopyTo(labels[((row * Tile.Width) + first)..]);
            }
        }
        finally
        {
            ArrayPool<float>.Shared.Return(raw);
        }
    }

    /// <summary>Reads a window into the upper left corner of a tile. A pixel that misses any band is not valid, as in inference; its label, and labels that do
    /// not count, become NaN.</summary>
    private void ReadPadded(int chip, PixelWindow window, PixelWindow counted, Span<float> image, Span<float> labels, Span<byte> valid)
    {
        var area = (int)window.Area;
        var bands = _source.Bands;
        if (window.Width == Tile.Width && window.Height == Tile.Height)
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
                    var target = plane < bands ? image[(plane * Pixels)..] : labels;
                    for (var row = 0; row < window.Height; row++)
                    {
                        raw.AsSpan(plane * area + row * window.Width, window.Width).CopyTo(target[(row * Tile.Width)..]);
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
            var (x, y) = (window.X + i % Tile.Width, window.Y + i / Tile.Width);
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

        var pixels = Pixels;
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
        var length = Target.Length;
        if (_options.Scene is { } scene)
        {
            scene.Read(chip, Target.HasClasses ? batch.Classes.Span.Slice(slot, 1) : default, Target.HasClasses ? default : batch.Values.Span.Slice(slot * length, length));
        }
        else if (_options.Classes is { } classes)
        {
            var converted = new int[stored.Length];
            classes.Convert(stored, converted, chip);
            symmetry.Apply<int>(converted, batch.Classes.Span.Slice(slot * length, length), Tile);
        }
        else
        {
            var converted = new float[stored.Length];
            _options.Values!.Convert(stored, converted, chip);
            symmetry.Apply<float>(converted, batch.Values.Span.Slice(slot * length, length), Tile);
        }
    }
}
