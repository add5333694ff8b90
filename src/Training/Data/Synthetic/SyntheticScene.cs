using System.Globalization;
using EoOnnx.Raster;

namespace EoOnnx.Training.Data.Synthetic;

/// <summary>
/// An invented but plausible satellite scene with burn scars, and its truth: fractal terrain, water, forest, grass, fields, clouds with
/// shadows, in six HLS-like bands. For demonstrations, tests and benchmarks; it is no substitute for real data.
/// </summary>
public sealed class SyntheticScene
{
    /// <summary>Truth of ground that no fire touched.</summary>
    public const byte Unburned = 0;

    /// <summary>Truth of ground that has burned.</summary>
    public const byte Burned = 1;

    /// <summary>Truth of ground that an opaque cloud hides.</summary>
    public const byte Unknown = 255;

    /// <summary>Stored value of reflectance 1.</summary>
    public const int Quantification = 10_000;

    internal SyntheticScene(SyntheticSceneOptions options, ushort[] pixels, byte[] truth, byte[] landCover) =>
        (Options, Pixels, Truth, LandCover) = (options, pixels, truth, landCover);

    /// <summary>Band names in order.</summary>
    public static IReadOnlyList<string> BandNames { get; } = ["BLUE", "GREEN", "RED", "NIR_NARROW", "SWIR_1", "SWIR_2"];

    /// <summary>Centre wavelengths of the bands in micrometres.</summary>
    public static IReadOnlyList<double> WavelengthsMicrometres { get; } = [0.49, 0.56, 0.665, 0.864, 1.61, 2.2];

    /// <summary>Names of the truth's classes by value.</summary>
    public static IReadOnlyList<string> ClassNames { get; } = ["unburned", "burned"];

    /// <summary>Names of the land cover's classes by value.</summary>
    public static IReadOnlyList<string> LandCoverNames { get; } = ["forest", "green vegetation", "dry vegetation", "bare soil", "rock", "water", "cloud", "cloud shadow"];

    /// <summary>What it was made from.</summary>
    public SyntheticSceneOptions Options { get; }

    /// <summary>[band, row, column]: surface reflectance times <see cref="Quantification"/>.</summary>
    public ReadOnlyMemory<ushort> Pixels { get; }

    /// <summary>[row, column]: <see cref="Unburned"/>, <see cref="Burned"/> or <see cref="Unknown"/>.</summary>
    public ReadOnlyMemory<byte> Truth { get; }

    /// <summary>[row, column]: what covered the ground before the fire, or the cloud or shadow over it; indices of <see cref="LandCoverNames"/>.</summary>
    public ReadOnlyMemory<byte> LandCover { get; }

    /// <summary>Makes a scene. The same options give the same pixels, whatever the number of threads.</summary>
    public static SyntheticScene Create(SyntheticSceneOptions options) => new SyntheticLandscape(options).Render();

    /// <summary>Writes the bands as GeoTIFF in UTM zone 33 north.</summary>
    /// <exception cref="RasterException">GDAL cannot write; nothing is left behind.</exception>
    public void WritePixels(string path) => GeoTiffWriter.Write(path, Profile() with { Type = RasterType.UInt16, BandCount = Spectra.Bands, BandNames = BandNames }, Pixels.Span);

    /// <summary>Writes the truth as GeoTIFF on the same grid; <see cref="Unknown"/> is its nodata value.</summary>
    /// <exception cref="RasterException">GDAL cannot write; nothing is left behind.</exception>
    public void WriteTruth(string path) => GeoTiffWriter.Write(path, Profile() with { NoData = Unknown, CategoryNames = ClassNames }, Truth.Span);

    /// <summary>Writes the land cover as GeoTIFF on the same grid.</summary>
    /// <exception cref="RasterException">GDAL cannot write; nothing is left behind.</exception>
    public void WriteLandCover(string path) => GeoTiffWriter.Write(path, Profile() with { CategoryNames = LandCoverNames }, LandCover.Span);

    /// <summary>
    /// Cuts the scene into square chips with their truth: <c>images/chip_ROW_COLUMN.tif</c> and <c>labels/chip_ROW_COLUMN.tif</c>.
    /// Pixels beyond the last whole chip are left out.
    /// </summary>
    /// <param name="folder">Where the two folders are made.</param>
    /// <param name="chip">Edge of a chip in pixels.</param>
    /// <param name="labels">[row, column] classes to write; <see cref="Truth"/> or <see cref="LandCover"/>.</param>
    /// <returns>Number of chips.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A chip is smaller than 16 pixels or larger than the scene.</exception>
    public int WriteChips(string folder, int chip, ReadOnlyMemory<byte> labels)
    {
        if (chip < 16 || chip > Options.Size)
        {
            throw new ArgumentOutOfRangeException(nameof(chip), chip, $"A chip of {chip} pixels cannot be cut from a scene of {Options.Size}; 16 to {Options.Size} can.");
        }

        var (images, truths) = (Directory.CreateDirectory(Path.Combine(folder, "images")).FullName, Directory.CreateDirectory(Path.Combine(folder, "labels")).FullName);
        var side = Options.Size / chip;
        for (var row = 0; row < side; row++)
        {
            for (var column = 0; column < side; column++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"chip_{row:D2}_{column:D2}.tif");
                var profile = Profile();
                profile = profile with { Size = new PixelSize(chip, chip), Transform = profile.Transform!.Value.Moved(column * chip, row * chip) };
                GeoTiffWriter.Write(
                    Path.Combine(images, name), profile with { Type = RasterType.UInt16, BandCount = Spectra.Bands, BandNames = BandNames },
                    Cut(Pixels.Span, Spectra.Bands, row * chip, column * chip, chip));
                GeoTiffWriter.Write(Path.Combine(truths, name), profile with { NoData = Unknown }, Cut(labels.Span, 1, row * chip, column * chip, chip));
            }
        }

        return side * side;
    }

    private ReadOnlySpan<T> Cut<T>(ReadOnlySpan<T> pixels, int bands, int top, int left, int chip)
    {
        var (cut, size) = (new T[bands * chip * chip], Options.Size);
        for (var line = 0; line < bands * chip; line++)
        {
            var (band, row) = (line / chip, line % chip);
            pixels.Slice((((band * size) + top + row) * size) + left, chip).CopyTo(cut.AsSpan(line * chip));
        }

        return cut;
    }

    private RasterProfile Profile() => new()
    {
        Size = new PixelSize(Options.Size, Options.Size),
        Type = RasterType.Byte,
        Transform = new GeoTransform(399_960, Options.GroundResolutionMetres, 0, 4_800_000, 0, -Options.GroundResolutionMetres),
        Projection = "EPSG:32633",
        Metadata = new Dictionary<string, string> { ["EOONNX_SYNTHETIC"] = Options.ToString() },
    };
}
