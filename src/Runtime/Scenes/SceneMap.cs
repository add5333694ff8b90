using System.Runtime.InteropServices;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A map in memory: pixels, what they mean, and what was done.</summary>
public sealed class SceneMap
{
    private readonly ReadOnlyMemory<byte> _pixels;

    internal SceneMap(RasterProfile profile, ReadOnlyMemory<byte> pixels, SceneReport report) => (Profile, _pixels, Report) = (profile, pixels, report);

    /// <summary>Grid, pixel type, nodata value, band names, classes and colours.</summary>
    public RasterProfile Profile { get; }

    /// <summary>What was done; <see cref="SceneReport.Map"/> is empty.</summary>
    public SceneReport Report { get; }

    /// <summary>All pixels, [band, row, column]; nothing is copied.</summary>
    /// <typeparam name="T">The type of <see cref="RasterProfile.Type"/>: <c>byte</c> or <c>ushort</c> for classes, <c>byte</c> for probabilities, <c>float</c> for values.</typeparam>
    /// <exception cref="RasterException">The map has another type.</exception>
    public ReadOnlySpan<T> Pixels<T>() where T : unmanaged => RasterTypes.Of<T>() == Profile.Type ? MemoryMarshal.Cast<byte, T>(_pixels.Span)
        : throw new RasterException($"The map holds {Profile.Type}; {RasterTypes.Of<T>()} was asked for. SceneMap.Profile.Type names the type.");

    /// <summary>One band, [row, column]; nothing is copied.</summary>
    /// <param name="band">From 1, as in <see cref="RasterProfile.BandNames"/>.</param>
    /// <exception cref="RasterException">The map has another type.</exception>
    /// <exception cref="ArgumentOutOfRangeException">There is no such band.</exception>
    public ReadOnlySpan<T> Band<T>(int band) where T : unmanaged
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(band, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(band, Profile.BandCount);
        var area = Profile.Size.Width * Profile.Size.Height;
        return Pixels<T>().Slice((band - 1) * area, area);
    }
}
