namespace EoOnnx.Raster.Tests;

public class GroundAreaTests
{
    [Fact]
    public void A_pixel_of_ten_metres_is_a_hundred_square_metres() =>
        Assert.Equal(100, GroundArea.Of(new GeoTransform(0, 10, 0, 0, 0, -10), SpatialReference.ToWkt("EPSG:32633")).PerPixel(5));

    [Fact]
    public void Feet_are_converted() =>
        Assert.Equal(0.3048006 * 0.3048006, GroundArea.Of(new GeoTransform(0, 1, 0, 0, 0, -1), SpatialReference.ToWkt("EPSG:2263")).PerPixel(0)!.Value, 6);

    [Fact]
    public void Rows_of_degrees_sum_to_the_surface_of_the_ellipsoid()
    {
        const double surface = 510_065_621.724e6; // WGS 84, square metres
        var area = GroundArea.Of(new GeoTransform(-180, 0.5, 0, 90, 0, -0.5), SpatialReference.ToWkt("EPSG:4326"));
        Assert.Equal(surface, Enumerable.Range(0, 360).Sum(row => 720 * area.PerPixel(row)!.Value), surface * 1e-9);
        Assert.True(area.PerPixel(0) < area.PerPixel(180));
    }

    [Fact]
    public void A_grid_without_a_place_has_no_area() => Assert.Null(GroundArea.Of(new GeoTransform(0, 1, 0, 0, 0, -1), "").PerPixel(0));
}
