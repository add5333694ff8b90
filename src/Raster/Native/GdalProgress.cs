using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>Lets a cancellation token end a long call of GDAL, and gives freed memory back on its way. Owns the handle that keeps the token alive for the call.</summary>
internal sealed unsafe class GdalProgress : IDisposable
{
    private const double TrimInterval = 0.02;
    private GCHandle<GdalProgress> _self;
    private readonly CancellationToken _cancellation;
    private double _trimmed;

    public GdalProgress(CancellationToken cancellation)
    {
        _cancellation = cancellation;
        _self = new GCHandle<GdalProgress>(this);
    }

    /// <summary>GDALProgressFunc: 1 to go on, 0 to stop.</summary>
    public static delegate* unmanaged<double, byte*, void*, int> Callback => &Report;

    public void* Data => (void*)GCHandle<GdalProgress>.ToIntPtr(_self);

    public void Dispose() => _self.Dispose();

    [UnmanagedCallersOnly]
    private static int Report(double done, byte* message, void* data)
    {
        var progress = GCHandle<GdalProgress>.FromIntPtr((nint)data).Target;
        if (done - progress._trimmed >= TrimInterval)
        {
            progress._trimmed = done;
            NativeHeap.Trim();
        }

        return progress._cancellation.IsCancellationRequested ? 0 : 1;
    }
}
