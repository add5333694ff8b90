using EoOnnx.Formats;
using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>How sure a class map is, pixel by pixel.</summary>
/// <param name="Path">A raster of the map's size; it may be the map.</param>
/// <param name="Band">The band, from 1.</param>
/// <param name="Scale">Factor from stored values to probabilities.</param>
public sealed record MapConfidence(string Path, int Band, double Scale);

/// <summary>
/// Writes the classes of a map as polygons into a GeoPackage: one layer <c>classes</c> with class, name, area_m2, pixels, conf_mean
/// and scene. Areas are those on the ground, also of maps in degrees. Equal maps give equal bytes.
/// </summary>
public static unsafe class PolygonMap
{
    private const string Layer = "classes";
    private const int FeaturesATransaction = 10_000, MultiPolygonType = 6, PolygonType = 3;

    private enum Field
    {
        Class,
        Name,
        Area,
        Pixels,
        Confidence,
        Scene,
    }

    private enum FieldType
    {
        Integer = 0,
        Real = 2,
        Text = 4,
        Integer64 = 12,
    }

    /// <summary>Writes the polygons, atomically.</summary>
    /// <param name="map">A class map: classes in the first band, with their names.</param>
    /// <param name="path">The GeoPackage; replaced when it exists.</param>
    /// <param name="scene">What the map was made of; stands at every polygon.</param>
    /// <param name="options">How; null takes the defaults.</param>
    /// <param name="confidence">Confidence of each pixel; null leaves conf_mean empty.</param>
    /// <param name="cancellation">Ends the work; nothing is left behind.</param>
    /// <returns>The number of polygons.</returns>
    /// <exception cref="RasterException">The map cannot be read or the GeoPackage cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static long Write(string map, string path, string scene, PolygonOptions? options = null, MapConfidence? confidence = null, CancellationToken cancellation = default)
    {
        GdalLibrary.Ensure();
        options ??= new PolygonOptions();
        var temporary = AtomicFile.TemporaryName(path);
        var (outlines, sieved) = (temporary + ".outlines", temporary + ".sieved");
        // A GeoPackage states when it was changed; equal maps shall give equal bytes.
        Gdal.CPLSetThreadLocalConfigOption("OGR_CURRENT_DATE", "1970-01-01T00:00:00.000Z");
        try
        {
            using var original = RasterDataset.Open(map);
            if (options.MinimumArea > 0)
            {
                Sieve(original, sieved, options, cancellation);
            }

            using var classes = RasterDataset.Open(options.MinimumArea > 0 ? sieved : map);
            using var sureness = confidence is null ? null : RasterDataset.Open(confidence.Path);
            var regions = ClassRegions.Measure(classes, sureness is null ? null : (sureness, confidence!.Band), options.ConnectDiagonals, cancellation);
            var count = Write(classes, original, temporary, outlines, path, scene, options, regions, confidence?.Scale, cancellation);
            File.Move(temporary, path, overwrite: true);
            return count;
        }
        finally
        {
            Gdal.CPLSetThreadLocalConfigOption("OGR_CURRENT_DATE", null);
            foreach (var file in new[] { temporary, outlines, sieved })
            {
                Array.ForEach([file, file + "-journal", file + "-wal", file + "-shm", file + ".aux.xml"], AtomicFile.Discard);
            }
        }
    }

