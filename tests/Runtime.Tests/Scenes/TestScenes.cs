using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>Scenes and models of which every output pixel is known.</summary>
internal static class TestScenes
{
    public const float Missing = -9999;

    /// <summary>Random values of a seed, [band, row, column], with holes in all bands at once.</summary>
    public static float[] Pixels(int width, int height, int bands, int seed, double holes)
    {
        var random = new Random(seed);
        var pixels = new float[width * height * bands];
        for (var i = 0; i < width * height; i++)
        {
            var hole = random.NextDouble() < holes;
            for (var band = 0; band < bands; band++)
            {
                pixels[(band * width * height) + i] = hole ? Missing : (random.NextSingle() * 200) - 100;
            }
        }

        return pixels;
    }

    public static RasterProfile Profile(int width, int height, int bands = 1, RasterType type = RasterType.Float32) => new()
    {
        Size = new PixelSize(width, height), BandCount = bands, Type = type, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    };

    public static string Write(string folder, string name, int width, int height, int bands, float[] pixels)
    {
        var path = Path.Combine(folder, name + ".tif");
        GeoTiffWriter.Write<float>(path, Profile(width, height, bands) with { NoData = Missing }, pixels);
        return path;
    }

    /// <summary>Reads all bands of a map.</summary>
    public static T[] Read<T>(string path) where T : unmanaged
    {
        using var map = RasterDataset.Open(path);
        using var reader = map.OpenReader();
        var pixels = new T[map.Size.Width * map.Size.Height * map.Bands.Count];
        reader.Read(new PixelWindow(0, 0, map.Size.Width, map.Size.Height), [.. Enumerable.Range(1, map.Bands.Count)], pixels);
        return pixels;
    }

    /// <summary>A model that gives back its image.</summary>
    public static EoModel Identity(string folder, int bands, int tile, long? batch = null) =>
        EoModel.Load(TestModels.Save(folder, $"identity-{bands}-{tile}-{batch}", bands, tile, (op, x) => op.Identity(x), TestModels.Manifest(ModelTask.Regression, bands, tile), batch));

    /// <summary>A model of two classes: the second where the first band is above <paramref name="threshold"/>.</summary>
    public static string Threshold(string folder, int tile, float threshold = 0)
    {
        var manifest = TestModels.Manifest(ModelTask.Segmentation, 1, tile) with { Classes = [new ManifestClass(3, "low", "#102030"), new ManifestClass(7, "high")] };
        return TestModels.Save(folder, $"threshold-{tile}", 1, tile, (op, x) => op.Concat(1, op.Mul(x, 0), op.Add(x, -threshold)), manifest);
    }
}
