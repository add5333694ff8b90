using CsCheck;
using EoOnnx.Raster.Native;
using EoOnnx.Tests;

namespace EoOnnx.Raster.Tests;

[Collection(OpenHandles.Name)]
public sealed class RasterReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-raster-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Windows_of_a_real_scene_equal_the_same_part_of_the_whole()
    {
        using var chip = RasterDataset.Open(SharedData.Require(Path.Combine(SharedData.Data, "terramesh", "S2L2A", "38D_378R_2_3.tif")));
        using var reader = chip.OpenReader();
        var (width, height) = chip.Size;
        int[] bands = [4, 3, 12];
        var whole = new float[width * height * bands.Length];
        reader.Read(new PixelWindow(0, 0, width, height), bands, whole);
        Gen.Select(Gen.Int[0, width - 1], Gen.Int[0, height - 1], Gen.Int[1, 80], Gen.Int[1, 80]).Sample((x, y, w, h) =>
        {
            var window = new PixelWindow(x, y, w, h).Within(chip.Size);
            var part = new float[window.Area * bands.Length];
            lock (reader)
            {
                reader.Read(window, bands, part);
            }

            for (var i = 0; i < part.Length; i++)
            {
                var (band, row, column) = (i / (int)window.Area, i % (int)window.Area / window.Width, i % window.Width);
                Assert.Equal(whole[(((band * height) + window.Y + row) * width) + window.X + column], part[i]);
            }
        }, iter: 50);
    }

    [Fact]
    public void A_chip_of_twelve_bands_states_its_grid_and_types()
    {
        using var chip = RasterDataset.Open(SharedData.Require(Path.Combine(SharedData.Data, "terramesh", "S2L2A", "38D_378R_2_3.tif")));
        Assert.Equal(12, chip.Bands.Count);
        Assert.Equal(10, chip.Transform!.Value.PixelWidth, 3);
        Assert.Contains("UTM", chip.Projection, StringComparison.Ordinal);
        Assert.False(SpatialReference.IsGeographic(chip.Projection));
    }

    [Fact]
    public void An_unusual_coordinate_reference_system_survives_reading()
    {
        using var mask = RasterDataset.Open(SharedData.Require(Path.Combine(SharedData.Data, "hls", "burn_mask_512.tif")));
        Assert.NotEmpty(mask.Projection);
        Assert.Equal(new PixelSize(512, 512), mask.Size);
    }

    [Fact]
    public void A_file_that_is_not_a_raster_is_refused_with_its_name_and_no_handle_left()
    {
        var before = RasterDataset.OpenHandles;
        var path = Path.Combine(_folder, "not-a-raster.tif");
        File.WriteAllText(path, "hello");
        Assert.Contains("not-a-raster.tif", Assert.Throws<RasterException>(() => RasterDataset.Open(path)).Message, StringComparison.Ordinal);
        Assert.Equal(before, RasterDataset.OpenHandles);
    }

    [Fact]
    public void A_truncated_file_fails_when_it_is_read_naming_file_and_window()
    {
        var path = Path.Combine(_folder, "cut.tif");
        var random = new Random(1);
        GeoTiffWriter.Write<ushort>(path, Profile(512, 512, RasterType.UInt16), [.. Enumerable.Range(0, 512 * 512).Select(_ => (ushort)random.Next(65_536))]);
        // The directory of a fresh GeoTIFF stands in front, so a file cut in half still opens.
        var bytes = File.ReadAllBytes(path);
        File.WriteAllBytes(path, bytes[..(bytes.Length / 2)]);
        using var raster = RasterDataset.Open(path);
        using var reader = raster.OpenReader();
        var message = Assert.Throws<RasterException>(() => reader.Read(new PixelWindow(0, 256, 512, 256), [1], new float[512 * 256])).Message;
        Assert.Contains("cut.tif", message, StringComparison.Ordinal);
        Assert.Contains("512 x 256 at (0, 256)", message, StringComparison.Ordinal);
    }

    [Theory, InlineData(NoDataRule.Any, 0b1001), InlineData(NoDataRule.All, 0b1111)]
    public void A_pixel_is_valid_by_the_rule_over_its_bands(NoDataRule rule, int expected)
    {
        var path = Path.Combine(_folder, "holes.tif");
        GeoTiffWriter.Write<float>(path, Profile(4, 1, RasterType.Float32) with { BandCount = 2, NoData = -9999 }, [1, -9999, 3, 4, 1, 2, float.NaN, 4]);
        Assert.Equal(expected, Validity(path, new ValidityOptions(rule)));
    }

    [Fact]
    public void A_nodata_value_outside_the_type_is_seen_and_can_be_overridden()
    {
        var path = Path.Combine(_folder, "wrong.tif");
        GeoTiffWriter.Write<ushort>(path, Profile(4, 1, RasterType.UInt16) with { NoData = -9999 }, [0, 7, 0, 9]);
        using (var raster = RasterDataset.Open(path))
        {
            Assert.True(raster.Bands[0].NoDataIsOutOfRange);
        }

        Assert.Equal(0b1111, Validity(path, new ValidityOptions(), bands: 1));
        Assert.Equal(0b1010, Validity(path, new ValidityOptions(Override: 0), bands: 1));
    }

    private static int Validity(string path, ValidityOptions options, int bands = 2)
    {
        using var raster = RasterDataset.Open(path);
        using var reader = raster.OpenReader();
        var window = new PixelWindow(0, 0, 4, 1);
        int[] list = [.. Enumerable.Range(1, bands)];
        var values = new float[4 * bands];
        var valid = new byte[4];
        reader.Read(window, list, values);
        reader.ReadValidity(window, list, values, options, valid);
        return valid.Select((ok, i) => ok << i).Sum();
    }

    private static RasterProfile Profile(int width, int height, RasterType type) => new()
    {
        Size = new PixelSize(width, height), Type = type, Transform = new GeoTransform(500_000, 10, 0, 5_000_000, 0, -10), Projection = "EPSG:32633",
    };
}
