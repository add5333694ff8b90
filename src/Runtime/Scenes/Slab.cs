using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// The rows of a scene that tiles are being cut from: a ring of whole chunks of rows in the type of the source, with their validity.
/// The reader fills a chunk while the cutter uses the others; two semaphores count the filled and the free chunks.
/// </summary>
internal sealed class Slab : IDisposable
{
    private byte[] _pixels;
    private byte[] _valid;
    private readonly int _pixelBytes;
    private readonly int _phase;
    private readonly SemaphoreSlim _free;
    private readonly SemaphoreSlim _filled = new(0);
    private int _filledEnd;
    private int _freedEnd;

    /// <summary>Allocates the ring.</summary>
    /// <param name="width">Columns.</param>
    /// <param name="bands">Channels.</param>
    /// <param name="type">Byte, UInt16, Int16 or Float32.</param>
    /// <param name="rows">How many rows are held and read at once.</param>
    /// <param name="firstRow">The first row that a run needs: its chunk is the first to be read. Rows above count neither as read nor as room,
    /// whichever of reader and cutter comes first.</param>
    /// <exception cref="RasterException">The ring would be larger than 2 GiB.</exception>
    public Slab(int width, int bands, RasterType type, SlabRows rows, int firstRow)
    {
        (Width, Bands, Type, Chunk, Capacity, _pixelBytes, _phase) = (width, bands, type, rows.Chunk, rows.Capacity, type.SizeInBytes(), rows.Phase);
        var bytes = (long)width * Capacity * bands * _pixelBytes;
        if (bytes > Array.MaxLength)
        {
            throw new RasterException($"The rows that one row of tiles needs take {bytes >> 20} MiB ({width} columns, {Capacity} rows, {bands} bands of {type}); at most 2047 MiB are possible. Choose a smaller --tile.");
        }

        _pixels = GC.AllocateUninitializedArray<byte>((int)bytes, pinned: true);
        _valid = GC.AllocateUninitializedArray<byte>(checked(width * Capacity), pinned: true);
        _free = new SemaphoreSlim(rows.Chunks);
        _filledEnd = _freedEnd = (firstRow + _phase) / Chunk * Chunk;
    }

    public int Width { get; }

    public int Bands { get; }

    public RasterType Type { get; }

    /// <summary>Rows that are read at once.</summary>
    public int Chunk { get; }

    /// <summary>Rows that are held at once.</summary>
    public int Capacity { get; }

    public long Bytes => _pixels.LongLength + _valid.LongLength;

    /// <summary>Elements from row to row and from band to band.</summary>
    public PixelSpacing Spacing => new(Width, Width * Capacity);

    /// <summary>Pixels from the first of a row in a band to the end of the ring.</summary>
    public Span<T> From<T>(int row, int band, int column = 0) where T : unmanaged =>
        MemoryMarshal.Cast<byte, T>(_pixels.AsSpan())[(((band * Capacity) + Slot(row)) * Width + column)..];

    /// <summary>Validity from a pixel to the end of the ring: 1 valid, 0 not, <see cref="MaskReader.Hidden"/>.</summary>
    public Span<byte> ValidFrom(int row, int column = 0) => _valid.AsSpan((Slot(row) * Width) + column);

    /// <summary>Waits until there is room for the next chunk.</summary>
    public void WaitForRoom(CancellationToken cancellation) => _free.Wait(cancellation);

    /// <summary>The next chunk has been read.</summary>
    public void Publish() => _filled.Release();

    /// <summary>Waits until all rows before <paramref name="end"/> have been read.</summary>
    public void WaitForRows(int end, CancellationToken cancellation)
    {
        while (_filledEnd < end + _phase)
        {
            _filled.Wait(cancellation);
            _filledEnd += Chunk;
        }
    }

    /// <summary>Rows before <paramref name="row"/> are no longer needed.</summary>
    public void Free(int row)
    {
        for (; _freedEnd + Chunk <= row + _phase; _freedEnd += Chunk)
        {
            _free.Release();
        }
    }

    /// <summary>Gives the memory back, whoever still knows this ring.</summary>
    public void Dispose()
    {
        (_pixels, _valid) = ([], []);
        _free.Dispose();
        _filled.Dispose();
    }

    private int Slot(int row) => (row + _phase) % Capacity;
}
