using System.Runtime.InteropServices;
using EoOnnx.Runtime;

namespace EoOnnx.Native;

/// <summary>Hands progress to a C function and its wish to stop to the run. Calls never overlap.</summary>
internal sealed unsafe class NativeProgress(delegate* unmanaged<byte*, long, long, double, void*, int> callback, void* userData) : IProgress<SceneProgress>, IDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();

    /// <summary>Signalled when the C function returned another value than 0.</summary>
    public CancellationToken Cancellation => _stop.Token;

    /// <inheritdoc/>
    public void Report(SceneProgress value)
    {
        if (callback is null)
        {
            return;
        }

        var stage = Marshal.StringToCoTaskMemUTF8(value.Stage);
        try
        {
            lock (_gate)
            {
                if (!_stop.IsCancellationRequested && callback((byte*)stage, value.Tiles, value.TileCount, value.PixelsPerSecond, userData) != 0)
                {
                    _stop.Cancel();
                }
            }
        }
        finally
        {
            Marshal.FreeCoTaskMem(stage);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();
}
