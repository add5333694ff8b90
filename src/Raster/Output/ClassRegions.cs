namespace EoOnnx.Raster;

/// <summary>What is known of a region of a class map: neighbouring pixels of one class.</summary>
/// <param name="Pixels">How many.</param>
/// <param name="SquareMetres">Their area on the ground; NaN when the map is not placed there.</param>
/// <param name="Confidence">Sum of the stored confidences of its pixels.</param>
internal readonly record struct ClassRegion(long Pixels, double SquareMetres, double Confidence);

/// <summary>
/// Finds the regions of a class map in one pass from top to bottom, by union and find: two rows of labels are held, and a sum for
/// each region. A region is known by its first pixel, row · width + column.
/// </summary>
internal sealed class ClassRegions
{
    private readonly bool _diagonals;
    private readonly int _width;
    private readonly List<int> _parents = [];
    private readonly List<long> _firsts = [];
    private readonly List<ClassRegion> _sums = [];
    private int[] _above;
    private int[] _labels;
    private ushort[] _classesAbove;
    private ushort[] _classes;

    private ClassRegions(int width, bool diagonals) =>
        (_width, _diagonals, _above, _labels, _classesAbove, _classes) = (width, diagonals, new int[width], new int[width], new ushort[width], new ushort[width]);

    /// <summary>Measures all regions.</summary>
    /// <param name="classes">The class map; its first band.</param>
    /// <param name="confidence">A band of the same size with the confidence of each pixel; null for none.</param>
    /// <param name="diagonals">Pixels that touch at a corner only are neighbours, too.</param>
    /// <param name="cancellation">Ends the search.</param>
    public static Dictionary<long, ClassRegion> Measure(RasterDataset classes, (RasterDataset Raster, int Band)? confidence, bool diagonals, CancellationToken cancellation)
    {
        var size = classes.Size;
        var area = GroundArea.Of(classes.Transform, classes.Projection);
        var regions = new ClassRegions(size.Width, diagonals);
        using var reader = classes.OpenReader();
        using var sure = confidence?.Raster.OpenReader();
        var (missing, sureness) = ((int)(classes.Bands[0].NoData ?? -1), new float[size.Width]);
        for (var y = 0; y < size.Height; y++)
        {
            cancellation.ThrowIfCancellationRequested();
            var window = new PixelWindow(0, y, size.Width, 1);
            reader.Read(window, [1], regions._classes);
            sure?.Read(window, [confidence!.Value.Band], sureness);
            regions.Add(y, missing, sureness, area.PerPixel(y) ?? double.NaN);
        }

        return regions._parents.Index().Where(label => label.Item == label.Index).ToDictionary(label => regions._firsts[label.Index], label => regions._sums[label.Index]);
    }

    private void Add(int y, int missing, float[] confidence, double pixelArea)
    {
        for (var x = 0; x < _width; x++)
        {
            var label = -1;
            if (_classes[x] != missing)
            {
                label = x > 0 ? Joined(label, _labels[x - 1], _classes[x - 1], x) : label;
                label = Joined(label, y > 0 ? _above[x] : -1, _classesAbove[x], x);
                if (_diagonals && y > 0)
                {
                    label = x > 0 ? Joined(label, _above[x - 1], _classesAbove[x - 1], x) : label;
                    label = x + 1 < _width ? Joined(label, _above[x + 1], _classesAbove[x + 1], x) : label;
                }

                label = label < 0 ? New(((long)y * _width) + x) : label;
                var sum = _sums[label];
                _sums[label] = new ClassRegion(sum.Pixels + 1, sum.SquareMetres + pixelArea, sum.Confidence + confidence[x]);
            }

            _labels[x] = label;
        }

        (_above, _labels, _classesAbove, _classes) = (_labels, _above, _classes, _classesAbove);
    }

    // The region of a pixel when a neighbour is looked at: that of the neighbour, of both, or the one it had.
    private int Joined(int label, int neighbour, ushort neighbourClass, int x)
    {
        if (neighbour < 0 || neighbourClass != _classes[x])
        {
            return label;
        }

        var other = Root(neighbour);
        if (label < 0 || label == other)
        {
            return other;
        }

        var (first, second) = _firsts[label] < _firsts[other] ? (label, other) : (other, label);
        var (a, b) = (_sums[first], _sums[second]);
        _parents[second] = first;
        _sums[first] = new ClassRegion(a.Pixels + b.Pixels, a.SquareMetres + b.SquareMetres, a.Confidence + b.Confidence);
        return first;
    }

    private int Root(int label)
    {
        while (_parents[label] != label)
        {
            label = _parents[label] = _parents[_parents[label]];
        }

        return label;
    }

    private int New(long first)
    {
        _parents.Add(_parents.Count);
        _firsts.Add(first);
        _sums.Add(default);
        return _parents.Count - 1;
    }
}