    private static long Write(
        RasterDataset classes, RasterDataset map, string temporary, string outlines, string path, string scene, PolygonOptions options,
        Dictionary<long, ClassRegion> regions, double? confidenceScale, CancellationToken cancellation)
    {
        var what = $"Cannot write {path}";
        var count = 0L;
        using (var raw = Create(outlines, what))
        using (var package = Create(temporary, what))
        {
            var source = Outline(classes, raw, options, what, cancellation);
            var target = CreateLayer(package, map.Projection, what);
            Check(Ogr.GDALDatasetStartTransaction(package, 0), what);
            for (nint outline; (outline = Ogr.OGR_L_GetNextFeature(source)) != 0;)
            {
                cancellation.ThrowIfCancellationRequested();
                var id = Ogr.OGR_F_GetFieldAsInteger(outline, 0);
                var geometry = Ogr.OGR_F_StealGeometry(outline);
                Ogr.OGR_F_Destroy(outline);
                var region = regions[FirstPixel(geometry, classes)];
                if (region.SquareMetres < options.MinimumArea || (options.Classes.Count > 0 && !options.Classes.Contains(id)))
                {
                    Ogr.OGR_G_DestroyGeometry(geometry);
                    continue;
                }

                var feature = Ogr.OGR_F_Create(Ogr.OGR_L_GetLayerDefn(target));
                Ogr.OGR_F_SetFieldInteger(feature, (int)Field.Class, id);
                Ogr.OGR_F_SetFieldString(feature, (int)Field.Name, map.Bands[0].CategoryNames.ElementAtOrDefault(id) ?? "");
                Ogr.OGR_F_SetFieldInteger64(feature, (int)Field.Pixels, region.Pixels);
                Ogr.OGR_F_SetFieldString(feature, (int)Field.Scene, scene);
                if (!double.IsNaN(region.SquareMetres))
                {
                    Ogr.OGR_F_SetFieldDouble(feature, (int)Field.Area, region.SquareMetres);
                }

                if (confidenceScale is { } scale)
                {
                    Ogr.OGR_F_SetFieldDouble(feature, (int)Field.Confidence, region.Confidence * scale / region.Pixels);
                }

                var result = Ogr.OGR_F_SetGeometryDirectly(feature, Shaped(geometry, options));
                result = result != 0 ? result : Ogr.OGR_L_CreateFeature(target, feature);
                Ogr.OGR_F_Destroy(feature);
                Check(result, what);
                if (++count % FeaturesATransaction == 0)
                {
                    Check(Ogr.GDALDatasetCommitTransaction(package), what);
                    Check(Ogr.GDALDatasetStartTransaction(package, 0), what);
                }
            }

            Check(Ogr.GDALDatasetCommitTransaction(package), what);
            Gdal.CPLErrorReset();
        }

        GdalError.CheckState(what); // of closing: a full disk shows here
        return count;
    }

    private static GdalDatasetHandle Create(string path, string what)
    {
        Gdal.CPLErrorReset();
        return Gdal.GDALCreate(Gdal.GDALGetDriverByName("GPKG"), path, 0, 0, 0, 0, 0).Checked(what);
    }

    // The outlines of all regions, on the pixels' edges, in a file of their own: memory does not follow their number.
    private static nint Outline(RasterDataset classes, GdalDatasetHandle target, PolygonOptions options, string what, CancellationToken cancellation)
    {
        var layer = Ogr.GDALDatasetCreateLayer(target, Layer, 0, PolygonType, 0);
        AddField(layer, "class", FieldType.Integer, what);
        using var raster = GdalDatasetHandle.Open(classes.Path);
        using var arguments = new GdalStringList(options.ConnectDiagonals ? ["8CONNECTED=8"] : []);
        using var progress = new GdalProgress(cancellation);
        var band = Gdal.GDALGetRasterBand(raster, 1);
        Check(Ogr.GDALDatasetStartTransaction(target, 0), what);
        var result = Ogr.GDALPolygonize(band, Gdal.GDALGetMaskBand(band), layer, 0, arguments.Pointer, GdalProgress.Callback, progress.Data);
        cancellation.ThrowIfCancellationRequested();
        GdalError.Check(result, what);
        Check(Ogr.GDALDatasetCommitTransaction(target), what);
        Ogr.OGR_L_ResetReading(layer);
        return layer;
    }

    private static nint CreateLayer(GdalDatasetHandle package, string projection, string what)
    {
        var reference = projection.Length == 0 ? 0 : Ogr.OSRNewSpatialReference(projection);
        var layer = Ogr.GDALDatasetCreateLayer(package, Layer, reference, MultiPolygonType, 0);
        Ogr.OSRDestroySpatialReference(reference);
        if (layer == 0)
        {
            throw GdalError.Last(what);
        }

        // In the order of Field.
        AddField(layer, "class", FieldType.Integer, what);
        AddField(layer, "name", FieldType.Text, what);
        AddField(layer, "area_m2", FieldType.Real, what);
        AddField(layer, "pixels", FieldType.Integer64, what);
        AddField(layer, "conf_mean", FieldType.Real, what);
        AddField(layer, "scene", FieldType.Text, what);
        return layer;
    }

