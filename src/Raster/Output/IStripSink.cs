namespace EoOnnx.Raster;

/// <summary>Takes finished rows of a map from top to bottom and completes the file at the end.</summary>
public interface IStripSink : IDisposable
{
    /// <summary>Rows that are already stored from an earlier, interrupted run: the next row to write.</summary>
    int FirstMissingRow { get; }

    /// <summary>Stores the next rows durably.</summary>
    /// <param name="firstRow">Must be the next missing row.</param>
    /// <param name="rows">[row, band, column] in the sink's pixel type, little-endian: band-interleaved by line.</param>
    void Write(int firstRow, ReadOnlySpan<byte> rows);

    /// <summary>Reads rows that are already stored.</summary>
    /// <param name="firstRow">The first of them.</param>
    /// <param name="rows">[row, band, column], as they were written; all of it must be stored.</param>
    void Read(int firstRow, Span<byte> rows);

    /// <summary>Completes the output under its final name.</summary>
    /// <param name="cancellation">Ends the work; what is stored stays.</param>
    void Complete(CancellationToken cancellation = default);
}
