using EoOnnx.Raster;
using EoOnnx.Training.Data.Synthetic;

namespace EoOnnx.Training.Tests.Data.Synthetic;

public sealed class SyntheticSceneTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-synthetic-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private const int Nir = 3, Swir2 = 5;
    private static readonly SyntheticScene Plain = SyntheticScene.Create(SyntheticSceneOptions.Plain(1) with { Size = 256 });
    private static readonly SyntheticScene Hard = SyntheticScene.Create(SyntheticSceneOptions.Hard(2) with { Size = 256 });

    [Fact]
    public void The_same_options_give_the_same_pixels_and_another_seed_gives_others()
    {
        var again = SyntheticScene.Create(Hard.Options);
        var other = SyntheticScene.Create(Hard.Options with { Seed = 3 });
        Assert.True(Hard.Pixels.Span.SequenceEqual(again.Pixels.Span));
        Assert.True(Hard.Truth.Span.SequenceEqual(again.Truth.Span));
        Assert.False(Hard.Pixels.Span.SequenceEqual(other.Pixels.Span));
    }

    [Fact]
    public void A_scene_has_every_kind_of_ground_and_some_of_it_has_burned()
    {
        Assert.Empty(new byte[] { 0, 1, 2, 3, 5 }.Except(Plain.LandCover.ToArray()));
        Assert.InRange(Share(Plain, SyntheticScene.Burned), 0.02, 0.35);
        Assert.Equal(0, Share(Plain, SyntheticScene.Unknown));
    }

    [Fact]
    public void Clouds_cover_about_the_asked_share_and_hide_the_truth() => Assert.InRange(Share(Hard, SyntheticScene.Unknown), 0.10, 0.20);

    [Fact]
    public void Burned_ground_has_lost_near_infrared_and_gained_short_wave_infrared()
    {
        var (burned, unburned) = (Mean(Plain, SyntheticScene.Burned), Mean(Plain, SyntheticScene.Unburned));
        Assert.True(burned[Nir] < 0.6 * unburned[Nir], $"NIR {burned[Nir]} against {unburned[Nir]}");
        Assert.True((burned[Nir] - burned[Swir2]) / (burned[Nir] + burned[Swir2]) < -0.1);
    }

    [Fact]
    public void Reflectances_are_those_of_land_water_and_cloud()
    {
        Assert.All(Plain.Pixels.ToArray(), value => Assert.InRange(value, (ushort)1, (ushort)8_000));
        Assert.InRange(Hard.Pixels.ToArray().Max(), (ushort)5_000, (ushort)9_000);
    }

    [Fact]
    public void The_best_threshold_on_the_burn_index_works_on_a_plain_scene_and_fails_on_a_hard_one()
    {
        var (plain, hard) = (BestIndexIoU(Plain), BestIndexIoU(Hard));
        Assert.True(plain > 0.75, $"plain {plain}");
        Assert.True(hard < 0.68, $"hard {hard}");
    }

    [Fact]
    public void Chips_are_windows_of_the_scene_with_their_own_georeferencing()
    {
        Assert.Equal(16, Hard.WriteChips(_folder, 64, Hard.Truth));
        using var image = RasterDataset.Open(Path.Combine(_folder, "images", "chip_01_02.tif"));
        using var label = RasterDataset.Open(Path.Combine(_folder, "labels", "chip_01_02.tif"));
        using var reader = image.OpenReader();
        var first = new ushort[6];
        reader.Read(new PixelWindow(0, 0, 1, 1), [1, 2, 3, 4, 5, 6], first);
        for (var band = 0; band < 6; band++)
        {
            Assert.Equal(Hard.Pixels.Span[(((band * 256) + 64) * 256) + 128], first[band]);
        }

        Assert.Equal(SyntheticScene.BandNames, image.Bands.Select(band => band.Name));
        Assert.Equal(399_960 + (128 * 30), image.Transform!.Value.OriginX);
        Assert.Equal(image.Transform, label.Transform);
        Assert.Equal(SyntheticScene.Unknown, label.Bands[0].NoData);
    }

    [Theory, InlineData(31), InlineData(20_001)]
    public void A_size_out_of_range_is_refused_with_the_number(int size) => Assert.Contains(
        $"not {size}", Assert.Throws<ArgumentOutOfRangeException>(() => new SyntheticSceneOptions { Size = size }).Message, StringComparison.Ordinal);

    private static double Share(SyntheticScene scene, byte value) => scene.Truth.ToArray().Count(truth => truth == value) / (double)scene.Truth.Length;

    private static double[] Mean(SyntheticScene scene, byte value)
    {
        var truth = scene.Truth.ToArray();
        return [.. Enumerable.Range(0, 6).Select(band => truth.Index().Where(pixel => pixel.Item == value)
            .Average(pixel => (double)scene.Pixels.Span[(band * truth.Length) + pixel.Index]))];
    }

    private static double BestIndexIoU(SyntheticScene scene)
    {
        var (truth, pixels) = (scene.Truth.ToArray(), scene.Pixels.ToArray());
        return Enumerable.Range(-30, 60).Max(hundredths =>
        {
            var (both, either) = (0, 0);
            for (var i = 0; i < truth.Length; i++)
            {
                if (truth[i] != SyntheticScene.Unknown)
                {
                    double nir = pixels[(Nir * truth.Length) + i], swir = pixels[(Swir2 * truth.Length) + i];
                    var (says, burned) = ((nir - swir) / (nir + swir) < hundredths / 100.0, truth[i] == SyntheticScene.Burned);
                    both += says && burned ? 1 : 0;
                    either += says || burned ? 1 : 0;
                }
            }

            return (double)both / either;
        });
    }
}
