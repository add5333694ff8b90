using System.Text.Json;
using System.Xml.Linq;
using CsCheck;
using EoOnnx.Training.Data;

namespace EoOnnx.Training.Tests.Data;

/// <summary>Chips held out by blocks, and the map of a split.</summary>
public class SpatialSplitTests
{
    [Fact]
    public void No_block_is_in_both_parts_every_chip_is_in_one_and_the_seed_alone_decides()
    {
        Gen.Select(Gen.Double[-0.4, 0.4].Array[12, 60], Gen.Double[-0.4, 0.4].Array[60], Gen.Int[0, 99], Gen.Double[-60, 60]).Sample((x, y, seed, latitude) =>
        {
            var chips = x.Select((longitude, i) => Chip(10 + longitude, latitude + y[i])).ToList();
            var blocks = chips.ConvertAll(chip => SpatialBlock.Of(chip, 10_000));
            if (blocks.Distinct().Count() < 2)
            {
                return;
            }

            var split = DataSplit.Blocks(chips, 10_000, 0.25, seed);
            Assert.Equal(Enumerable.Range(0, chips.Count), split.Training.Concat(split.Validation).Order());
            Assert.Empty(split.Training.Select(chip => blocks[chip]).Intersect(split.Validation.Select(chip => blocks[chip])));
            Assert.NotEmpty(split.Validation);
            Assert.NotEmpty(split.Training);
            Assert.Equal(split.Validation, DataSplit.Blocks(chips, 10_000, 0.25, seed).Validation);
        }, iter: 300, threads: 1);
    }

    [Fact]
    public void Blocks_are_as_long_as_was_asked_for_at_any_latitude()
    {
        foreach (var latitude in new[] { -55.0, 0.1, 47.5, 68 })
        {
            var degrees = 1000 / (111_195 * Math.Cos(double.DegreesToRadians(latitude)));   // 1 km to the east
            var columns = Enumerable.Range(0, 100).Select(i => SpatialBlock.Of(Chip(10 + (i * degrees), latitude), 10_000).Column).Distinct().Count();
            Assert.InRange(columns, 9, 12);
        }
    }

    [Fact]
    public void Chips_in_one_block_cannot_be_divided_and_the_setting_is_named() =>
        Assert.Contains("data.blockMetres", Assert.Throws<TrainingDataException>(() => DataSplit.Blocks([Chip(10.001, 47.001), Chip(10.002, 47.002)], 100_000, 0.2, 1)).Message, StringComparison.Ordinal);

    [Fact]
    public void The_map_is_GeoJSON_with_closed_rings_against_the_clock_and_a_picture()
    {
        var map = new SplitMap([("a & b", Chip(10, 47), false, "1/2"), ("c", Chip(10.1, 47), true, null)]);
        var features = JsonDocument.Parse(map.ToGeoJson()).RootElement.GetProperty("features");
        Assert.Equal(["training", "validation"], features.EnumerateArray().Select(feature => feature.GetProperty("properties").GetProperty("part").GetString()));
        foreach (var feature in features.EnumerateArray())
        {
            var ring = feature.GetProperty("geometry").GetProperty("coordinates")[0].EnumerateArray().Select(point => (X: point[0].GetDouble(), Y: point[1].GetDouble())).ToList();
            Assert.Equal(ring[0], ring[^1]);
            Assert.True(ring.Zip(ring.Skip(1), (a, b) => (a.X * b.Y) - (b.X * a.Y)).Sum() > 0);
        }

        var picture = XDocument.Parse(System.Text.Encoding.UTF8.GetString(map.ToSvg()));
        Assert.Equal(2, picture.Root!.Elements().Count(element => element.Name.LocalName == "polygon"));
    }

    private static ChipOutline Chip(double longitude, double latitude)
    {
        const double half = 0.01;
        return new ChipOutline([(longitude - half, latitude + half), (longitude + half, latitude + half), (longitude + half, latitude - half), (longitude - half, latitude - half)], longitude, latitude);
    }
}
