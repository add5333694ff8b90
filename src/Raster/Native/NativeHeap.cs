using System.Runtime.InteropServices;

namespace EoOnnx.Raster.Native;

/// <summary>
/// The C library's heap. Blocks that GDAL frees stay with the thread's arena that they came from and are not found by other threads, so
/// that stages on other threads pile up memory which none of them uses; GNU's library gives it back when asked.
/// </summary>
internal static partial class NativeHeap
{
    private static readonly Lazy<bool> Trimmable = new(() => OperatingSystem.IsLinux() && NativeLibrary.TryLoad("libc.so.6", out var library) && NativeLibrary.TryGetExport(library, "malloc_trim", out _));

    /// <summary>Gives freed memory back to the system, where the C library can.</summary>
    internal static void Trim()
    {
        if (Trimmable.Value)
        {
            _ = MallocTrim(0);
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "malloc_trim")]
    private static partial int MallocTrim(nuint pad);
}
