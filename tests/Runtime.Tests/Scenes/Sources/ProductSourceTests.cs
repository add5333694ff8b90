using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes.Sources;

/// <summary>Landsat, HLS and STAC: bands by what the product says, scale and offset once.</summary>
public sealed class ProductSourceTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-product-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData("LANDSAT_8", "4", "5"), InlineData("LANDSAT_5", "3", "4")]
    public void Landsat_bands_are_found_by_meaning_not_by_number_and_scaled_by_the_metadata(string spacecraft, string red, string nir)
    {
        var files = new[] { red, nir }.ToDictionary(number => $"FILE_NAME_BAND_{number}", number => Write($"LX_SR_B{number}.TIF", 10_000));
        files["FILE_NAME_QUALITY_L1_PIXEL"] = Write("LX_QA_PIXEL.TIF", 2);
        var parameters = new[] { red, nir }.SelectMany(number => (string[])[$"\"REFLECTANCE_MULT_BAND_{number}\": \"2.75e-05\"", $"\"REFLECTANCE_ADD_BAND_{number}\": \"-0.2\""]);
        File.WriteAllText(In("LX_MTL.json"), $$"""
            {"LANDSAT_METADATA_FILE": {
              "PRODUCT_CONTENTS": { {{string.Join(',', files.Select(file => $"\"{file.Key}\": \"{file.Value}\""))}} },
              "IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "{{spacecraft}}", "DATE_ACQUIRED": "2020-07-01"},
              "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": { {{string.Join(',', parameters)}} } } }
            """);
        using var model = Model(mean: 0.1);
        foreach (var source in (string[])[_folder, In("LX_MTL.json")])
        {
            using var scene = Scene.Open(model, new SceneRequest { Sources = [source] }, new SceneOptions { Masks = [SceneMask.Parse("bits:QA_PIXEL:1,3")] });
            Assert.Equal(["red", "nir08", "QA_PIXEL"], scene.Dataset.Bands.Select(band => band.Name));
            Assert.All(scene.Channels, channel => Assert.Equal((2.75e-05f, -0.2f), (channel.Scaling.Scale, channel.Scaling.Offset)));
        }

        // Statistics of digital numbers are of 10,000 times reflectance.
        using var numbers = Model(mean: 1000);
        using var same = Scene.Open(numbers, new SceneRequest { Sources = [_folder] });
        Assert.All(same.Channels, channel => Assert.Equal((0.275f, -2000f), (channel.Scaling.Scale, channel.Scaling.Offset)));
    }

    [Theory, InlineData("S30", "B04", "B8A"), InlineData("L30", "B04", "B05")]
    public void Hls_bands_follow_the_satellite_and_Fmask_is_a_mask(string satellite, string red, string nir)
    {
        foreach (var band in (string[])[red, nir, "Fmask"])
        {
            Write($"HLS.{satellite}.T33UUP.2020123T101031.v2.0.{band}.tif", 3);
        }

        using var model = Model(mean: 1000);
        using var scene = Scene.Open(model, new SceneRequest { Sources = [_folder] }, new SceneOptions { Masks = [SceneMask.Parse("bits:Fmask:1")] });
        Assert.All(scene.Channels, channel => Assert.Equal((1f, 0f), (channel.Scaling.Scale, channel.Scaling.Offset)));
        Assert.Equal(3, scene.Dataset.Bands.Count);
        Assert.Equal(new DateTimeOffset(2020, 5, 2, 0, 0, 0, TimeSpan.Zero), SceneSources.Open(_folder, new SourceContext(new RasterAccess(), SentinelOffset.Auto)).Date);
    }

    [Theory]
    [InlineData("1.0", "null", "05.09", -0.1f)]
    [InlineData("1.1", "null", "05.09", -0.1f)]
    [InlineData("1.0", "true", "05.09", 0f)]
    [InlineData("1.1", "true", "05.09", 0f)]
    [InlineData("1.0", "false", "05.09", -0.1f)]
    [InlineData("1.1", "null", "02.14", 0f)]
    public void Items_of_both_versions_name_their_bands_and_the_offset_is_applied_unless_the_archive_did(string version, string applied, string baseline, float offset)
    {
        var item = Item(version, applied, baseline);
        using var model = Model(mean: 0.1);
        using var scene = Scene.Open(model, new SceneRequest { Sources = [item] }, new SceneOptions { Masks = [SceneMask.Parse("scl")] });
        Assert.All(scene.Channels, channel => Assert.Equal((0.0001f, offset), (channel.Scaling.Scale, channel.Scaling.Offset)));
        Assert.Equal(3, scene.Dataset.Bands.Count);
        Assert.Contains("Sentinel-2 item", Assert.Single(scene.Notes), StringComparison.Ordinal);
        Assert.Equal(2024, SceneSources.Open(item, new SourceContext(new RasterAccess(), SentinelOffset.Auto)).Date!.Value.Year);
    }

    [Theory]
    [InlineData("""{"a": 1}""", "no STAC item")]
    [InlineData("""{"stac_version": "1.0.0", "assets": {"thumbnail": {"href": "t.png", "type": "image/png"}}}""", "no asset with an image")]
    [InlineData("[", "cannot be read as a STAC item")]
    public void What_is_no_item_is_refused(string json, string expected)
    {
        File.WriteAllText(In("item.json"), json);
        using var model = Model(mean: 0);
        Assert.Contains(expected, Assert.Throws<RasterException>(() => Scene.Open(model, new SceneRequest { Sources = [In("item.json")] })).Message, StringComparison.Ordinal);
    }

    internal static string ItemJson(string version, string applied, string baseline, Func<string, string> href)
    {
        var ten = version == "1.0"
            ? """ "eo:bands": [{"name": "%", "common_name": "@"}], "raster:bands": [{"nodata": 0, "scale": 0.0001}] """
            : """ "bands": [{"name": "%", "eo:common_name": "@"}], "nodata": 0, "raster:scale": 0.0001 """;
        string Asset(string key, string name, string common) =>
            $$"""
            "{{key}}": {"href": "{{href(key)}}", "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"], {{ten.Replace("%", name, StringComparison.Ordinal).Replace("@", common, StringComparison.Ordinal)}} }
            """;
        return $$"""
            {"type": "Feature", "stac_version": "{{version}}.0", "id": "S2A_TEST",
             "properties": {"datetime": "2024-05-01T10:10:31Z", "platform": "sentinel-2a", "s2:processing_baseline": "{{baseline}}", "earthsearch:boa_offset_applied": {{applied}} },
             "assets": {
               "thumbnail": {"href": "t.jpg", "type": "image/jpeg", "roles": ["thumbnail"]},
               "visual": {"href": "{{href("visual")}}", "type": "image/tiff", "roles": ["visual"]},
               {{Asset("nir08", "B8A", "nir08")}}, {{Asset("red", "B04", "red")}},
               "scl": {"href": "{{href("scl")}}", "type": "image/tiff", "roles": ["data"]} } }
            """;
    }

    private string Item(string version, string applied, string baseline)
    {
        foreach (var key in (string[])["nir08", "red", "scl"])
        {
            Write(key + ".tif", 4);
        }

        File.WriteAllText(In("item.json"), ItemJson(version, applied, baseline, key => "./" + key + ".tif"));
        return In("item.json");
    }

    // Takes red and a near infrared.
    private EoModel Model(double mean) => EoModel.Load(TestModels.Save(_folder, string.Create(CultureInfo.InvariantCulture, $"model-{mean}"), 2, 16, (op, x) => op.Slice(x, 1, 0, 1), TestModels.Manifest(ModelTask.Regression, 2, 16) with
    {
        Bands = [new ManifestBand("B04", mean, 1), new ManifestBand("B8A", mean, 1)],
        ValueScale = mean > 2 ? 1 : 0.0001,
    }));

    private string In(string name) => Path.Combine(_folder, name);

    private string Write(string name, ushort value)
    {
        GeoTiffWriter.Write<ushort>(In(name), TestScenes.Profile(20, 20, 1, RasterType.UInt16), [.. Enumerable.Repeat(value, 400)]);
        return name;
    }
}
