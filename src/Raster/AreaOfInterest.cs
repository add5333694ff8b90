using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>
/// Polygons of a vector file (GeoPackage, GeoJSON, Shapefile, whatever GDAL reads), moved into the coordinate reference system of a
/// raster and drawn on its grid part by part. Owns its geometries; used by one thread at a time.
/// </summary>
public sealed unsafe class AreaOfInterest : IDisposable
{
    private const int TraditionalOrder = 0, Polygon = 2;
    private readonly List<nint> _geometries = [];
    private readonly GeoTransform _grid;
    private readonly string _path;

    private AreaOfInterest(string path, GeoTransform grid) => (_path, _grid) = (path, grid);

    /// <summary>The rectangle around all polygons, in coordinates of the raster.</summary>
    public MapBounds Bounds { get; private set; }

    /// <summary>Reads all polygons of all layers.</summary>
    /// <param name="path">The vector file.</param>
    /// <param name="scene">The raster on whose grid they will be drawn.</param>
    /// <exception cref="RasterException">The file cannot be opened, has no polygon, or its coordinates cannot be moved into those of the raster.</exception>
    public static AreaOfInterest Open(string path, RasterDataset scene)
    {
        ArgumentNullException.ThrowIfNull(scene);
        var area = new AreaOfInterest(path, scene.Transform ?? throw new RasterException($"{scene.Name} has no georeferencing; an area of interest cannot be found in it. Give the part to map in pixels with --window."));
        try
        {
            using var file = GdalDatasetHandle.OpenVector(path);
            for (var layer = 0; layer < Ogr.GDALDatasetGetLayerCount(file); layer++)
            {
                area.Take(Ogr.GDALDatasetGetLayer(file, layer), scene);
            }

            area.Bounds = area._geometries.Count > 0 ? area.Envelope()
                : throw new RasterException($"{path} has no polygon; an area of interest needs at least one.");
            return area;
        }
        catch
        {
            area.Dispose();
            throw;
        }
    }

    /// <summary>Draws a part of the grid: 1 where a pixel's centre lies in a polygon, 0 elsewhere.</summary>
    /// <param name="window">Pixels of the raster's grid.</param>
    /// <param name="inside">[row, column]; every element is written.</param>
    /// <exception cref="RasterException">GDAL cannot draw them.</exception>
    public void Draw(PixelWindow window, Span<byte> inside)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(inside.Length, window.Area);
        Gdal.CPLErrorReset();
        var what = $"Cannot draw {_path} on the grid of the scene";
        using var canvas = Gdal.GDALCreate(Gdal.GDALGetDriverByName("MEM"), "", window.Width, window.Height, 1, (int)RasterType.Byte, 0).Checked(what);
        fixed (double* transform = _grid.Moved(window.X, window.Y).ToArray())
        fixed (nint* geometries = _geometries.ToArray())
        fixed (double* values = Enumerable.Repeat(1.0, _geometries.Count).ToArray())
        fixed (byte* pixels = inside)
        {
            var band = 1;
            GdalError.Check(Gdal.GDALSetGeoTransform(canvas, transform), what);
            GdalError.Check(Ogr.GDALRasterizeGeometries(canvas, 1, &band, _geometries.Count, geometries, 0, 0, values, 0, 0, 0), what);
            GdalError.Check(Gdal.GDALRasterIOEx(Gdal.GDALGetRasterBand(canvas, 1), 0, 0, 0, window.Width, window.Height, pixels, window.Width, window.Height, (int)RasterType.Byte, 0, 0, 0), what);
        }
    }

    /// <summary>Frees the geometries.</summary>
    public void Dispose()
    {
        _geometries.ForEach(Ogr.OGR_G_DestroyGeometry);
        _geometries.Clear();
    }

    private void Take(nint layer, RasterDataset scene)
    {
        Gdal.CPLErrorReset();
        var (from, to) = (Ogr.OGR_L_GetSpatialRef(layer), scene.Projection.Length == 0 ? 0 : Ogr.OSRNewSpatialReference(scene.Projection));
        // Without a reference system on either side, coordinates are taken as those of the scene.
        var source = from == 0 || to == 0 ? 0 : Ogr.OSRClone(from);
        nint transformation = 0;
        try
        {
            if (source != 0)
            {
                Ogr.OSRSetAxisMappingStrategy(source, TraditionalOrder);
                Ogr.OSRSetAxisMappingStrategy(to, TraditionalOrder);
                transformation = Ogr.OCTNewCoordinateTransformation(source, to);
                _ = transformation != 0 ? 0 : throw GdalError.Last($"The coordinates of {_path} cannot be moved into those of {scene.Name}");
            }

            for (nint feature; (feature = Ogr.OGR_L_GetNextFeature(layer)) != 0; Ogr.OGR_F_Destroy(feature))
            {
                Add(Ogr.OGR_F_StealGeometry(feature), transformation, scene);
            }
        }
        finally
        {
            Ogr.OCTDestroyCoordinateTransformation(transformation);
            Ogr.OSRDestroySpatialReference(source);
            Ogr.OSRDestroySpatialReference(to);
        }
    }

    private void Add(nint geometry, nint transformation, RasterDataset scene)
    {
        if (geometry == 0)
        {
            return;
        }

        _geometries.Add(geometry);
        if (Ogr.OGR_G_GetDimension(geometry) != Polygon)
        {
            throw new RasterException($"{_path} holds points or lines; an area of interest consists of polygons. Buffer them first.");
        }

        if (transformation != 0 && Ogr.OGR_G_Transform(geometry, transformation) != 0)
        {
            throw GdalError.Last($"A polygon of {_path} cannot be moved into the coordinate reference system of {scene.Name}");
        }
    }

    private MapBounds Envelope()
    {
        var all = new MapBounds(double.PositiveInfinity, double.PositiveInfinity, double.NegativeInfinity, double.NegativeInfinity);
        var corners = stackalloc double[4];
        foreach (var geometry in _geometries)
        {
            Ogr.OGR_G_GetEnvelope(geometry, corners);
            all = new MapBounds(Math.Min(all.West, corners[0]), Math.Min(all.South, corners[2]), Math.Max(all.East, corners[1]), Math.Max(all.North, corners[3]));
        }

        return all;
    }
}
