using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>Latitude and longitude of each tile's centre, for models that take the place of an image. Used by one thread.</summary>
/// <param name="plan">The tiles.</param>
/// <param name="transform">Pixel to map coordinates of the part that is mapped.</param>
/// <param name="projection">The system of the map coordinates, as WKT.</param>
internal sealed class TilePlaces(TilePlan plan, GeoTransform transform, string projection)
{
    private IReadOnlyList<(double Longitude, double Latitude)> _row = [];
    private int _current = -1;

    /// <summary>Writes the places of some tiles.</summary>
    /// <param name="tiles">The tiles; those of a row follow each other.</param>
    /// <param name="places">[tile, 2]: latitude and longitude in degrees on WGS 84.</param>
    public void Fill(TileSet tiles, Span<float> places)
    {
        for (var i = 0; i < tiles.Count; i++)
        {
            var tile = tiles.Windows[i];
            if (tile.Row != _current)
            {
                // A transformation is costly to set up: one for a row of tiles.
                _row = SpatialReference.ToLongitudeLatitude([.. Enumerable.Range(0, plan.X.Count).Select(column => Centre(plan[tile.Row, column].Read))], projection);
                _current = tile.Row;
            }

            (places[2 * i], places[(2 * i) + 1]) = ((float)_row[tile.Column].Latitude, (float)_row[tile.Column].Longitude);
        }
    }

    // What a tile shows beyond the scene's edge is a reflection of what lies within.
    private (double X, double Y) Centre(PixelWindow read)
    {
        var inside = read.Within(plan.Scene);
        var (column, row) = (inside.X + (inside.Width / 2.0), inside.Y + (inside.Height / 2.0));
        return (transform.OriginX + (column * transform.PixelWidth), transform.OriginY + (row * transform.PixelHeight));
    }
}
