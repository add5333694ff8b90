namespace EoOnnx.Raster;

/// <summary>Takes finished rows of a map from top to bottom and completes the file at the end.</summary>
public interface IStripSink : IDisposable
{
    /// <summary>Rows that are already stored from an earlier, interrupted run: the next row to write.</summary>
    int FirstMissingRow { get; }

    /// <summary>The first row that is stored here: 0, unless others store those above it.</summary>
    int FirstRow => 0;

    /// <summary>The row behind the last that is stored here; null for all rows of the map.</summary>
    int? EndRow => null;

    /// <summary>Stores the next rows durably.</summary>
    /// <param name="firstRow">Must be the next missing row.</param>
    /// <param name="rows">[row, band, column] in the sink's pixel type, little-endian: band-interleaved by line.</param>
    void Write(int firstRow, ReadOnlySpan<byte> rows);

    /// <summary>First column of the panel that <see cref="FirstMissingRow"/> belongs to; the width of the map when it is complete.</summary>
    int FirstMissingColumn { get; }

    /// <summary>Columns of the first panel in which rows are stored; null when there are none.</summary>
    int? PanelWidth { get; }

    /// <summary>Stores the next rows of a panel, a range of columns. Panels go from left to right, each from top to bottom.</summary>
    /// <param name="firstRow">Must be the next missing row.</param>
    /// <param name="column">First column of the panel.</param>
    /// <param name="columns">Columns of the panel.</param>
    /// <param name="rows">[row, band, column] of the panel.</param>
    void Write(int firstRow, int column, int columns, ReadOnlySpan<byte> rows);

    /// <summary>Reads rows that are already stored.</summary>
    /// <param name="firstRow">The first of them.</param>
    /// <param name="rows">[row, band, column], as they were written; all of it must be stored.</param>
    void Read(int firstRow, Span<byte> rows);

    /// <summary>Reads rows of a panel that are already stored.</summary>
    /// <param name="firstRow">The first of them.</param>
    /// <param name="column">First column of the panel they were written in.</param>
    /// <param name="columns">Columns of that panel.</param>
    /// <param name="rows">[row, band, column], as they were written; all of it must be stored.</param>
    void Read(int firstRow, int column, int columns, Span<byte> rows);

    /// <summary>Puts other rows into the place of those that are stored. All rows must be stored; a later run finds them as they were until the output is complete.</summary>
    /// <param name="rewrite">Gets what takes the new rows, all of them and in order; the stored ones can be read meanwhile.</param>
    void Replace(Action<RowWriter> rewrite);

    /// <summary>Completes the output under its final name.</summary>
    /// <param name="cancellation">Ends the work; what is stored stays.</param>
    void Complete(CancellationToken cancellation = default);
}
