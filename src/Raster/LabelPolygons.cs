using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>
/// Polygons with a value each (GeoPackage, GeoJSON, Shapefile, whatever GDAL reads), drawn on the grids of rasters. They are read once and moved
/// into the coordinate reference system of the raster at hand. Owns its geometries; safe for concurrent use, one drawing at a time.
/// </summary>
public sealed unsafe class LabelPolygons : IDisposable
{
    private const int TraditionalOrder = 0, PolygonDimension = 2, Write = 1;
    private const long MostPolygons = 5_000_000;

    private readonly List<(nint Geometry, MapBounds Bounds, double Value, int Layer)> _polygons = [];
    private readonly List<nint> _systems = [];   // of the layers; 0 where a layer has none
    private readonly Lock _drawing = new();
    private readonly string _path;

    private LabelPolygons(string path) => _path = path;

    /// <summary>Number of polygons.</summary>
    public int Count => _polygons.Count;

    /// <summary>Reads all polygons of all layers.</summary>
    /// <param name="path">The vector file.</param>
    /// <param name="attribute">The attribute whose text decides on the value; null gives every polygon the value of the text <c>1</c>.</param>
    /// <param name="value">The value of a text; null leaves the polygon out.</param>
    /// <exception cref="RasterException">The file cannot be opened, has no polygon, or a layer lacks the attribute.</exception>
    public static LabelPolygons Open(string path, string? attribute, Func<string, double?> value)
    {
        ArgumentNullException.ThrowIfNull(value);
        var polygons = new LabelPolygons(path);
        try
        {
            using var file = GdalDatasetHandle.OpenVector(path);
            for (var layer = 0; layer < Ogr.GDALDatasetGetLayerCount(file); layer++)
            {
                polygons.Take(Ogr.GDALDatasetGetLayer(file, layer), attribute, value);
            }

            return polygons.Count > 0 ? polygons : throw new RasterException($"{path} has no polygon that can be a label{(attribute is null ? "" : $" by its attribute '{attribute}'")}; at least one is needed.");
        }
        catch
        {
            polygons.Dispose();
            throw;
        }
    }

    /// <summary>Draws a part of a raster's grid: the value of the last polygon that holds a pixel's centre.</summary>
    /// <param name="raster">The raster; must be georeferenced.</param>
    /// <param name="window">Pixels of its grid.</param>
    /// <param name="outside">Value of pixels in no polygon; NaN is not labelled.</param>
    /// <param name="values">[row, column]; every element is written.</param>
    /// <exception cref="RasterException">The raster has no georeferencing, there is no way into its system, or GDAL cannot draw.</exception>
    public void Draw(RasterDataset raster, PixelWindow window, float outside, Span<float> values)
    {
        ArgumentNullException.ThrowIfNull(raster);
        ArgumentOutOfRangeException.ThrowIfNotEqual(values.Length, window.Area);
        var grid = (raster.Transform ?? throw new RasterException($"{raster.Name} has no georeferencing; the polygons of {_path} cannot be drawn on it.")).Moved(window.X, window.Y);
        values.Fill(outside);
        lock (_drawing)
        {
            for (var layer = 0; layer < _systems.Count; layer++)
            {
                Draw(layer, raster, grid, window, values);
            }
        }
    }

    /// <summary>Frees the geometries of polygons that nobody disposed, as sources of chips borrow them for as long as they live.</summary>
    ~LabelPolygons() => Release();

    /// <summary>Frees the geometries.</summary>
    public void Dispose()
    {
        Release();
        GC.SuppressFinalize(this);
    }

    private void Release()
    {
        _polygons.ForEach(polygon => Ogr.OGR_G_DestroyGeometry(polygon.Geometry));
        _systems.ForEach(Ogr.OSRDestroySpatialReference);
        _polygons.Clear();
        _systems.Clear();
    }

    private void Take(nint layer, string? attribute, Func<string, double?> value)
    {
        Gdal.CPLErrorReset();
        var system = Ogr.OGR_L_GetSpatialRef(layer) is var borrowed && borrowed == 0 ? 0 : Ogr.OSRClone(borrowed);
        if (system != 0)
        {
            Ogr.OSRSetAxisMappingStrategy(system, TraditionalOrder);
        }

        _systems.Add(system);
        for (nint feature; (feature = Ogr.OGR_L_GetNextFeature(layer)) != 0; Ogr.OGR_F_Destroy(feature))
        {
            var field = attribute is null ? -1 : Ogr.OGR_F_GetFieldIndex(feature, attribute);
            if (attribute is not null && field < 0)
            {
                Ogr.OGR_F_Destroy(feature);
                throw new RasterException($"{_path} has no attribute '{attribute}'. Name one with data.polygons.attribute (ogrinfo -so lists them).");
            }

            var text = attribute is null ? "1" : Ogr.OGR_F_IsFieldSetAndNotNull(feature, field) == 0 ? "" : Gdal.Text(Ogr.OGR_F_GetFieldAsString(feature, field));
            if (text.Length > 0 && value(text) is { } number && Ogr.OGR_F_StealGeometry(feature) is var geometry && geometry != 0)
            {
                Add(geometry, number);
            }
        }
    }

    private void Add(nint geometry, double value)
    {
        if (Ogr.OGR_G_GetDimension(geometry) != PolygonDimension || _polygons.Count >= MostPolygons)
        {
            Ogr.OGR_G_DestroyGeometry(geometry);
            throw new RasterException(_polygons.Count >= MostPolygons ? $"{_path} has over {MostPolygons} polygons. Divide it." : $"{_path} holds points or lines; labels are polygons. Buffer them first.");
        }

        _polygons.Add((geometry, BoundsOf(geometry), value, _systems.Count - 1));
    }

