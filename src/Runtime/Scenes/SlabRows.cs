using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>Which rows of the scene the tiles of each row of the plan read, reflection included. Pure arithmetic.</summary>
internal sealed class SlabRows
{
    private const int SmallestChunk = 64, LargestChunk = 1024;
    private readonly int[] _first;
    private readonly int[] _end;

    /// <summary>Plans the reading of a job's scene.</summary>
    public static SlabRows Of(SceneJob job) => new(job.Plan.Y, job.Bands.Max(band => band.Source.BlockSize.Height), job.Window.Y);

    /// <summary>Plans the reading of a scene.</summary>
    /// <param name="axis">The plan from top to bottom.</param>
    /// <param name="blockHeight">Rows of a block of the file.</param>
    /// <param name="firstRow">Row of the file at which the scene starts.</param>
    public SlabRows(TileAxis axis, int blockHeight, int firstRow = 0)
    {
        (_first, _end) = (new int[axis.Count], new int[axis.Count]);
        for (var r = axis.Count - 1; r >= 0; r--)
        {
            var (first, end) = axis.Reads(r);
            // A later row of tiles may reflect back to rows above: they must stay.
            _first[r] = r + 1 < axis.Count ? Math.Min(first, _first[r + 1]) : first;
            _end[r] = end;
        }

        // Whole rows of blocks, so that each block is decoded once; small ones in groups, giant ones in parts.
        Chunk = Math.Min(axis.Length, blockHeight >= SmallestChunk ? Math.Min(blockHeight, LargestChunk) : blockHeight * ((SmallestChunk + blockHeight - 1) / blockHeight));
        Phase = firstRow % Chunk;
        var most = Enumerable.Range(0, axis.Count).Max(r => ((_end[r] - 1 + Phase) / Chunk) - ((_first[r] + Phase) / Chunk) + 1);
        Chunks = most + 1; // one is read while the others are in use
    }

    /// <summary>Rows read at once.</summary>
    public int Chunk { get; }

    /// <summary>How many rows before the scene's first the first chunk starts: chunks begin where blocks of the file begin.</summary>
    public int Phase { get; }

    /// <summary>Chunks held at once.</summary>
    public int Chunks { get; }

    /// <summary>Rows held at once.</summary>
    public int Capacity => Chunk * Chunks;

    /// <summary>First scene row that this row of tiles, or a later one, reads.</summary>
    public int First(int tileRow) => _first[tileRow];

    /// <summary>The scene row behind the last that this row of tiles reads.</summary>
    public int End(int tileRow) => _end[tileRow];
}