    private static void AddField(nint layer, string name, FieldType type, string what)
    {
        var field = Ogr.OGR_Fld_Create(name, (int)type);
        var result = Ogr.OGR_L_CreateField(layer, field, 1);
        Ogr.OGR_Fld_Destroy(field);
        Check(result, what);
    }

    // The first pixel of a region is the upper left one: its corner is the leftmost of the topmost vertices.
    private static long FirstPixel(nint polygon, RasterDataset raster)
    {
        var grid = raster.Transform ?? new GeoTransform(0, 1, 0, 0, 0, 1); // GDAL outlines maps without a place in pixels
        var first = long.MaxValue;
        for (var ring = 0; ring < Ogr.OGR_G_GetGeometryCount(polygon); ring++)
        {
            var line = Ogr.OGR_G_GetGeometryRef(polygon, ring);
            for (var i = 0; i < Ogr.OGR_G_GetPointCount(line); i++)
            {
                var column = (long)Math.Round((Ogr.OGR_G_GetX(line, i) - grid.OriginX) / grid.PixelWidth);
                var row = (long)Math.Round((Ogr.OGR_G_GetY(line, i) - grid.OriginY) / grid.PixelHeight);
                first = Math.Min(first, (row * (raster.Size.Width + 1L)) + column);
            }
        }

        return (first / (raster.Size.Width + 1L) * raster.Size.Width) + (first % (raster.Size.Width + 1L));
    }

    // Takes the geometry over. Rings that touch themselves at corners become several polygons.
    private static nint Shaped(nint geometry, PolygonOptions options)
    {
        if (Ogr.OGR_G_IsValid(geometry) == 0)
        {
            geometry = Instead(geometry, Ogr.OGR_G_MakeValid(geometry));
        }

        if (options.Simplify > 0)
        {
            geometry = Instead(geometry, Ogr.OGR_G_SimplifyPreserveTopology(geometry, options.Simplify));
        }

        return Ogr.OGR_G_ForceToMultiPolygon(geometry);

        static nint Instead(nint old, nint replacement)
        {
            Ogr.OGR_G_DestroyGeometry(old);
            return replacement != 0 ? replacement : throw GdalError.Last("A polygon cannot be made valid or simpler; GDAL needs GEOS for it");
        }
    }

    private static void Sieve(RasterDataset map, string path, PolygonOptions options, CancellationToken cancellation)
    {
        var what = $"Cannot sieve {map.Name}";
        var size = map.Size;
        var pixel = GroundArea.Of(map.Transform, map.Projection).PerPixel(size.Height / 2)
            ?? throw new RasterException($"{map.Name} is not placed on the ground, so that no area can be measured. Leave out --min-area.");
        var type = map.Bands[0].Type;
        using var source = GdalDatasetHandle.Open(map.Path);
        using var creation = new GdalStringList("TILED=YES", "COMPRESS=DEFLATE", "BIGTIFF=IF_SAFER");
        Gdal.CPLErrorReset();
        using (var target = Gdal.GDALCreate(Gdal.GDALGetDriverByName("GTiff"), path, size.Width, size.Height, 1, (int)type, creation.Pointer).Checked(what))
        {
            new RasterProfile { Size = size, Type = type, Transform = map.Transform, Projection = map.Projection, NoData = map.Bands[0].NoData }.ApplyTo(target, path);
            var (from, to) = (Gdal.GDALGetRasterBand(source, 1), Gdal.GDALGetRasterBand(target, 1));
            var threshold = (int)Math.Clamp(Math.Ceiling(options.MinimumArea / pixel), 1, int.MaxValue);
            using var progress = new GdalProgress(cancellation);
            var result = Ogr.GDALSieveFilter(from, Gdal.GDALGetMaskBand(from), to, threshold, options.ConnectDiagonals ? 8 : 4, 0, GdalProgress.Callback, progress.Data);
            cancellation.ThrowIfCancellationRequested();
            GdalError.Check(result, what);
            Gdal.CPLErrorReset();
        }

        GdalError.CheckState(what);
    }

    // OGRErr: everything but 0 is a failure.
    private static void Check(int result, string what)
    {
        if (result != 0)
        {
            throw GdalError.Last(what);
        }
    }
}
