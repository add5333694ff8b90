using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>Chips in raster files that GDAL reads. Keeps no file open; decoded chips are cached when they fit.</summary>
public sealed class RasterChipSource : ChipSource
{
    private static readonly ValidityOptions Declared = new();

    private readonly IReadOnlyList<ChipFile> _files;
    private readonly RasterChipOptions _options;
    private readonly int[] _bands;
    private readonly Lazy<(float[] Image, float[] Labels)>[]? _cache;

    /// <summary>Reads the headers of all files and checks that they agree.</summary>
    /// <exception cref="TrainingDataException">A label has another size than its image, or an image lacks a band; the message names the file.</exception>
    /// <exception cref="RasterException">A file cannot be opened.</exception>
    public RasterChipSource(IReadOnlyList<ChipFile> files, RasterChipOptions? options = null)
    {
        (_files, _options) = (files, options ?? new RasterChipOptions());
        if (files.Count == 0)
        {
            throw new TrainingDataException("There are no chips; give at least one pair of image and labels.");
        }

        using (var first = RasterDataset.Open(files[0].Image))
        {
            _bands = [.. _options.Bands ?? [.. Enumerable.Range(1, first.Bands.Count)]];
        }

        Chips = [.. files.Select(Inspect)];
        var bytes = Chips.Sum(chip => (long)chip.Size.Width * chip.Size.Height * (_bands.Length + 1) * sizeof(float));
        if (bytes <= _options.CacheBytes)
        {
            _cache = [.. Chips.Select((chip, index) => new Lazy<(float[], float[])>(() =>
            {
                var pixels = chip.Size.Width * chip.Size.Height;
                var decoded = (new float[pixels * _bands.Length], new float[pixels]);
                Decode(index, new PixelWindow(0, 0, chip.Size.Width, chip.Size.Height), decoded.Item1, decoded.Item2);
                return decoded;
            }))];
        }
    }

    /// <inheritdoc/>
    public override IReadOnlyList<ChipInfo> Chips { get; }

    /// <inheritdoc/>
    public override int Bands => _bands.Length;

    /// <summary>1-based bands of the files, in the model's channel order.</summary>
    public IReadOnlyList<int> FileBands => _bands;

    /// <summary>The files, in the order of <see cref="Chips"/>.</summary>
    public IReadOnlyList<ChipFile> Files => _files;

    /// <inheritdoc/>
    public override void Read(int chip, PixelWindow window, Span<float> image, Span<float> labels)
    {
        if (_cache is null)
        {
            Decode(chip, window, image, labels);
            return;
        }

        var (decoded, area, plane) = (_cache[chip].Value, (int)window.Area, _cache[chip].Value.Labels.Length);
        for (var band = 0; band < _bands.Length; band++)
        {
            CopyWindow(decoded.Image.AsSpan(band * plane, plane), Chips[chip].Size, window, image.Slice(band * area, area));
        }

        CopyWindow(decoded.Labels, Chips[chip].Size, window, labels);
    }

    private ChipInfo Inspect(ChipFile file)
    {
        using var image = RasterDataset.Open(file.Image);
        using var labels = RasterDataset.Open(file.Label);
        if (labels.Size != image.Size)
        {
            throw new TrainingDataException(
                $"{file.Label} is {labels.Size.Width} x {labels.Size.Height}; its image {image.Name} is {image.Size.Width} x {image.Size.Height}. Resample the labels to the image's grid (gdalwarp -te … -ts … -r near).");
        }

        if (_bands.Any(band => band < 1 || band > image.Bands.Count) || (_options.Bands is null && image.Bands.Count != _bands.Length))
        {
            throw new TrainingDataException(
                $"{file.Image} has {image.Bands.Count} bands; expected {(_options.Bands is null ? $"{_bands.Length}, as in the first chip" : $"the bands {string.Join(", ", _bands)}")}. Choose with --bands 2,3,4,….");
        }

        return new ChipInfo(file.Name, image.Size);
    }

    private void Decode(int chip, PixelWindow window, Span<float> image, Span<float> labels)
    {
        var file = _files[chip];
        var (scale, replacement) = ((float)_options.ConstantScale, (float?)_options.NoDataReplacement ?? float.NaN);
        var validity = _options.NoData is { } noData ? new ValidityOptions(Override: noData) : Declared;
        ReadWithGaps(file.Image, window, _bands, validity, image, replacement);
        if (scale != 1)
        {
            foreach (ref var value in image)
            {
                value *= scale;
            }
        }

        ReadWithGaps(file.Label, window, [1], Declared, labels, (float?)_options.LabelReplacement ?? float.NaN);
    }

    /// <summary>Reads bands and puts <paramref name="replacement"/> where a band has no data.</summary>
    private static void ReadWithGaps(string path, PixelWindow window, ReadOnlySpan<int> bands, ValidityOptions validity, Span<float> destination, float replacement)
    {
        using var dataset = RasterDataset.Open(path);
        using var reader = dataset.OpenReader();
        reader.Read(window, bands, destination);
        var area = (int)window.Area;
        var valid = new byte[area];
        for (var band = 0; band < bands.Length; band++)
        {
            var values = destination.Slice(band * area, area);
            reader.ReadValidity(window, bands.Slice(band, 1), values, validity, valid);
            for (var i = MemoryExtensions.IndexOf(valid, (byte)0); i >= 0 && i < area; i++)
            {
                values[i] = valid[i] == 0 ? replacement : values[i];
            }
        }
    }
}
