using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>Chips in raster files that GDAL reads, or in arrays of NumPy. Keeps no file open; decoded chips are cached when they fit.</summary>
public sealed class RasterChipSource : ChipSource
{
    private static readonly ValidityOptions Declared = new();

    private readonly IReadOnlyList<ChipFile> _files;
    private readonly RasterChipOptions _options;
    private readonly int[] _bands;
    private readonly int[] _fileBands;   // of each image of a chip
    private readonly List<(GeoTransform Transform, string Projection)?> _grids = [];
    private readonly Lazy<float[]>[]? _imageCache;
    private readonly Lazy<float[]>[]? _labelCache;

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

        _fileBands = [.. Images(files[0]).Select(BandCount)];
        _bands = [.. _options.Bands ?? [.. Enumerable.Range(1, _fileBands.Sum())]];

        Chips = [.. files.Select(Inspect)];
        var bytes = Chips.Sum(chip => (long)chip.Size.Width * chip.Size.Height * (_bands.Length + 1) * sizeof(float));
        if (bytes <= _options.CacheBytes)
        {
            _imageCache = [.. Chips.Select((chip, index) => Whole(chip, _bands.Length, (window, pixels) => DecodeImage(index, window, pixels)))];
            _labelCache = [.. Chips.Select((chip, index) => Whole(chip, 1, (window, pixels) => DecodeLabels(index, window, pixels)))];
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
        ReadLabels(chip, window, labels);
        if (_imageCache is null)
        {
            DecodeImage(chip, window, image);
            return;
        }

        var (decoded, area, plane) = (_imageCache[chip].Value, (int)window.Area, Chips[chip].Size.Width * Chips[chip].Size.Height);
        for (var band = 0; band < _bands.Length; band++)
        {
            CopyWindow(decoded.AsSpan(band * plane, plane), Chips[chip].Size, window, image.Slice(band * area, area));
        }
    }

    /// <inheritdoc/>
    public override void ReadLabels(int chip, PixelWindow window, Span<float> labels)
    {
        if (_labelCache is null)
        {
            DecodeLabels(chip, window, labels);
        }
        else
        {
            CopyWindow(_labelCache[chip].Value, Chips[chip].Size, window, labels);
        }
    }

    /// <summary>Where the chips lie; null for those without georeferencing.</summary>
    /// <exception cref="RasterException">The system of a chip has no way to longitude and latitude.</exception>
    internal IReadOnlyList<ChipOutline?> Outlines()
    {
        var outlines = new ChipOutline?[Chips.Count];
        foreach (var system in Enumerable.Range(0, Chips.Count).Where(chip => _grids[chip] is not null).GroupBy(chip => _grids[chip]!.Value.Projection, StringComparer.Ordinal))
        {
            var places = SpatialReference.ToLongitudeLatitude([.. system.SelectMany(Points)], system.Key);
            foreach (var (chip, points) in system.Zip(places.Chunk(5)))
            {
                outlines[chip] = new ChipOutline(points[..4], points[4].Longitude, points[4].Latitude);
            }
        }

        return outlines;

        // Four corners, in order around the chip, and the centre.
        IEnumerable<(double X, double Y)> Points(int chip)
        {
            var (size, grid) = (Chips[chip].Size, _grids[chip]!.Value.Transform);
            return new (double Column, double Row)[] { (0, 0), (0, size.Height), (size.Width, size.Height), (size.Width, 0), (size.Width / 2.0, size.Height / 2.0) }
                .Select(point => grid.Moved(point.Column, point.Row)).Select(moved => (moved.OriginX, moved.OriginY));
        }
    }

    private static Lazy<float[]> Whole(ChipInfo chip, int planes, Action<PixelWindow, float[]> decode) => new(() =>
    {
        var pixels = new float[checked(chip.Size.Width * chip.Size.Height * planes)];
        decode(new PixelWindow(0, 0, chip.Size.Width, chip.Size.Height), pixels);
        return pixels;
    });

