namespace EoOnnx.Runtime;

/// <summary>
/// A prepared run of a model over some tiles, from and into fixed memory. Scores of a model that answers for the middle of its tile
/// only are put there; what lies around keeps whatever it holds, and weighs nothing. Owns its binding, borrows the memory.
/// </summary>
/// <param name="binding">The run.</param>
/// <param name="raw">What the model writes, [tile, class, row, column] of its own size; empty when it writes the scores themselves.</param>
/// <param name="scores">[tile, class, row, column] of whole tiles.</param>
/// <param name="rawEdge">Edge of what the model answers for.</param>
/// <param name="edge">Edge of a tile.</param>
internal sealed class TileRun(EoModelBinding binding, Memory<float> raw, Memory<float> scores, int rawEdge, int edge) : IDisposable
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
        var before = (edge - rawEdge) / 2;
        var source = raw.Span;
        var destination = scores.Span;
        for (var row = 0; row * rawEdge < source.Length; row++)
        {
            var (plane, y) = (row / rawEdge, row % rawEdge);
            source.Slice(row * rawEdge, rawEdge).CopyTo(destination[((((plane * edge) + before + y) * edge) + before)..]);
        }
    }

    public void Dispose() => binding.Dispose();
}
