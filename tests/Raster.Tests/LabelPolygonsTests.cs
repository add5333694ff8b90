namespace EoOnnx.Raster.Tests;

/// <summary>Polygons of a vector file as labels on the grids of rasters in other reference systems.</summary>
public sealed class LabelPolygonsTests : IDisposable
{
    private const int Side = 24;

    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-polygons-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("EPSG:32633", 10)]
    [InlineData("EPSG:4326", 0.0001)]
    public void Each_pixel_has_the_value_of_the_last_polygon_that_holds_its_centre(string system, double pixel)
    {
        using var raster = Raster(system, pixel);
        var (longitude, latitude) = Centre(raster, 12, 12);
        var file = Write(
            ("forest", longitude - 0.01, latitude - 0.01, longitude, latitude + 0.01),
            ("water", longitude - 0.00045, latitude - 0.01, longitude + 0.00025, latitude),
            ("nothing", longitude + 2, latitude + 2, longitude + 3, latitude + 3));
        using var polygons = LabelPolygons.Open(file, "kind", text => text switch { "forest" => 1, "water" => 2, _ => null });
        Assert.Equal(2, polygons.Count);
        var window = new PixelWindow(3, 2, 17, 20);
        var values = new float[window.Area];
        polygons.Draw(raster, window, -1, values);
        for (var i = 0; i < values.Length; i++)
        {
            var (x, y) = Centre(raster, window.X + (i % window.Width), window.Y + (i / window.Width));
            var expected = x > longitude - 0.00045 && x < longitude + 0.00025 && y < latitude ? 2 : x < longitude ? 1 : -1;
            Assert.True(expected == values[i] || Math.Abs(x - longitude) < 1e-6 || Math.Abs(y - latitude) < 1e-6, $"pixel {i}: {values[i]}, expected {expected}");
        }

        Assert.Equal([-1, 1, 2], values.Distinct().Order());
    }

    [Fact]
    public void Pixels_outside_can_be_unlabelled_and_many_threads_draw_the_same()
    {
        using var raster = Raster("EPSG:32633", 10);
        var (longitude, latitude) = Centre(raster, 12, 12);
        using var polygons = LabelPolygons.Open(Write(("7", longitude, latitude - 1, longitude + 1, latitude + 1)), null, text => double.Parse(text, System.Globalization.CultureInfo.InvariantCulture));
        var drawn = new float[8][];
        Parallel.For(0, drawn.Length, i => polygons.Draw(raster, new PixelWindow(0, 0, Side, Side), float.NaN, drawn[i] = new float[Side * Side]));
        Assert.All(drawn, values => Assert.Equal(drawn[0], values));
        Assert.Contains(1f, drawn[0]);
        Assert.Contains(float.NaN, drawn[0]);
    }

    [Fact]
    public void A_long_edge_follows_its_own_system_between_its_corners()
    {
        // 50 km north in the western neighbour's zone, straight there, bend by some 3.5 m in the zone of the raster: three pixels of 1 m.
        var (zone, own, edges) = (SpatialReference.ToWkt("EPSG:32632"), SpatialReference.ToWkt("EPSG:32633"), new List<(double X, double Y)>());
        const int Parts = 5000;
        var (west, south, east, north) = (860_000.0, 5_220_000.0, 880_000.0, 5_270_000.0);
        for (var i = 0; i <= Parts; i++)
        {
            edges.Add((west, south + ((north - south) * i / Parts)));
        }

        var truth = SpatialReference.ToLongitudeLatitude([.. edges], zone);
        var sparse = WriteRing(zone: 32632, [(west, south), (east, south), (east, north), (west, north)]);
        var middle = SpatialReference.Transform(new MapBounds(west - 1, edges[Parts / 2].Y - 1, west + 1, edges[Parts / 2].Y + 1), zone, own);
        using var raster = Raster(new GeoTransform(middle.West - (Side / 2), 1, 0, middle.North + (Side / 2), 0, -1), own);
        var box = SpatialReference.ToLongitudeLatitude([(east, north), (east, south)], zone);
        var dense = WriteRing(zone: 4326, [.. truth.Select(place => (place.Longitude, place.Latitude)), (box[0].Longitude, box[0].Latitude), (box[1].Longitude, box[1].Latitude)]);
        var drawn = new[] { sparse, dense }.Select(file =>
        {
            using var polygons = LabelPolygons.Open(file, null, _ => 1);
            var values = new float[Side * Side];
            polygons.Draw(raster, new PixelWindow(0, 0, Side, Side), 0, values);
            return values;
        }).ToList();
        Assert.Equal([0f, 1f], drawn[1].Distinct().Order());
        Assert.InRange(drawn[0].Zip(drawn[1]).Count(pair => pair.First != pair.Second), 0, Side / 4);   // a tenth of a pixel along one edge

        string WriteRing(int zone, List<(double X, double Y)> ring)
        {
            var path = Path.Combine(_folder, $"ring-{zone}.geojson");
            var points = ring.Append(ring[0]).Select(point => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"[{point.X:R},{point.Y:R}]"));
            File.WriteAllText(path, $$$"""{"type":"FeatureCollection","crs":{"type":"name","properties":{"name":"urn:ogc:def:crs:EPSG::{{{zone}}}"}},"features":[{"type":"Feature","properties":{},"geometry":{"type":"Polygon","coordinates":[[{{{string.Join(',', points)}}}]]}}]}""");
            return path;
        }
    }

    [Fact]
    public void A_file_without_the_attribute_or_without_polygons_is_refused_by_name()
    {
        var file = Write(("forest", 1, 1, 2, 2));
        Assert.Contains("no attribute 'class'", Assert.Throws<RasterException>(() => LabelPolygons.Open(file, "class", _ => 1)).Message, StringComparison.Ordinal);
        Assert.Contains("no polygon that can be a label by its attribute 'kind'", Assert.Throws<RasterException>(() => LabelPolygons.Open(file, "kind", _ => null)).Message, StringComparison.Ordinal);
        File.WriteAllText(file, """{"type":"FeatureCollection","features":[{"type":"Feature","properties":{"kind":"a"},"geometry":{"type":"Point","coordinates":[1,2]}}]}""");
        Assert.Contains("points or lines", Assert.Throws<RasterException>(() => LabelPolygons.Open(file, "kind", _ => 1)).Message, StringComparison.Ordinal);
    }

    private static (double X, double Y) Centre(RasterDataset raster, int column, int row)
    {
        var moved = raster.Transform!.Value.Moved(column + 0.5, row + 0.5);
        var (longitude, latitude) = SpatialReference.ToLongitudeLatitude([(moved.OriginX, moved.OriginY)], raster.Projection)[0];
        return (longitude, latitude);
    }

    private RasterDataset Raster(string system, double pixel)
    {
        var (x, y) = pixel < 1 ? (14.2, 47.5) : (440_000, 5_260_000);
        return Raster(new GeoTransform(x, pixel, 0, y, 0, -pixel), SpatialReference.ToWkt(system));
    }

    private RasterDataset Raster(GeoTransform transform, string projection)
    {
        var path = Path.Combine(_folder, "chip.tif");
        GeoTiffWriter.Write<byte>(path, new RasterProfile
        {
            Size = new PixelSize(Side, Side), Type = RasterType.Byte, Transform = transform, Projection = projection,
        }, new byte[Side * Side]);
        return RasterDataset.Open(path);
    }

    private string Write(params (string Kind, double West, double South, double East, double North)[] boxes)
    {
        var path = Path.Combine(_folder, "labels.geojson");
        var features = boxes.Select(box => string.Create(System.Globalization.CultureInfo.InvariantCulture,
            $$$"""{"type":"Feature","properties":{"kind":"{{{box.Kind}}}"},"geometry":{"type":"Polygon","coordinates":[[[{{{box.West}}},{{{box.South}}}],[{{{box.East}}},{{{box.South}}}],[{{{box.East}}},{{{box.North}}}],[{{{box.West}}},{{{box.North}}}],[{{{box.West}}},{{{box.South}}}]]]}}"""));
        File.WriteAllText(path, $$"""{"type":"FeatureCollection","features":[{{string.Join(',', features)}}]}""");
        return path;
    }
}