    private ChipInfo Inspect(ChipFile file)
    {
        using var image = ChipRaster.Open(file.Image);
        if (file.Label is { } path)
        {
            using var labels = ChipRaster.Open(path, labels: true);
            if (labels.Size != image.Size)
            {
                throw new TrainingDataException(
                    $"{path} is {labels.Size.Width} x {labels.Size.Height}; its image {Path.GetFileName(file.Image)} is {image.Size.Width} x {image.Size.Height}. Resample the labels to the image's grid (gdalwarp -te … -ts … -r near).");
            }
        }

        foreach (var (further, expected) in file.MoreImages.Zip(_fileBands.Skip(1)))
        {
            using var other = ChipRaster.Open(further);
            if (other.Size != image.Size || other.Bands != expected)
            {
                throw new TrainingDataException(
                    $"{further} is {other.Size.Width} x {other.Size.Height} with {other.Bands} bands; expected {image.Size.Width} x {image.Size.Height} as {Path.GetFileName(file.Image)} and {expected} bands as in the first chip. Resample it to one grid (gdalwarp -te … -ts …).");
            }
        }

        var count = image.Bands + _fileBands.Skip(1).Sum();
        if (_bands.Any(band => band < 1 || band > count) || (_options.Bands is null && count != _bands.Length) || (file.MoreImages.Count > 0 && image.Bands != _fileBands[0]))
        {
            throw new TrainingDataException(
                $"{file.Image} has {image.Bands} bands{(file.MoreImages.Count > 0 ? $", {count} with the further images" : "")}; expected {(_options.Bands is null ? $"{_bands.Length}, as in the first chip" : $"the bands {string.Join(", ", _bands)}")}. Choose with --bands 2,3,4,….");
        }

        if (_options.Polygons is not null && image.Grid is null)
        {
            throw new TrainingDataException($"{file.Image} is not georeferenced, so no polygons can be drawn on it. Give label files, or georeference the chips.");
        }

        _grids.Add(image.Grid);
        return new ChipInfo(file.Name, image.Size);
    }

    private static IEnumerable<string> Images(ChipFile file) => [file.Image, .. file.MoreImages];

    private static int BandCount(string path)
    {
        using var file = ChipRaster.Open(path);
        return file.Bands;
    }

    private void DecodeImage(int chip, PixelWindow window, Span<float> image)
    {
        var file = _files[chip];
        var (scale, replacement) = ((float)_options.ConstantScale, (float?)_options.NoDataReplacement ?? float.NaN);
        var validity = _options.NoData is { } noData ? new ValidityOptions(Override: noData) : Declared;
        if (file.MoreImages.Count == 0)
        {
            ReadWithGaps(file.Image, window, _bands, validity, image, replacement);
        }
        else
        {
            ReadSeveral(file, window, validity, image, replacement);
        }

        if (scale != 1)
        {
            foreach (ref var value in image)
            {
                value *= scale;
            }
        }
    }

    private void DecodeLabels(int chip, PixelWindow window, Span<float> labels)
    {
        if (_options.Polygons is { } polygons)
        {
            using var image = RasterDataset.Open(_files[chip].Image);
            polygons.Draw(image, window, _options.OutsidePolygons, labels);
            if (_options.LabelReplacement is { } replacement)
            {
                foreach (ref var label in labels)
                {
                    label = float.IsNaN(label) ? (float)replacement : label;
                }
            }
        }
        else if (_files[chip].Label is { } path)
        {
            ReadWithGaps(path, window, [1], Declared, labels, (float?)_options.LabelReplacement ?? float.NaN, labels: true);
        }
        else
        {
            labels.Clear();
        }
    }

    private void ReadSeveral(ChipFile file, PixelWindow window, ValidityOptions validity, Span<float> image, float replacement)
    {
        var (area, first) = ((int)window.Area, 0);
        foreach (var (path, count) in Images(file).Zip(_fileBands))
        {
            // The wanted bands of this file, and where each goes.
            int[] places = [.. Enumerable.Range(0, _bands.Length).Where(place => _bands[place] > first && _bands[place] <= first + count)];
            if (places.Length > 0)
            {
                var part = new float[places.Length * area];
                ReadWithGaps(path, window, Array.ConvertAll(places, place => _bands[place] - first), validity, part, replacement);
                foreach (var (index, place) in places.Index())
                {
                    part.AsSpan(index * area, area).CopyTo(image[(place * area)..]);
                }
            }

            first += count;
        }
    }

    private static void ReadWithGaps(string path, PixelWindow window, ReadOnlySpan<int> bands, ValidityOptions validity, Span<float> destination, float replacement, bool labels = false)
    {
        using var file = ChipRaster.Open(path, labels);
        file.Read(window, bands, validity, replacement, destination);
    }
}
