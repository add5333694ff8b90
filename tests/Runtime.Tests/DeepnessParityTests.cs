using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests;

/// <summary>
/// What QGIS Deepness would compute with a written file, in its own order of arithmetic, equals what this runtime computes with the
/// model itself. Source of the arithmetic: Deepness 0.6.5, processing/models/model_base.py, segmentor.py, tile_params.py.
/// </summary>
public sealed class DeepnessParityTests : IDisposable
{
    private const int Tile = 16;
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-deepness-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory, InlineData(2, 3), InlineData(3, 3), InlineData(1, 3), InlineData(1, 1)]
    public void A_tile_gets_the_same_probabilities_and_classes(int channels, int kernel)
    {
        var (ours, theirs) = Models(channels, kernel);
        using (ours)
        using (theirs)
        {
            var pixels = Pixels(Tile, Tile);
            var (a, b) = (Ours(ours, pixels, Tile, Tile), Deepness(theirs, pixels));
            Assert.All(a.Zip(b), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
            Assert.Equal(Classes(a, channels), Classes(b, channels));
            Assert.True(Classes(a, channels).Distinct().Count() > 1, "the tile must have more than one class to prove anything");
        }
    }

    [Theory, InlineData(50, 41), InlineData(16, 16), InlineData(17, 90)]
    public void A_scene_cut_and_cropped_as_Deepness_does_gets_the_same_classes(int height, int width)
    {
        var (ours, theirs) = Models(channels: 3, kernel: 1);
        using (ours)
        using (theirs)
        {
            var pixels = Pixels(height, width);
            var expected = new byte[height * width];
            var found = Enumerable.Repeat((byte)255, height * width).ToArray();
            // Overlap in percent of the tile; every tile but those at the border gives its middle, borders are padded with zeros.
            var overlap = Tile * int.Parse(OnnxModel.Load(theirs.Path).Metadata["tiles_overlap"], System.Globalization.CultureInfo.InvariantCulture) / 100;
            var stride = Tile - overlap;
            for (var top = 0; top < height; top += stride)
            {
                for (var left = 0; left < width; left += stride)
                {
                    var window = Cut(pixels, height, width, top, left);
                    var (own, deepness) = (Classes(Ours(ours, window, Tile, Tile), 3), Classes(Deepness(theirs, window), 3));
                    for (var (row, half) = (0, overlap / 2); row < Tile; row++)
                    {
                        for (var column = 0; column < Tile; column++)
                        {
                            var inside = (row >= half || top == 0) && (column >= half || left == 0) && top + row < height && left + column < width
                                && (row < Tile - half || top + Tile >= height) && (column < Tile - half || left + Tile >= width);
                            if (inside)
                            {
                                found[((top + row) * width) + left + column] = deepness[(row * Tile) + column];
                                expected[((top + row) * width) + left + column] = own[(row * Tile) + column];
                            }
                        }
                    }
                }
            }

            Assert.DoesNotContain((byte)255, found);
            Assert.Equal(expected, found);
        }
    }

    [Fact]
    public void The_written_file_runs_here_with_the_manifest_that_its_keys_give()
    {
        var (ours, theirs) = Models(channels: 2, kernel: 3);
        using (ours)
        using (theirs)
        {
            var model = OnnxModel.Load(theirs.Path);
            model.Metadata.Remove(ModelManifest.MetadataKey);
            var bare = Path.Combine(_folder, "bare.onnx");
            model.Save(bare);
            using var foreign = EoModel.Load(bare);
            Assert.Equal((ModelTask.Segmentation, "softmax", Tile, 4, 10.0), (foreign.Manifest.Task, foreign.Manifest.Activation, foreign.Manifest.Tile, foreign.Manifest.Overlap, foreign.Manifest.GroundResolutionMetres));
            Assert.Equal(ours.Manifest.Classes.Select(item => item.Name), foreign.Manifest.Classes.Select(item => item.Name));
            var pixels = Pixels(Tile, Tile);
            Assert.All(Ours(ours, pixels, Tile, Tile).Zip(Ours(foreign, pixels, Tile, Tile)), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
        }
    }

    private (EoModel Ours, EoModel Theirs) Models(int channels, int kernel)
    {
        var manifest = TestModels.Manifest(ModelTask.Segmentation, 2, Tile) with
        {
            Overlap = 4, GroundResolutionMetres = 10, ValueScale = 1e-4, ValueOffset = -0.1, Bands = [new ManifestBand("B04", 0.11, 0.07), new ManifestBand("B08", 0.27, 0.1)],
            Classes = [.. Enumerable.Range(0, Math.Max(2, channels)).Select(id => new ManifestClass(id, $"class {id}"))],
        };
        var path = TestModels.Save(_folder, $"ours-{channels}-{kernel}", 2, Tile, (op, x) =>
        {
            var weights = op.Initializer("w", TensorData.FromValues<float>([channels, 2, kernel, kernel], [.. Enumerable.Range(0, channels * 2 * kernel * kernel).Select(i => MathF.Sin((1.3f * i) + 0.4f))]));
            return op.Conv(op.Gelu(x), weights, null, [1, 1], [kernel / 2, kernel / 2, kernel / 2, kernel / 2]);
        }, manifest);
        var written = DeepnessFile.Write(path, Path.Combine(_folder, $"deepness-{channels}-{kernel}.onnx"));
        Assert.Empty(DeepnessRules.Check(OnnxModel.Load(written.Path)));
        return (EoModel.Load(path), EoModel.Load(written.Path));
    }

    // This runtime: one fused multiplication and addition per value, activation where the graph lacks it.
    private static float[] Ours(EoModel model, ushort[] pixels, int height, int width)
    {
        var manifest = model.Manifest;
        var image = pixels.Select(value => (float)value).ToArray();
        for (var band = 0; band < manifest.Bands.Count; band++)
        {
            var (mean, deviation) = (manifest.Bands[band].Mean, manifest.Bands[band].StandardDeviation);
            var plane = image.AsSpan(band * height * width, height * width);
            Standardization.Apply(plane, Enumerable.Repeat((byte)1, plane.Length).ToArray(), new ChannelScaling((float)mean, (float)deviation, (float)manifest.ValueScale, (float)manifest.ValueOffset));
        }

        var scores = model.Run(image, [1, manifest.Bands.Count, height, width], [model.Outputs[0].Name])[0];
        return manifest.Activation == "none" ? Activate(scores.ToSingles(), (int)scores.Shape[1]) : scores.ToSingles();
    }

    // Deepness: float32 of the stored value, divided by 255, minus mean, divided by deviation.
    private static float[] Deepness(EoModel model, ushort[] pixels)
    {
        var metadata = OnnxModel.Load(model.Path).Metadata;
        var mean = System.Text.Json.JsonSerializer.Deserialize<float[]>(metadata["standardization_mean"])!;
        var deviation = System.Text.Json.JsonSerializer.Deserialize<float[]>(metadata["standardization_std"])!;
        var image = pixels.Select((value, i) => ((value / 255f) - mean[i / (Tile * Tile)]) / deviation[i / (Tile * Tile)]).ToArray();
        return model.Run(image, [1, mean.Length, Tile, Tile], [model.Outputs[0].Name])[0].ToSingles();
    }

    // Values below the threshold become 0, then the largest wins; one channel is cut at the threshold.
    private static byte[] Classes(float[] probabilities, int channels)
    {
        var plane = probabilities.Length / channels;
        return [.. Enumerable.Range(0, plane).Select(i => channels == 1
            ? (byte)(probabilities[i] >= 0.5f ? 1 : 0)
            : (byte)Enumerable.Range(0, channels).MaxBy(channel => probabilities[(channel * plane) + i]))];
    }

    private static float[] Activate(float[] scores, int channels)
    {
        var plane = scores.Length / channels;
        var result = new float[scores.Length];
        for (var i = 0; i < plane; i++)
        {
            var sum = channels == 1 ? 1 + Math.Exp(-scores[i]) : Enumerable.Range(0, channels).Sum(channel => Math.Exp(scores[(channel * plane) + i]));
            for (var channel = 0; channel < channels; channel++)
            {
                result[(channel * plane) + i] = (float)(channels == 1 ? 1 / sum : Math.Exp(scores[(channel * plane) + i]) / sum);
            }
        }

        return result;
    }

    private static ushort[] Pixels(int height, int width) => [.. Enumerable.Range(0, 2 * height * width).Select(i => (ushort)(1000 + (2500 * (1 + Math.Sin((i * 0.7) + ((i / width) * 1.9))))))];

    private static ushort[] Cut(ushort[] pixels, int height, int width, int top, int left)
    {
        var window = new ushort[2 * Tile * Tile];
        for (var i = 0; i < window.Length; i++)
        {
            var (band, row, column) = (i / (Tile * Tile), top + (i / Tile % Tile), left + (i % Tile));
            window[i] = row < height && column < width ? pixels[(((band * height) + row) * width) + column] : (ushort)0;
        }

        return window;
    }
}
