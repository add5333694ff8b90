using System.Buffers;
using System.Runtime.InteropServices;
using EoOnnx.Raster;
using EoOnnx.Runtime;

namespace EoOnnx.Native;

/// <summary>What an array is, as C code states it and gets it: grid, type and names.</summary>
internal sealed record ArrayDescription(
    RasterType Type, int Bands, int Height, int Width, double? NoData = null, double[]? Transform = null, string? Projection = null, string[]? BandNames = null, string[]? Classes = null)
{
    /// <summary>The description of a map.</summary>
    public static ArrayDescription Of(RasterProfile map) => new(
        map.Type, map.BandCount, map.Size.Height, map.Size.Width, map.NoData, Numbers(map.Transform), map.Projection.Length > 0 ? map.Projection : null, [.. map.BandNames], map.CategoryNames.Count > 0 ? [.. map.CategoryNames] : null);

    private static double[]? Numbers(GeoTransform? grid) => grid is { } place ? [place.OriginX, place.PixelWidth, place.RowRotation, place.OriginY, place.ColumnRotation, place.PixelHeight] : null;

    /// <summary>The same for the pipeline.</summary>
    /// <exception cref="ArgumentException">The transform has not six numbers.</exception>
    public RasterProfile ToProfile() => new()
    {
        Size = new PixelSize(Width, Height), BandCount = Bands, Type = Type, NoData = NoData, Projection = Projection ?? "", BandNames = BandNames ?? [],
        Transform = Transform switch
        {
            null => null,
            [var x, var width, var rowRotation, var y, var columnRotation, var height] => new GeoTransform(x, width, rowRotation, y, columnRotation, height),
            var other => throw new ArgumentException($"\"transform\" has {other.Length} numbers; expected the six of GDAL."),
        },
    };
}

/// <summary>Maps arrays of C code in place.</summary>
internal static unsafe class NativeArrays
{
    /// <summary>Maps an array.</summary>
    /// <param name="pipeline">The pipeline.</param>
    /// <param name="pixels">[band, row, column]; stays the caller's.</param>
    /// <param name="bytes">How many bytes they are.</param>
    /// <param name="description">What they are.</param>
    /// <param name="options">How.</param>
    /// <param name="progress">Told about every batch; may end the run.</param>
    /// <exception cref="ArgumentException">The array is NULL, or has another length than its description says.</exception>
    public static SceneMap Map(ScenePipeline pipeline, void* pixels, long bytes, ArrayDescription description, SceneOptions options, NativeProgress progress) => description.Type switch
    {
        RasterType.Byte => Map<byte>(pipeline, pixels, bytes, description, options, progress),
        RasterType.UInt16 => Map<ushort>(pipeline, pixels, bytes, description, options, progress),
        RasterType.Int16 => Map<short>(pipeline, pixels, bytes, description, options, progress),
        RasterType.Float32 => Map<float>(pipeline, pixels, bytes, description, options, progress),
        var other => throw new ArgumentException($"Arrays of the type {other} are not mapped; expected byte, uInt16, int16 or float32."),
    };

    /// <summary>The bytes of a map in memory of C.</summary>
    public static void* Copy(SceneMap map)
    {
        var bytes = map.Profile.Type switch
        {
            RasterType.Byte => map.Pixels<byte>(),
            RasterType.UInt16 => MemoryMarshal.AsBytes(map.Pixels<ushort>()),
            _ => MemoryMarshal.AsBytes(map.Pixels<float>()),
        };
        var copy = NativeMemory.Alloc((nuint)bytes.Length);
        bytes.CopyTo(new Span<byte>(copy, bytes.Length));
        return copy;
    }

    private static SceneMap Map<T>(ScenePipeline pipeline, void* pixels, long bytes, ArrayDescription description, SceneOptions options, NativeProgress progress) where T : unmanaged
    {
        var profile = description.ToProfile();
        var expected = (Int128)description.Bands * description.Height * description.Width * sizeof(T);
        if (pixels is null || description.Bands < 1 || description.Height < 1 || description.Width < 1 || bytes != expected || expected / sizeof(T) > int.MaxValue)
        {
            throw new ArgumentException($"The array is {(pixels is null ? "NULL" : $"{bytes} bytes")}; {description.Bands} bands of {description.Height} rows and {description.Width} columns of {description.Type} are {expected} bytes, of at most {int.MaxValue} elements.");
        }

        using var memory = new ForeignMemory<T>((T*)pixels, (int)(bytes / sizeof(T)));
        return pipeline.MapAsync<T>(memory.Memory, profile, options, progress, progress.Cancellation).GetAwaiter().GetResult();
    }

    /// <summary>Memory that C code keeps where it is.</summary>
    private sealed class ForeignMemory<T>(T* start, int length) : MemoryManager<T> where T : unmanaged
    {
        public override Span<T> GetSpan() => new(start, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(start + elementIndex);

        public override void Unpin()
        {
            // It does not move.
        }

        protected override void Dispose(bool disposing)
        {
            // It is not ours.
        }
    }
}
