using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>The tiles of one model call: where they lie and which of their pixels are valid. Travels from the cutter to the blender.</summary>
internal sealed class TileSet(int batch, PixelSize tile)
{
    private readonly int _area = checked((int)tile.Area);
    private readonly byte[] _valid = new byte[checked(batch * (int)tile.Area)];

    /// <summary>The tiles, in plan order; the first <see cref="Count"/> are used.</summary>
    public TileWindow[] Windows { get; } = new TileWindow[batch];

    /// <summary>Most tiles that fit.</summary>
    public int Capacity => batch;

    /// <summary>Number of tiles.</summary>
    public int Count { get; set; }

    private PixelSize Tile => tile;

    /// <summary>Takes over the tiles of another set, as they lie in a map whose pixels may be finer by a whole factor.</summary>
    public void CopyFrom(TileSet other, TilePlan map)
    {
        Count = other.Count;
        for (var i = 0; i < Count; i++)
        {
            Windows[i] = map[other.Windows[i].Row, other.Windows[i].Column];
        }

        var factor = tile.Width / other.Tile.Width;
        if (factor == 1)
        {
            other._valid.AsSpan(0, Count * _area).CopyTo(_valid);
            return;
        }

        for (var row = 0; row < Count * tile.Height; row++)
        {
            var from = other._valid.AsSpan(row / factor * other.Tile.Width, other.Tile.Width);
            var to = _valid.AsSpan(row * tile.Width, tile.Width);
            for (var column = 0; column < tile.Width; column++)
            {
                to[column] = from[column / factor];
            }
        }
    }

    /// <summary>Validity of a tile's pixels, [row, column].</summary>
    public Span<byte> Valid(int index) => _valid.AsSpan(index * _area, _area);
}

/// <summary>Standardised tiles on their way to the model; pooled.</summary>
internal sealed class ImageBatch(int index, int batch, int imageLength, PixelSize tile)
{
    public int Index { get; } = index;

    /// <summary>[batch, channel, frame, row, column]; pinned.</summary>
    public float[] Images { get; private set; } = GC.AllocateArray<float>(checked(batch * imageLength), pinned: true);

    /// <summary>[batch, 2]: latitude and longitude of each tile's centre, where the model takes them; pinned.</summary>
    public float[] Places { get; } = GC.AllocateArray<float>(2 * batch, pinned: true);

    public TileSet Tiles { get; } = new(batch, tile);

    /// <summary>Gives the memory back.</summary>
    public void Release() => Images = [];

    public Span<float> Image(int position) => Images.AsSpan(position * imageLength, imageLength);
}

/// <summary>What the model said about tiles, on its way to the blender; pooled.</summary>
internal sealed class ScoreBatch(int index, int batch, int scoreLength, PixelSize tile)
{
    public int Index { get; } = index;

    /// <summary>[batch, class, row, column]; pinned.</summary>
    public float[] Scores { get; private set; } = GC.AllocateArray<float>(checked(batch * scoreLength), pinned: true);

    public TileSet Tiles { get; } = new(batch, tile);

    /// <summary>The map they are for.</summary>
    public MapTarget? Target { get; init; }

    /// <summary>Gives the memory back.</summary>
    public void Release() => Scores = [];

    public Span<float> ScoresOf(int position) => Scores.AsSpan(position * scoreLength, scoreLength);
}
