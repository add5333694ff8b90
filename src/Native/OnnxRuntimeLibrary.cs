using System.Reflection;
using System.Runtime.InteropServices;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Native;

/// <summary>Finds ONNX Runtime beside this library; by itself it would look beside the program that hosts it, say Python or QGIS.</summary>
internal static class OnnxRuntimeLibrary
{
    private static readonly string Name =
        OperatingSystem.IsWindows() ? "onnxruntime.dll" : OperatingSystem.IsMacOS() ? "libonnxruntime.dylib" : "libonnxruntime.so";

    /// <summary>To be called once, before anything of ONNX Runtime is used.</summary>
    public static void Register()
    {
        OrtEnv.DisableDllImportResolver = true;
        NativeLibrary.SetDllImportResolver(typeof(OrtEnv).Assembly, Resolve);
    }

    // The run path in this library's header ($ORIGIN, see the project) makes the bare name mean the file beside it.
    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? path) =>
        name.Contains("onnxruntime", StringComparison.Ordinal) && NativeLibrary.TryLoad(Name, out var library) ? library : 0;
}
