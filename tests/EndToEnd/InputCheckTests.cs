using System.Text.RegularExpressions;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.EndToEnd;

/// <summary>The check of a scene before the run names a flag; the flag as it is written mends what was found.</summary>
public sealed partial class InputCheckTests : IDisposable
{
    private const int Edge = 150, Tile = 50;
    private static readonly double[] Means = [600, 1100, 2800, 1900];
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-check-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("order", "--bands 3,2,1,4")]
    [InlineData("scaling", "--scale 10000")]
    [InlineData("offset", "--offset -1000")]
    [InlineData("nodata", "--nodata 0")]
    public async Task What_is_wrong_with_a_scene_is_named_with_the_flag_that_mends_it(string wrong, string flag)
    {
        SaveModel();
        WriteScene(wrong);
        var refused = await Eoonnx.RunAsync(_folder, "infer", "scene.tif", "--model", "model.onnx", "--out", "map.tif", "--input-check", "fail");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains(flag, refused.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_folder, "map.tif")));
        var named = Flag().Match(refused.Error);
        var run = (await Eoonnx.RunAsync(_folder, "infer", "scene.tif", "--model", "model.onnx", "--out", "map.tif", "--input-check", "fail", named.Groups[1].Value, named.Groups[2].Value)).Succeeded();
        Assert.DoesNotContain("warning", run.Output, StringComparison.Ordinal);
    }

    [GeneratedRegex(@"(--(?:bands|scale|offset|nodata)) (-?[0-9,.]*[0-9])")]
    private static partial Regex Flag();

    private void WriteScene(string wrong)
    {
        double[] pixels = [.. Enumerable.Range(0, Means.Length).SelectMany(band => Enumerable.Range(0, Edge * Edge).Select(i => Value(band, i)))];
        var profile = new RasterProfile
        {
            Size = new PixelSize(Edge, Edge), BandCount = Means.Length, Type = wrong == "scaling" ? RasterType.Float32 : RasterType.UInt16, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
            BandNames = wrong == "order" ? [] : [.. Means.Select((_, i) => $"B{i + 1:00}")],
        };
        if (profile.Type == RasterType.Float32)
        {
            GeoTiffWriter.Write<float>(Path.Combine(_folder, "scene.tif"), profile, [.. pixels.Select(value => (float)value)]);
        }
        else
        {
            GeoTiffWriter.Write<ushort>(Path.Combine(_folder, "scene.tif"), profile, [.. pixels.Select(value => (ushort)value)]);
        }

        double Value(int band, int pixel)
        {
            var value = Means[wrong == "order" && band % 2 == 0 && band < 3 ? 2 - band : band] * (0.55 + (0.9 * ((pixel * (7919 + band) % 1000) / 1000.0)));
            return wrong switch { "scaling" => value / 10_000, "offset" => value + 1000, "nodata" when pixel % 7 == 0 => 0, _ => value };
        }
    }

    private void SaveModel()
    {
        var op = new GraphBuilder("first");
        var image = op.Input("image", ElementType.Float, new TensorShape((Dim)"batch", Means.Length, Tile, Tile));
        op.Output(op.Slice(image, 1, 0, 1), "logits");
        var model = new OnnxModel(op.Graph);
        model.Metadata[ModelManifest.MetadataKey] = new ModelManifest
        {
            Name = "first", Family = "test", Task = ModelTask.Regression, Tile = Tile, Bands = [.. Means.Select((mean, i) => new ManifestBand($"B{i + 1:00}", mean, mean * 0.4))],
        }.ToJson();
        model.Save(Path.Combine(_folder, "model.onnx"));
    }
}
