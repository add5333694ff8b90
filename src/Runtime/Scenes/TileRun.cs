using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// A prepared run of a model over some tiles, from and into fixed memory. Scores of a model that answers for the middle of its tile
/// only are put there; what lies around keeps whatever it holds, and weighs nothing. Owns its binding, borrows the memory.
/// </summary>
/// <param name="binding">The run.</param>
/// <param name="raw">What the model writes, [tile, class, row, column] of its own size; empty when it writes the scores themselves.</param>
/// <param name="scores">[tile, class, row, column] of whole tiles.</param>
/// <param name="part">Size of what the model answers for.</param>
/// <param name="tile">Size of a tile.</param>
internal sealed class TileRun(EoModelBinding binding, Memory<float> raw, Memory<float> scores, PixelSize part, PixelSize tile) : IDisposable
{
    /// <summary>Runs the model once.</summary>
    /// <exception cref="ModelException">ONNX Runtime refuses shapes or values.</exception>
    public void Run(CancellationToken cancellation)
    {
        binding.Run(cancellation);
        if (raw.IsEmpty)
        {
            return;
        }

        // Of an odd border the smaller half is before.
        var (left, top) = ((tile.Width - part.Width) / 2, (tile.Height - part.Height) / 2);
        var source = raw.Span;
        var destination = scores.Span;
        for (var row = 0; row * part.Width < source.Length; row++)
        {
            var (plane, y) = (row / part.Height, row % part.Height);
            source.Slice(row * part.Width, part.Width).CopyTo(destination[((((plane * tile.Height) + top + y) * tile.Width) + left)..]);
        }
    }

    public void Dispose() => binding.Dispose();
}
