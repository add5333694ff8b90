using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>Lets a cancellation token end a long call of GDAL. Owns the handle that keeps the token alive for the call.</summary>
internal sealed unsafe class GdalProgress : IDisposable
{
    private GCHandle<GdalProgress> _self;
    private readonly CancellationToken _cancellation;

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
    private static int Report(double done, byte* message, void* data) =>
        GCHandle<GdalProgress>.FromIntPtr((nint)data).Target._cancellation.IsCancellationRequested ? 0 : 1;
}
