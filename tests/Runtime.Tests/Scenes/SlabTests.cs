using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>The ring of rows tells reader and cutter the same, whichever of them comes first, also where a run is continued in the middle of a scene.</summary>
public sealed class SlabTests
{
    private const int Width = 4, Tile = 32, BlockHeight = 64;
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(1), Short = TimeSpan.FromMilliseconds(50);

    private static readonly TileAxis Axis = TileAxis.Create(40 * BlockHeight, new TilePlanOptions { Tile = Tile, Overlap = 8 });

    public static TheoryData<int, int> Places => new() { { 0, 0 }, { 0, 9 }, { 0, 57 }, { 17, 9 }, { 17, 57 } };

    [Theory]
    [MemberData(nameof(Places))]
    public void A_cutter_that_comes_before_the_reader_frees_no_room_with_the_rows_above(int firstRow, int tileRow)
    {
        var rows = new SlabRows(Axis, BlockHeight, firstRow);
        using var slab = new Slab(Width, 1, RasterType.UInt16, rows, rows.First(tileRow));

        slab.Free(rows.First(tileRow));

        AssertRoom(slab, rows.Chunks);
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void A_cutter_has_its_rows_after_just_the_chunks_that_hold_them(int firstRow, int tileRow)
    {
        var rows = new SlabRows(Axis, BlockHeight, firstRow);
        using var slab = new Slab(Width, 1, RasterType.UInt16, rows, rows.First(tileRow));
        var chunks = ((rows.End(tileRow) - 1 + rows.Phase) / rows.Chunk) - ((rows.First(tileRow) + rows.Phase) / rows.Chunk) + 1;

        for (var chunk = 0; chunk < chunks; chunk++)
        {
            Assert.False(Comes(token => slab.WaitForRows(rows.End(tileRow), token), Short));
            slab.Publish();
        }

        Assert.True(Comes(token => slab.WaitForRows(rows.End(tileRow), token), Long));
    }

    [Theory]
    [MemberData(nameof(Places))]
    public void A_chunk_is_room_again_once_its_last_row_is_not_needed(int firstRow, int tileRow)
    {
        var rows = new SlabRows(Axis, BlockHeight, firstRow);
        using var slab = new Slab(Width, 1, RasterType.UInt16, rows, rows.First(tileRow));
        AssertRoom(slab, rows.Chunks);
        var below = (((rows.First(tileRow) + rows.Phase) / rows.Chunk) + 1) * rows.Chunk - rows.Phase;

        slab.Free(below - 1);
        AssertRoom(slab, 0);
        slab.Free(below);
        AssertRoom(slab, 1);
    }

    /// <summary>Takes all the room there must be; there is no more.</summary>
    private static void AssertRoom(Slab slab, int chunks)
    {
        for (var chunk = 0; chunk < chunks; chunk++)
        {
            Assert.True(Comes(slab.WaitForRoom, Long));
        }

        Assert.False(Comes(slab.WaitForRoom, Short));
    }

    private static bool Comes(Action<CancellationToken> wait, TimeSpan patience)
    {
        using var cancellation = new CancellationTokenSource(patience);
        try
        {
            wait(cancellation.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }
}
