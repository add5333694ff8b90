using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>
/// Puts tiles together into finished rows of the map, in plan order. A pixel's value depends on the plan and the model's answers
/// only: not on batches, nor on where an earlier run was interrupted.
/// </summary>
internal abstract class RowAssembler(TilePlan plan, Panel panel, MapEncoder encoder)
{
    protected TilePlan Plan { get; } = plan;

    protected Panel Panel { get; } = panel;

    protected MapEncoder Encoder { get; } = encoder;

    protected int Width => Panel.MapWidth;

    protected PixelSize Tile { get; } = plan.Tile;

    /// <summary>Bytes of one row of the panel.</summary>
    public int RowBytes { get; } = checked(panel.MapWidth * encoder.Bands * encoder.Type.SizeInBytes());

    /// <summary>Bytes of the assembler's own memory.</summary>
    public abstract long Bytes { get; }

    /// <summary>Most rows that one row of tiles finishes.</summary>
    public int MostRows { get; protected init; }

    protected int FindMostRows() => Enumerable.Range(0, Plan.Y.Count).Max(row => FinishedBy(row) - (row == 0 ? 0 : FinishedBy(row - 1)));

    /// <summary>First row of tiles that contributes to map row <paramref name="row"/> or below.</summary>
    public abstract int FirstTileRow(int row);

    /// <summary>The map row behind the last that is final after this row of tiles.</summary>
    public abstract int FinishedBy(int tileRow);

    /// <summary>The map row behind the last that is final after a row of tiles, as an assembler for this blending has it.</summary>
    public static int FinishedBy(TilePlan plan, BlendMode blend, int tileRow) => blend == BlendMode.None ? (plan.Y.OwnedEnd(tileRow) + plan.Cell.Height - 1) / plan.Cell.Height
        : tileRow + 1 == plan.Y.Count ? plan.Scene.Height : Math.Clamp(plan.Y.Start(tileRow + 1), 0, plan.Scene.Height);

    /// <summary>Adds a tile.</summary>
    /// <param name="tile">Where it lies.</param>
    /// <param name="scores">[class, row, column] of the tile.</param>
    /// <param name="valid">[row, column] of the tile.</param>
    public abstract void Add(TileWindow tile, ReadOnlySpan<float> scores, ReadOnlySpan<byte> valid);

    /// <summary>Encodes finished rows and forgets them.</summary>
    /// <param name="first">The first of them.</param>
    /// <param name="rows">[row, band, column]; every byte is written.</param>
    public abstract void Finish(int first, Span<byte> rows);
}

/// <summary>Each pixel comes from the tile that owns it; a pixel may stand for a cell of several pixels of the scene.</summary>
internal sealed class CropAssembler : RowAssembler
{
    private readonly byte[] _rows;
    private readonly byte[] _missing;
    private readonly byte[] _cells;
    private readonly PixelSize _cell;
    private readonly PixelSize _grid;

    public CropAssembler(TilePlan plan, Panel panel, MapEncoder encoder) : base(plan, panel, encoder)
    {
        (_cell, _grid) = (plan.Cell, new PixelSize(Tile.Width / plan.X.Cell, Tile.Height / plan.Y.Cell));
        MostRows = FindMostRows();
        _cells = _cell.Area == 1 ? [] : new byte[_grid.Area];
        _rows = new byte[checked(MostRows * RowBytes)];
        _missing = new byte[RowBytes];
        encoder.Encode(new float[encoder.Bands * Width], Width, new byte[Width], _missing, Width, 0);
        Clear();
    }

    public override long Bytes => _rows.LongLength;

    public override int FirstTileRow(int row) => Enumerable.Range(0, Plan.Y.Count).First(index => FinishedBy(index) > row);

    public override int FinishedBy(int tileRow) => FinishedBy(Plan, BlendMode.None, tileRow);

    public override void Add(TileWindow tile, ReadOnlySpan<float> scores, ReadOnlySpan<byte> valid)
    {
        var cells = _cell.Area == 1 ? valid : Cells(valid);
        var (left, width) = ((tile.Own.X - tile.Read.X) / _cell.Width, (tile.Own.Width + _cell.Width - 1) / _cell.Width);
        for (var y = 0; y * _cell.Height < tile.Own.Height; y++)
        {
            var start = ((y + ((tile.Own.Y - tile.Read.Y) / _cell.Height)) * _grid.Width) + left;
            Encoder.Encode(scores[start..], (int)_grid.Area, cells.Slice(start, width), Row(y), Width, (tile.Own.X / _cell.Width) - Panel.MapX);
        }
    }

    // A cell has a value when at least half of its pixels have one.
    private Span<byte> Cells(ReadOnlySpan<byte> valid)
    {
        for (var row = 0; row < _grid.Height; row++)
        {
            for (var column = 0; column < _grid.Width; column++)
            {
                var count = 0;
                for (var y = 0; y < _cell.Height; y++)
                {
                    count += valid.Slice((((row * _cell.Height) + y) * Tile.Width) + (column * _cell.Width), _cell.Width).Count((byte)1);
                }

                _cells[(row * _grid.Width) + column] = 2 * count >= _cell.Area ? (byte)1 : (byte)0;
            }
        }

        return _cells;
    }

    public override void Finish(int first, Span<byte> rows)
    {
        // Rows above the first are those of an earlier run.
        var skipped = first - (Plan.Y.OwnedStart(FirstTileRow(first)) / _cell.Height);
        _rows.AsSpan(skipped * RowBytes, rows.Length).CopyTo(rows);
        Clear();
    }

