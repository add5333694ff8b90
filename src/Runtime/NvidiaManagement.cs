using System.Runtime.InteropServices;

namespace EoOnnx.Runtime;

/// <summary>What NVIDIA's management library (NVML), a part of the driver, says about one GPU. Source: NVML API Reference.</summary>
internal sealed unsafe class NvidiaManagement
{
    private const string DriverLibrary = "libnvidia-ml.so.1";
    private readonly delegate* unmanaged<nint, ulong*, int> _energy;
    private readonly delegate* unmanaged<nint, Memory*, int> _memory;
    private readonly nint _device;

    private NvidiaManagement(nint device, nint energy, nint memory)
    {
        _device = device;
        _energy = (delegate* unmanaged<nint, ulong*, int>)energy;
        _memory = (delegate* unmanaged<nint, Memory*, int>)memory;
    }

    /// <summary>Finds the GPU of a device; null for the processor, without a driver, and when the library does not know the GPU.</summary>
    /// <param name="device">Where a model runs.</param>
    /// <param name="libraryName">The library; another one in tests.</param>
    public static NvidiaManagement? Find(Device device, string libraryName = DriverLibrary)
    {
        // The library stays loaded, as drivers' libraries do.
        if (device.Kind != DeviceKind.Cuda || Number(device.Index) is not { } number || !NativeLibrary.TryLoad(libraryName, out var library)
            || !NativeLibrary.TryGetExport(library, "nvmlInit_v2", out var start) || !NativeLibrary.TryGetExport(library, "nvmlDeviceGetHandleByIndex_v2", out var find)
            || !NativeLibrary.TryGetExport(library, "nvmlDeviceGetTotalEnergyConsumption", out var energy) || !NativeLibrary.TryGetExport(library, "nvmlDeviceGetMemoryInfo", out var memory))
        {
            return null;
        }

        nint handle;
        return ((delegate* unmanaged<int>)start)() == 0 && ((delegate* unmanaged<uint, nint*, int>)find)(number, &handle) == 0 ? new NvidiaManagement(handle, energy, memory) : null;
    }

    /// <summary>Joules since the driver was loaded; null on GPUs before Volta, which do not count them.</summary>
    public double? Joules()
    {
        ulong millijoules;
        return _energy(_device, &millijoules) == 0 ? millijoules / 1e3 : null;
    }

    /// <summary>Bytes of the GPU's memory that all processes use.</summary>
    public long? UsedBytes()
    {
        Memory memory;
        return _memory(_device, &memory) == 0 ? checked((long)memory.Used) : null;
    }

    // CUDA counts the GPUs that it is shown, NVML all. Names (GPU-…) are not followed.
    private static uint? Number(int index) => Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES") is not { Length: > 0 } shown ? (uint)index
        : shown.Split(',').ElementAtOrDefault(index) is { } text && uint.TryParse(text, out var number) ? number : null;

    [StructLayout(LayoutKind.Sequential)]
    private struct Memory
    {
        public ulong Total, Free, Used;
    }
}
