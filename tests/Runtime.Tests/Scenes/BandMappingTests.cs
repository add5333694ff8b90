using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

public sealed class BandMappingTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-bands-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("B02", "B2"), InlineData("blue", "B02"), InlineData("B8A", "NIR_NARROW"), InlineData("nir08", "b8a"), InlineData("SWIR_1", "B11"), InlineData("swir22", "B12")]
    [InlineData("B4, central wavelength 665 nm", "red"), InlineData("B04 (red)", "B4")]
    public void Names_of_the_same_band_fold_to_one(string one, string other) => Assert.Equal(BandNames.Fold(one), BandNames.Fold(other));

    [Theory, InlineData("B08", "B8A"), InlineData("B01", "B10"), InlineData("B1", "B11"), InlineData("VV", "VH")]
    public void Names_of_different_bands_stay_apart(string one, string other) => Assert.NotEqual(BandNames.Fold(one), BandNames.Fold(other));

    [Fact]
    public void Bands_are_found_by_name_in_any_order() =>
        Assert.Equal([3, 1], Map(["red", "green", "B2"], ["B02", "B04"]).Select(band => band.Source.Index));

    [Theory]
    [InlineData("3,1", new[] { 3, 1 })]
    [InlineData("nir,B03", new[] { 3, 2 })]
    [InlineData("b=1,a=2", new[] { 2, 1 })]
    [InlineData("2,2", new[] { 2, 2 })]
    public void The_users_list_decides_by_number_name_or_channel(string bands, int[] expected) =>
        Assert.Equal(expected, Map(["red", "green", "nir"], ["a", "b"], bands.Split(',')).Select(band => band.Source.Index));

    [Fact]
    public void Without_any_known_name_the_order_decides_with_a_warning()
    {
        var warnings = new List<string>();
        Assert.Equal([1, 2], Map(["x", "y"], ["B02", "B03"], [], warnings).Select(band => band.Source.Index));
        Assert.Contains("--bands", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_names_no_bands_takes_the_first_with_a_warning()
    {
        var warnings = new List<string>();
        Assert.Equal([1, 2, 3], Map(["red", "green", "blue", ""], ["band 1", "band 2", "band 3"], [], warnings).Select(band => band.Source.Index));
        Assert.Contains("the first 3", Assert.Single(warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("x,y", "band 1,band 2,band 3", "", "no name fits")]
    [InlineData("x,y,z", "B02,B03", "", "no name fits")]
    [InlineData("blue,x", "B02,B03", "", "B03 is not among them")]
    [InlineData("blue,B2,B3", "B02,B03", "", "more than one band")]
    [InlineData("blue,green", "B02,B03", "1", "--bands names 1")]
    [InlineData("blue,green", "B02,B03", "1,nir", "'nir' of --bands is not among them")]
    [InlineData("blue,green", "B02,B03", "1,3", "'3' of --bands is not among them")]
    [InlineData("blue,B02", "B02,B03", "blue,2", "'blue' of --bands fits 2 of them")]
    [InlineData("blue,green", "B02,B03", "B02=1,B02=2", "channel B02 twice")]
    [InlineData("blue,green", "B02,B03", "B09=1,B02=2", "channel 'B09'")]
    public void What_does_not_fit_is_refused_with_both_lists(string scene, string channels, string bands, string reason)
    {
        var message = Assert.Throws<RasterException>(() => Map(scene.Split(','), channels.Split(','), bands.Split(',', StringSplitOptions.RemoveEmptyEntries))).Message;
        Assert.All([reason, scene.Replace(",", ", ", StringComparison.Ordinal), channels.Replace(",", ", ", StringComparison.Ordinal), "--bands"], part => Assert.Contains(part, message, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(1, 0, 1, 0, 1, 0)]                  // nothing declared anywhere
    [InlineData(0.0001, 0, 1, 0, 0.0001, 0)]        // the manifest alone
    [InlineData(0.0001, 0, 0.0002, -0.1, 0.0002, -0.1)] // the file knows its own values better
    [InlineData(1, 0, 0.0001, -0.1, 1, -1000)]      // statistics of digital numbers: only the offset is taken off
    public void Scale_and_offset_are_applied_once(double manifestScale, double manifestOffset, double fileScale, double fileOffset, double scale, double offset)
    {
        var path = Path.Combine(_folder, "scaled.tif");
        GeoTiffWriter.Write<ushort>(path, TestScenes.Profile(2, 2, 1, RasterType.UInt16) with { BandScaling = [(fileScale, fileOffset)] }, new ushort[4]);
        using var scene = RasterDataset.Open(path);
        var manifest = TestModels.Manifest(ModelTask.Regression, 1, 16) with { ValueScale = manifestScale, ValueOffset = manifestOffset };
        var scaling = ChannelScalings.Decide([new MappedBand("B01", scene.Bands[0], "name")], manifest, new SceneOptions())[0];
        Assert.Equal((scale, offset), (scaling.Scale, scaling.Offset), (a, b) => Math.Abs(a.Item1 - b.Item1) < 1e-6 && Math.Abs(a.Item2 - b.Item2) < 1e-3);
    }

    private IReadOnlyList<MappedBand> Map(string[] names, string[] channels, string[]? requested = null, List<string>? warnings = null)
    {
        var path = Path.Combine(_folder, "scene.tif");
        GeoTiffWriter.Write<byte>(path, TestScenes.Profile(2, 2, names.Length, RasterType.Byte) with { BandNames = names }, new byte[4 * names.Length]);
        using var scene = RasterDataset.Open(path);
        return BandMapping.Resolve(scene, channels, requested ?? [], warnings ?? []);
    }
}
