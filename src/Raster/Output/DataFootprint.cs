using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>A polygon in map coordinates.</summary>
/// <param name="Rings">The outline, then the holes; each ends where it begins.</param>
public sealed record FootprintPolygon(IReadOnlyList<IReadOnlyList<(double X, double Y)>> Rings);

/// <summary>
/// Where a raster has data, as polygons: found on a grid of cells, of which each counts when any of its pixels does, so that nothing lies outside; steps of a
/// cell are smoothed away, single missing pixels and small holes left out. The grid has up to 1,024 cells along an edge: as many as a shape of a few hundred points allows.
/// </summary>
public static unsafe class DataFootprint
{
    private const int MostCells = 1024, LeastPixels = 4, FewestCells = 64, MostPoints = 500, SmallestHole = 4, PolygonType = 3;
    private const double Tolerance = 1.4143; // the diagonal of a cell

    /// <summary>Outlines the valid pixels of the first band.</summary>
    /// <param name="path">A raster along the axes of its map coordinates.</param>
    /// <param name="cancellation">Ends the search.</param>
    /// <returns>The polygons; none when no pixel is valid or the raster has no place.</returns>
    /// <exception cref="RasterException">The raster cannot be read.</exception>
    public static IReadOnlyList<FootprintPolygon> Of(string path, CancellationToken cancellation = default)
    {
        using var raster = RasterDataset.Open(path);
        if (raster.Transform is not { IsNorthUp: true } grid)
        {
            return [];
        }

        var cell = Math.Max(LeastPixels, (Math.Max(raster.Size.Width, raster.Size.Height) + MostCells - 1) / MostCells);
        var cells = new PixelSize((raster.Size.Width + cell - 1) / cell, (raster.Size.Height + cell - 1) / cell);
        var found = Cells(raster, cell, cells, cancellation);
        var outlines = Outline(found, cells);
        while (outlines.Sum(polygon => polygon.Sum(ring => ring.Count)) > MostPoints && Math.Max(cells.Width, cells.Height) > FewestCells)
        {
            (found, cells) = Coarser(found, cells);
            cell *= 2;
            outlines = Outline(found, cells);
        }

        return outlines
            .ConvertAll(polygon => new FootprintPolygon([.. polygon.Select(ring => ring.ConvertAll(point => (
                grid.OriginX + (Math.Clamp(point.X * cell, 0, raster.Size.Width) * grid.PixelWidth), grid.OriginY + (Math.Clamp(point.Y * cell, 0, raster.Size.Height) * grid.PixelHeight))))]));
    }

    private static byte[] Cells(RasterDataset raster, int cell, PixelSize cells, CancellationToken cancellation)
    {
        var (width, found) = (raster.Size.Width, new byte[cells.Width * cells.Height]);
        var (values, valid) = (new float[width], new byte[width]);
        using var reader = raster.OpenReader();
        for (var y = 0; y < raster.Size.Height; y++)
        {
            cancellation.ThrowIfCancellationRequested();
            var window = new PixelWindow(0, y, width, 1);
            reader.Read<float>(window, [1], values);
            reader.ReadValidity<float>(window, [1], values, new ValidityOptions(), valid);
            var row = found.AsSpan(y / cell * cells.Width, cells.Width);
            for (var x = 0; x < width; x++)
            {
                row[x / cell] |= valid[x];
            }
        }

        return found;
    }

    // Four cells become one.
    private static (byte[] Cells, PixelSize Size) Coarser(byte[] cells, PixelSize size)
    {
        var half = new PixelSize((size.Width + 1) / 2, (size.Height + 1) / 2);
        var coarse = new byte[half.Width * half.Height];
        for (var y = 0; y < size.Height; y++)
        {
            for (var x = 0; x < size.Width; x++)
            {
                coarse[(y / 2 * half.Width) + (x / 2)] |= cells[(y * size.Width) + x];
            }
        }

        return (coarse, half);
    }

    // Polygons of rings of cells' corners.
    private static List<List<List<(double X, double Y)>>> Outline(byte[] cells, PixelSize size)
    {
        const string what = "Cannot outline where the map has data";
        Gdal.CPLErrorReset();
        using var canvas = Gdal.GDALCreate(Gdal.GDALGetDriverByName("MEM"), "", size.Width, size.Height, 1, (int)RasterType.Byte, 0).Checked(what);
        var band = Gdal.GDALGetRasterBand(canvas, 1);
        fixed (byte* pixels = cells)
        {
            GdalError.Check(Gdal.GDALRasterIOEx(band, 1, 0, 0, size.Width, size.Height, pixels, size.Width, size.Height, (int)RasterType.Byte, 0, 0, 0), what);
        }

        // Newer versions keep vectors in memory by the driver for rasters.
        var driver = Gdal.GDALGetDriverByName("Memory") is var memory && memory != 0 ? memory : Gdal.GDALGetDriverByName("MEM");
        using var polygons = Gdal.GDALCreate(driver, "", 0, 0, 0, 0, 0).Checked(what);
        var layer = Ogr.GDALDatasetCreateLayer(polygons, "footprint", 0, PolygonType, 0);
        GdalError.Check(Ogr.GDALPolygonize(band, band, layer, -1, 0, null, null), what);
        Ogr.OGR_L_ResetReading(layer);
        var found = new List<List<List<(double, double)>>>();
        for (nint feature; (feature = Ogr.OGR_L_GetNextFeature(layer)) != 0;)
        {
            var geometry = Ogr.OGR_F_StealGeometry(feature);
            Ogr.OGR_F_Destroy(feature);
            var simple = Ogr.OGR_G_SimplifyPreserveTopology(geometry, Tolerance);
            var shape = simple != 0 ? simple : geometry;
            var rings = Enumerable.Range(0, Ogr.OGR_G_GetGeometryCount(shape)).Select(ring => Points(Ogr.OGR_G_GetGeometryRef(shape, ring))).ToList();
            found.Add([rings[0], .. rings.Skip(1).Where(hole => Area(hole) >= SmallestHole)]);
            Ogr.OGR_G_DestroyGeometry(geometry);
            if (simple != 0)
            {
                Ogr.OGR_G_DestroyGeometry(simple);
            }
        }

        return found;
    }

    private static double Area(List<(double X, double Y)> ring) => Math.Abs(ring.Zip(ring.Skip(1), (from, to) => (from.X * to.Y) - (to.X * from.Y)).Sum()) / 2;

    private static List<(double X, double Y)> Points(nint ring) =>
        [.. Enumerable.Range(0, Ogr.OGR_G_GetPointCount(ring)).Select(i => (Ogr.OGR_G_GetX(ring, i), Ogr.OGR_G_GetY(ring, i)))];
}
