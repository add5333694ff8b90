using System.Numerics;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Decodes the scene into the slab with several readers, each with its own handle and its own columns.</summary>
internal sealed class SlabReader : IDisposable
{
    private readonly Slab _slab;
    private readonly PixelWindow _window;
    private readonly MaskReader _masks;
    private readonly int[] _bands;
    private readonly ValidityOptions _validity;
    private readonly RasterReader[] _readers;
    private readonly int[] _columns;
    private readonly PixelSize _block;
    private readonly SourceDamage _damage;
    private readonly PixelWindow _own;
    private readonly RepeatedParts _parts;
    private (int First, int Count, CancellationToken Cancellation) _rows;

    /// <summary>Opens the readers.</summary>
    /// <param name="job">The scene and how it is read.</param>
    /// <param name="panel">The columns that are read.</param>
    /// <param name="slab">Where they go.</param>
    /// <param name="damage">Is told what cannot be read.</param>
    /// <exception cref="RasterException">The scene cannot be opened again.</exception>
    public SlabReader(SceneJob job, Panel panel, Slab slab, SourceDamage damage)
    {
        var (scene, bands, options) = (job.Scene, job.Bands, job.Options);
        var window = job.Window with { X = job.Window.X + panel.ReadX, Width = panel.ReadWidth };
        (_slab, _window, _bands, _validity, _damage) = (slab, window, [.. bands.Select(band => band.Source.Index)], options.Validity, damage);
        _own = job.Window with { X = job.Window.X + panel.OwnX, Width = Math.Min(panel.OwnWidth, job.Window.Width - panel.OwnX) };
        _block = new PixelSize(bands.Max(band => band.Source.BlockSize.Width), bands.Max(band => band.Source.BlockSize.Height));
        // Readers share no block: a file stored in rows is read by one.
        var block = _block.Width;
        var (firstBlock, endBlock) = (window.X / block, ((window.Right - 1) / block) + 1);
        var count = Math.Clamp(options.Readers == 0 ? Math.Min(4, Environment.ProcessorCount) : options.Readers, 1, endBlock - firstBlock);
        _columns = [.. Enumerable.Range(0, count).Select(i => Math.Max(0, (int)((firstBlock + ((long)(endBlock - firstBlock) * i / count)) * block) - window.X)), window.Width];
        _readers = new RasterReader[count];
        _masks = new MaskReader(scene, window, options, _own);
        try
        {
            for (var i = 0; i < count; i++)
            {
                _readers[i] = scene.OpenReader();
            }

            _parts = new RepeatedParts(count, i => Read(i, _rows.First, _rows.Count, _rows.Cancellation));
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>The type in which the slab holds a scene: that of its bands where the runtime converts it, else single precision.</summary>
    public static RasterType TypeOf(IReadOnlyList<MappedBand> bands)
    {
        var types = bands.Select(band => band.Source.Type).Distinct().ToList();
        return types is [RasterType.Byte or RasterType.UInt16 or RasterType.Int16] ? types[0] : RasterType.Float32;
    }

    /// <summary>Pixels that masks have hidden so far.</summary>
    public long Hidden => _masks.Count;

    /// <summary>Reads one chunk of rows of all columns.</summary>
    /// <exception cref="RasterException">GDAL cannot read it and the options do not allow for that, or a file of the scene has changed.</exception>
    public void Read(int firstRow, int rows, CancellationToken cancellation)
    {
        _damage.CheckFiles();
        _rows = (firstRow, rows, cancellation);
        _parts.Run();
        _masks.Apply(firstRow, rows, _slab.ValidFrom(firstRow));
    }

    public void Dispose()
    {
        _parts?.Dispose();
        foreach (var reader in _readers)
        {
            reader?.Dispose();
        }

        _masks.Dispose();
    }

    private void Read(int reader, int firstRow, int rows, CancellationToken cancellation)
    {
        var window = new PixelWindow(_columns[reader], firstRow, _columns[reader + 1] - _columns[reader], rows);
        try
        {
            Read(reader, window);
        }
        catch (RasterException)
        {
            _damage.CheckFiles(); // a file that changed explains it better than GDAL can
            ReadBlocks(reader, window, cancellation);
        }
    }

    // What can be read of a damaged part: block by block.
    private void ReadBlocks(int reader, PixelWindow window, CancellationToken cancellation)
    {
        for (var y = window.Y; y < window.Bottom;)
        {
            var bottom = Math.Min(window.Bottom, y + _block.Height - ((y + _window.Y) % _block.Height));
            for (var x = window.X; x < window.Right;)
            {
                cancellation.ThrowIfCancellationRequested();
                var right = Math.Min(window.Right, x + _block.Width - ((x + _window.X) % _block.Width));
                var part = new PixelWindow(x, y, right - x, bottom - y);
                try
                {
                    Read(reader, part);
                }
                catch (RasterException failure)
                {
                    // Columns that two panels read count once.
                    var left = Math.Max(_own.X, part.X + _window.X);
                    _damage.Add(new PixelWindow(left, part.Y + _window.Y, Math.Max(0, Math.Min(_own.Right, part.Right + _window.X) - left), part.Height), failure);
                    for (var row = part.Y; row < part.Bottom; row++)
                    {
                        _slab.ValidFrom(row, part.X)[..part.Width].Clear();
                    }
                }

                x = right;
            }

            y = bottom;
        }
    }

    private void Read(int reader, PixelWindow window)
    {
        switch (_slab.Type)
        {
            case RasterType.Byte: Read<byte>(_readers[reader], window); break;
            case RasterType.UInt16: Read<ushort>(_readers[reader], window); break;
            case RasterType.Int16: Read<short>(_readers[reader], window); break;
            default: Read<float>(_readers[reader], window); break;
        }
    }

    private void Read<T>(RasterReader reader, PixelWindow window) where T : unmanaged, INumberBase<T>
    {
        var pixels = _slab.From<T>(window.Y, 0, window.X);
        var inFile = window with { X = window.X + _window.X, Y = window.Y + _window.Y };
        reader.Read(inFile, _bands, pixels, _slab.Spacing);
        reader.ReadValidity<T>(inFile, _bands, pixels, _slab.Spacing, _validity, _slab.ValidFrom(window.Y, window.X), _slab.Width);
    }
}