    private Span<byte> Row(int index) => _rows.AsSpan(index * RowBytes, RowBytes);

    // Tiles without a valid pixel never arrive: their cells stay nodata.
    private void Clear()
    {
        for (var offset = 0; offset < _rows.Length; offset += RowBytes)
        {
            _missing.CopyTo(_rows.AsSpan(offset));
        }
    }
}

/// <summary>Each pixel is the sum of all tiles that cover it, with weights that sum to 1.</summary>
internal sealed class BlendAssembler : RowAssembler
{
    private readonly int _classes;
    private readonly float[] _sums;   // [row mod tile, class, column]
    private readonly byte[] _valid;   // [row mod tile, column]
    private readonly float[][] _columnWeights;
    private readonly float[] _rowWeights;
    private readonly float[] _weights;
    private readonly BlendMode _blend;
    private int _weighted = -1;
    private int _finished;

    /// <summary>An assembler.</summary>
    /// <param name="plan">The tiles.</param>
    /// <param name="panel">The columns that are wanted.</param>
    /// <param name="encoder">Encodes finished rows.</param>
    /// <param name="classes">Channels of the scores.</param>
    /// <param name="blend">Linear or cosine.</param>
    /// <param name="firstRow">The first row that is wanted.</param>
    public BlendAssembler(TilePlan plan, Panel panel, MapEncoder encoder, int classes, BlendMode blend, int firstRow) : base(plan, panel, encoder)
    {
        (_classes, _blend, _finished) = (classes, blend, firstRow);
        MostRows = FindMostRows();
        _sums = new float[checked(Tile.Height * classes * Width)];
        _valid = new byte[checked(Tile.Height * Width)];
        (_rowWeights, _weights) = (new float[Tile.Height], new float[Tile.Width]);
        _columnWeights = new float[panel.EndTile - panel.FirstTile][];
        for (var column = 0; column < _columnWeights.Length; column++)
        {
            _columnWeights[column] = new float[Tile.Width];
            plan.X.Weights(panel.FirstTile + column, blend, plan.X.Options.Margin, _columnWeights[column]);
        }
    }

    /// <summary>What becomes of finished sums, row by row; null leaves them as they are.</summary>
    public ScoreActivation? Activation { get; init; }

    public override long Bytes => (_sums.LongLength * sizeof(float)) + _valid.LongLength;

    public override int FirstTileRow(int row) => Enumerable.Range(0, Plan.Y.Count).First(index => Plan.Y.Start(index) + Tile.Height > row);

    public override int FinishedBy(int tileRow) => FinishedBy(Plan, _blend, tileRow);

    public override void Add(TileWindow tile, ReadOnlySpan<float> scores, ReadOnlySpan<byte> valid)
    {
        if (_weighted != tile.Row)
        {
            Plan.Y.Weights(tile.Row, _blend, Plan.Y.Options.Margin, _rowWeights);
            _weighted = tile.Row;
        }

        var left = Math.Max(Panel.X, tile.Read.X);
        var inside = new PixelWindow(left, tile.Read.Y, Math.Min(Panel.X + Width, tile.Read.Right) - left, Tile.Height).Within(Plan.Scene);
        var columns = _columnWeights[tile.Column - Panel.FirstTile].AsSpan(inside.X - tile.Read.X, inside.Width);
        var weights = _weights.AsSpan(0, inside.Width);
        for (var y = Math.Max(_finished, inside.Y); y < inside.Bottom; y++)
        {
            var rowWeight = _rowWeights[y - tile.Read.Y];
            TensorPrimitives.Multiply(columns, rowWeight, weights);

            var start = ((y - tile.Read.Y) * Tile.Width) + inside.X - tile.Read.X;
            valid.Slice(start, inside.Width).CopyTo(_valid.AsSpan((y % Tile.Height * Width) + inside.X - Panel.X, inside.Width));
            for (var k = 0; k < _classes; k++)
            {
                Accumulate(scores.Slice((k * Tile.Width * Tile.Height) + start, inside.Width), weights, Sums(y).Slice((k * Width) + inside.X - Panel.X, inside.Width));
            }
        }
    }

    public override void Finish(int first, Span<byte> rows)
    {
        for (var offset = 0; offset < rows.Length; offset += RowBytes)
        {
            var y = first + (offset / RowBytes);
            var valid = _valid.AsSpan(y % Tile.Height * Width, Width);
            Activation?.Apply(Sums(y));
            Encoder.Encode(Sums(y), Width, valid, rows.Slice(offset, RowBytes), Width, 0);
            Sums(y).Clear();
            valid.Clear();
            _finished = y + 1;
        }
    }

    private Span<float> Sums(int y) => _sums.AsSpan(y % Tile.Height * _classes * Width, _classes * Width);

    // A weight of 0 adds nothing, also where the score is not finite: a cut margin may hold anything.
    private static void Accumulate(ReadOnlySpan<float> scores, ReadOnlySpan<float> weights, Span<float> sums)
    {
        var s = MemoryMarshal.Cast<float, Vector<float>>(scores);
        var w = MemoryMarshal.Cast<float, Vector<float>>(weights);
        var t = MemoryMarshal.Cast<float, Vector<float>>(sums);
        for (var i = 0; i < s.Length; i++)
        {
            t[i] += Vector.ConditionalSelect(Vector.Equals(w[i], Vector<float>.Zero), Vector<float>.Zero, s[i] * w[i]);
        }

        for (var i = s.Length * Vector<float>.Count; i < scores.Length; i++)
        {
            sums[i] += weights[i] == 0 ? 0 : scores[i] * weights[i];
        }
    }
}
