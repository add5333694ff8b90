using System.Runtime.InteropServices;
using System.Text.Json;
using EoOnnx.Runtime;

namespace EoOnnx.Native;

/// <summary>The functions of <c>eoonnx.h</c>, which documents them. No exception crosses this border.</summary>
internal static unsafe class Exports
{
    private const int AbiVersion = 1;
    private static readonly HandleTable<EoModel> Models = new();
    private static readonly HandleTable<EoAdapter> Adapters = new();
    private static readonly nint VersionText = Marshal.StringToCoTaskMemUTF8(typeof(EoModel).Assembly.GetName().Version?.ToString(3) ?? "0");

    static Exports() => OnnxRuntimeLibrary.Register();

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_abi_version")]
    public static int AbiVersionOf() => AbiVersion;

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_version")]
    public static nint Version() => VersionText;

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_last_error")]
    public static nint Error() => LastError.Text;

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_model_open")]
    public static nint OpenModel(nint path, nint options) => Pointer(() => Models.Add(EoModel.Load(Text(path, "path"), ModelOptions.Parse(Optional(options)))));

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_model_close")]
    public static int CloseModel(nint model) => Guard(() => Models.Close(model));

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_model_manifest")]
    public static nint Manifest(nint model) => Pointer(() =>
    {
        using var lease = Models.Use(model);
        return Marshal.StringToCoTaskMemUTF8(lease.Value.Manifest.ToJson());
    });

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_adapter_load")]
    public static nint LoadAdapter(nint model, nint path) => Pointer(() =>
    {
        var lease = Models.Use(model);
        try
        {
            return Adapters.Add(lease.Value.LoadAdapter(Text(path, "path")), parent: lease);
        }
        catch
        {
            lease.Dispose();
            throw;
        }
    });

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_adapter_close")]
    public static int CloseAdapter(nint adapter) => Guard(() => Adapters.Close(adapter));

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_run_scene")]
    public static int RunScene(
        nint model, nint adapter, nint scene, nint map, nint options, delegate* unmanaged<byte*, long, long, double, void*, int> progress, void* userData, nint* report)
    {
        if (report is not null)
        {
            *report = 0;
        }

        return Guard(() =>
        {
            using var used = Models.Use(model);
            using var adapted = adapter == 0 ? null : Adapters.Use(adapter);
            using var source = Scene.Open(used.Value, new SceneRequest { Sources = [Text(scene, "scene")] }, RunOptions.Parse(Optional(options), adapted?.Value));
            using var callback = new NativeProgress(progress, userData);
            var done = new ScenePipeline(used.Value).RunAsync(source, Text(map, "map"), callback, callback.Cancellation).GetAwaiter().GetResult();
            if (report is not null)
            {
                *report = Marshal.StringToCoTaskMemUTF8(done.ToJson());
            }
        });
    }

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_run_array")]
    public static int RunArray(
        nint model, nint adapter, void* pixels, long pixelBytes, nint image, nint options, delegate* unmanaged<byte*, long, long, double, void*, int> progress, void* userData, void** map, nint* mapDescription, nint* report)
    {
        foreach (var result in (nint[])[(nint)map, (nint)mapDescription, (nint)report])
        {
            if (result != 0)
            {
                *(nint*)result = 0;
            }
        }

        return Guard(() =>
        {
            if (map is null)
            {
                throw new ArgumentException("'map' is NULL; expected where the map's pixels go.");
            }

            using var used = Models.Use(model);
            using var adapted = adapter == 0 ? null : Adapters.Use(adapter);
            using var callback = new NativeProgress(progress, userData);
            var description = OptionsJson.Read(Text(image, "image_json"), OptionsJson.Default.ArrayDescription)!;
            var done = NativeArrays.Map(new ScenePipeline(used.Value), pixels, pixelBytes, description, RunOptions.Parse(Optional(options), adapted?.Value), callback);
            *map = NativeArrays.Copy(done);
            if (mapDescription is not null)
            {
                *mapDescription = Marshal.StringToCoTaskMemUTF8(JsonSerializer.Serialize(ArrayDescription.Of(done.Profile), OptionsJson.Default.ArrayDescription));
            }

            if (report is not null)
            {
                *report = Marshal.StringToCoTaskMemUTF8(done.Report.ToJson());
            }
        });
    }

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_array_free")]
    public static void FreeArray(void* pixels) => NativeMemory.Free(pixels);

    [UnmanagedCallersOnly(EntryPoint = "eoonnx_string_free")]
    public static void FreeString(nint text) => Marshal.FreeCoTaskMem(text);

    private static int Guard(Action work)
    {
        try
        {
            work();
            return (int)Status.Ok;
        }
        // Nothing may cross the border to C: what is not foreseen is reported like every other failure.
        catch (Exception failure)
        {
            // A library that cannot be loaded hides in the failure of a type that needs it.
            LastError.Set(failure is TypeInitializationException ? failure.GetBaseException().Message : failure.Message);
            return (int)(failure switch
            {
                OperationCanceledException => Status.Cancelled,
                InvalidHandleException => Status.InvalidHandle,
                ArgumentException => Status.InvalidArgument,
                _ => Status.Failed,
            });
        }
    }

    private static nint Pointer(Func<nint> work)
    {
        nint result = 0;
        _ = Guard(() => result = work());
        return result;
    }

    private static string Text(nint text, string name) => Marshal.PtrToStringUTF8(text) is { Length: > 0 } value ? value
        : throw new ArgumentException($"'{name}' is NULL or empty; expected a path in UTF-8.");

    private static string? Optional(nint text) => Marshal.PtrToStringUTF8(text);
}