    private void Draw(int layer, RasterDataset raster, GeoTransform grid, PixelWindow window, Span<float> values)
    {
        Gdal.CPLErrorReset();
        var what = $"Cannot draw the polygons of {_path} on {raster.Name}";
        // Without a reference system on either side, coordinates are taken as those of the raster.
        var (from, to) = (_systems[layer], raster.Projection.Length == 0 || _systems[layer] == 0 ? 0 : Ogr.OSRNewSpatialReference(raster.Projection));
        var (transformation, moved) = ((nint)0, new List<(nint Geometry, double Value)>());
        try
        {
            var corners = new[] { (0, 0), (window.Width, 0), (0, window.Height), (window.Width, window.Height) }.Select(corner => grid.Moved(corner.Item1, corner.Item2)).ToList();
            var part = new MapBounds(corners.Min(corner => corner.OriginX), corners.Min(corner => corner.OriginY), corners.Max(corner => corner.OriginX), corners.Max(corner => corner.OriginY));
            if (to != 0)
            {
                Ogr.OSRSetAxisMappingStrategy(to, TraditionalOrder);
                transformation = Ogr.OCTNewCoordinateTransformation(from, to);
                _ = transformation != 0 ? 0 : throw GdalError.Last(what);
                part = SpatialReference.Transform(part, raster.Projection, WktOf(from, what));
            }

            var longest = LongestEdge(part, grid, window, raster.Projection);

            foreach (var polygon in _polygons)
            {
                if (polygon.Layer == layer && polygon.Bounds.West <= part.East && polygon.Bounds.East >= part.West && polygon.Bounds.South <= part.North && polygon.Bounds.North >= part.South)
                {
                    moved.Add((Ogr.OGR_G_Clone(polygon.Geometry), polygon.Value));
                    if (transformation != 0)
                    {
                        Ogr.OGR_G_Segmentize(moved[^1].Geometry, longest);   // between its corners an edge is straight in its own system only
                    }

                    _ = transformation == 0 || Ogr.OGR_G_Transform(moved[^1].Geometry, transformation) == 0 ? 0 : throw GdalError.Last(what);
                }
            }

            if (moved.Count > 0)
            {
                Rasterize(moved, grid, window, values, what);
            }
        }
        finally
        {
            moved.ForEach(polygon => Ogr.OGR_G_DestroyGeometry(polygon.Geometry));
            Ogr.OCTDestroyCoordinateTransformation(transformation);
            Ogr.OSRDestroySpatialReference(to);
        }
    }

    /// <summary>The longest edge, in units of the polygons, that may stay straight in the raster's system. A chord of length L leaves an arc of radius R by
    /// L² / 8R; with R = 1000 km, less than maps of single countries and zones bend (R = 6371 km / tan φ for parallels: up to φ = 81°), that is a tenth of a pixel.</summary>
    private static double LongestEdge(MapBounds part, GeoTransform grid, PixelWindow window, string projection)
    {
        const double Radius = 1e6, Tolerance = 0.1, MetresInDegree = 111_195;
        var (right, below) = (grid.Moved(1, 0), grid.Moved(0, 1));
        var side = Math.Min(Length(right), Length(below));
        var metres = side * (SpatialReference.IsGeographic(projection) ? MetresInDegree : SpatialReference.LinearUnit(projection));
        var pixels = Math.Max(1, Math.Sqrt(8 * Radius * Tolerance / metres));
        return pixels * Math.Min((part.East - part.West) / window.Width, (part.North - part.South) / window.Height);

        double Length(GeoTransform moved) => Math.Sqrt(Math.Pow(moved.OriginX - grid.OriginX, 2) + Math.Pow(moved.OriginY - grid.OriginY, 2));
    }

    private static void Rasterize(List<(nint Geometry, double Value)> polygons, GeoTransform grid, PixelWindow window, Span<float> pixels, string what)
    {
        using var canvas = Gdal.GDALCreate(Gdal.GDALGetDriverByName("MEM"), "", window.Width, window.Height, 1, (int)RasterType.Float32, 0).Checked(what);
        fixed (double* transform = grid.ToArray())
        fixed (nint* geometries = polygons.Select(polygon => polygon.Geometry).ToArray())
        fixed (double* burned = polygons.Select(polygon => polygon.Value).ToArray())
        fixed (float* start = pixels)
        {
            var (number, band) = (1, Gdal.GDALGetRasterBand(canvas, 1));
            GdalError.Check(Gdal.GDALSetGeoTransform(canvas, transform), what);
            GdalError.Check(Gdal.GDALRasterIOEx(band, Write, 0, 0, window.Width, window.Height, start, window.Width, window.Height, (int)RasterType.Float32, 0, 0, 0), what);
            GdalError.Check(Ogr.GDALRasterizeGeometries(canvas, 1, &number, polygons.Count, geometries, 0, 0, burned, 0, 0, 0), what);
            GdalError.Check(Gdal.GDALRasterIOEx(band, 0, 0, 0, window.Width, window.Height, start, window.Width, window.Height, (int)RasterType.Float32, 0, 0, 0), what);
        }
    }

    private static MapBounds BoundsOf(nint geometry)
    {
        var corners = stackalloc double[4];
        Ogr.OGR_G_GetEnvelope(geometry, corners);
        return new MapBounds(corners[0], corners[2], corners[1], corners[3]);
    }

    private static string WktOf(nint system, string what)
    {
        nint text = 0;
        _ = Ogr.OSRExportToWkt(system, &text) == 0 ? 0 : throw GdalError.Last(what);
        var wkt = Gdal.Text(text);
        Ogr.VSIFree(text);
        return wkt;
    }
}
