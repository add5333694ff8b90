using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>Reads the masks of a scene row by row and marks hidden pixels in the slab's validity.</summary>
internal sealed class MaskReader : IDisposable
{
    /// <summary>Validity of a pixel that the model may see and the map hides.</summary>
    public const byte Hidden = 2;

    private readonly List<MaskSource> _sources = [];
    private readonly AreaOfInterest? _area;
    private readonly PixelWindow _window;
    private readonly PixelSize _scene;
    private readonly int _dilation;
    private readonly byte _mark;
    private readonly (int First, int End) _counted;
    private byte[] _hidden = [];
    private byte[] _inside = [];

    /// <summary>Opens the bands and files of the masks.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="window">The part of it that is mapped.</param>
    /// <param name="options">Masks, growth and mode.</param>
    /// <param name="counted">The columns of the scene in which hidden pixels count; null counts all of the window.</param>
    /// <exception cref="RasterException">A mask names neither a band nor a file, or a file in another CRS or beside the scene.</exception>
    public MaskReader(RasterDataset scene, PixelWindow window, SceneOptions options, PixelWindow? counted = null)
    {
        _counted = ((counted ?? window).X - window.X, (counted ?? window).Right - window.X);
        (_window, _scene, _dilation) = (window, scene.Size, options.MaskDilation);
        _mark = options.MaskMode == MaskMode.Input ? (byte)0 : Hidden;
        try
        {
            foreach (var mask in options.Masks)
            {
                _sources.Add(MaskSource.Open(mask, scene));
            }

            _area = options.Area is { } path ? AreaOfInterest.Open(path, scene) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Pixels hidden so far that the scene has data for.</summary>
    public long Count { get; private set; }

    /// <summary>Marks the hidden pixels of some rows.</summary>
    /// <param name="firstRow">First row, of the window.</param>
    /// <param name="rows">Number of rows.</param>
    /// <param name="valid">[row, column] of the window's width; 1 valid, 0 not. Hidden ones become 0 or <see cref="Hidden"/>.</param>
    public void Apply(int firstRow, int rows, Span<byte> valid)
    {
        Hide(firstRow, rows, valid);
        LeaveArea(firstRow, rows, valid);
    }

    private void Hide(int firstRow, int rows, Span<byte> valid)
    {
        if (_sources.Count == 0)
        {
            return;
        }

        // Masks grow into these rows from above, below and the sides: read that much more, as far as the scene goes.
        var around = new PixelWindow(_window.X - _dilation, _window.Y + firstRow - _dilation, _window.Width + (2 * _dilation), rows + (2 * _dilation)).Within(_scene);
        if (_hidden.Length < around.Area)
        {
            _hidden = new byte[around.Area];
        }

        var hidden = _hidden.AsSpan(0, (int)around.Area);
        hidden.Clear();
        foreach (var source in _sources)
        {
            source.Add(around, hidden);
        }

        Dilation.Grow(hidden, around.Width, _dilation);
        for (var row = 0; row < rows; row++)
        {
            var line = hidden.Slice(((_window.Y + firstRow + row - around.Y) * around.Width) + _window.X - around.X, _window.Width);
            var flags = valid.Slice(row * _window.Width, _window.Width);
            for (var i = 0; i < line.Length; i++)
            {
                if (line[i] != 0 && flags[i] != 0)
                {
                    flags[i] = _mark;
                    Count += i >= _counted.First && i < _counted.End ? 1 : 0;
                }
            }
        }
    }

    public void Dispose()
    {
        foreach (var source in _sources)
        {
            source.Dispose();
        }

        _area?.Dispose();
    }

    // The model sees what lies around the area; the map has nothing there.
    private void LeaveArea(int firstRow, int rows, Span<byte> valid)
    {
        if (_area is null)
        {
            return;
        }

        var part = new PixelWindow(_window.X, _window.Y + firstRow, _window.Width, rows);
        if (_inside.Length < part.Area)
        {
            _inside = new byte[part.Area];
        }

        var inside = _inside.AsSpan(0, (int)part.Area);
        _area.Draw(part, inside);
        for (var i = 0; i < inside.Length; i++)
        {
            valid[i] = inside[i] == 0 && valid[i] != 0 ? Hidden : valid[i];
        }
    }
}

/// <summary>One mask with its open band.</summary>
internal sealed class MaskSource : IDisposable
{
    private readonly SceneMask _mask;
    private readonly RasterDataset? _file;
    private readonly RasterReader _reader;
    private readonly PixelSize _size;
    private readonly int _band;
    private readonly (double Start, double Step) _x, _y;
    private float[] _values = [];

    private MaskSource(SceneMask mask, RasterDataset? file, RasterReader reader, PixelSize size, int band, (double, double) x, (double, double) y) =>
        (_mask, _file, _reader, _size, _band, _x, _y) = (mask, file, reader, size, band, x, y);

    public static MaskSource Open(SceneMask mask, RasterDataset scene)
    {
        var fold = BandNames.Fold(mask.Source);
        if (scene.Bands.FirstOrDefault(band => BandNames.Fold(band.Name) == fold) is { } own)
        {
            return new MaskSource(mask, null, scene.OpenReader(), scene.Size, own.Index, (0.5, 1), (0.5, 1));
        }

        if (!File.Exists(mask.Source))
        {
            throw new RasterException($"The mask '{mask.Text}' names '{mask.Source}', which is neither a file nor a band of {scene.Name} ({string.Join(", ", scene.Bands.Select(band => band.Name.Length == 0 ? $"{band.Index}" : band.Name))}).");
        }

        var file = RasterDataset.Open(mask.Source);
        try
        {
            var (x, y) = Grids(mask, scene, file);
            return new MaskSource(mask, file, file.OpenReader(), file.Size, 1, x, y);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Marks pixels of a window of the scene's grid; the mask is taken at the centre of each pixel (nearest).</summary>
    public void Add(PixelWindow window, Span<byte> hidden)
    {
        var (left, right) = (Index(_x, window.X), Index(_x, window.Right - 1));
        var (top, bottom) = (Index(_y, window.Y), Index(_y, window.Bottom - 1));
        var part = new PixelWindow(left, top, right - left + 1, bottom - top + 1).Within(_size);
        if (part.Width == 0 || part.Height == 0)
        {
            return;
        }

        if (_values.Length < part.Area)
        {
            _values = new float[part.Area];
        }

        var values = _values.AsSpan(0, (int)part.Area);
        _reader.Read(part, [_band], values);
        for (var row = 0; row < window.Height; row++)
        {
            var y = Index(_y, window.Y + row) - part.Y;
            for (var column = 0; column < window.Width && y >= 0 && y < part.Height; column++)
            {
                var x = Index(_x, window.X + column) - part.X;
                if (x >= 0 && x < part.Width && _mask.Hides(values[(y * part.Width) + x]))
                {
                    hidden[(row * window.Width) + column] = 1;
                }
            }
        }
    }

    public void Dispose()
    {
        _reader.Dispose();
        _file?.Dispose();
    }

    private static int Index((double Start, double Step) axis, int pixel) => (int)Math.Floor(axis.Start + (pixel * axis.Step));

    // Position of a scene pixel's centre in the mask's pixels: start + pixel · step.
    private static ((double, double) X, (double, double) Y) Grids(SceneMask mask, RasterDataset scene, RasterDataset file)
    {
        if (file.Transform is not { IsNorthUp: true } theirs || scene.Transform is not { IsNorthUp: true } ours)
        {
            return file.Size == scene.Size ? ((0.5, 1), (0.5, 1))
                : throw new RasterException($"The mask {mask.Source} has {file.Size.Width} x {file.Size.Height} pixels and {scene.Name} {scene.Size.Width} x {scene.Size.Height}; without georeferencing both must be equal.");
        }

        if (!SpatialReference.AreSame(scene.Projection, file.Projection))
        {
            throw new RasterException($"The mask {mask.Source} has another coordinate reference system than {scene.Name}. Warp it first: gdalwarp -r near -t_srs <that of the scene> '{mask.Source}' mask.tif");
        }

        return ((((ours.OriginX - theirs.OriginX) / theirs.PixelWidth) + (ours.PixelWidth / theirs.PixelWidth / 2), ours.PixelWidth / theirs.PixelWidth),
            (((ours.OriginY - theirs.OriginY) / theirs.PixelHeight) + (ours.PixelHeight / theirs.PixelHeight / 2), ours.PixelHeight / theirs.PixelHeight));
    }
}
