using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Rasters that are open while a scene is put together; each once. Owns them.</summary>
internal sealed class OpenRasters(RasterAccess access) : IDisposable
{
    private readonly Dictionary<string, RasterDataset> _open = new(StringComparer.Ordinal);

    /// <summary>Files of all rasters opened so far.</summary>
    public IEnumerable<string> Files => _open.Values.SelectMany(raster => raster.Files).Distinct();

    public RasterDataset Open(string path)
    {
        if (!_open.TryGetValue(path, out var raster))
        {
            _open.Add(path, raster = RasterDataset.Open(path, access));
        }

        return raster;
    }

    public void Dispose()
    {
        foreach (var raster in _open.Values)
        {
            raster.Dispose();
        }
    }
}

/// <summary>Decides the grid on which a scene is mapped.</summary>
internal static class SceneGrid
{
    /// <summary>The grid of the finest band used, in the wanted system and resolution.</summary>
    /// <exception cref="RasterException">Sources lie in different systems and none was chosen, or a grid is rotated.</exception>
    public static RasterGrid Decide(SceneSelection plan, OpenRasters rasters, SceneRequest request)
    {
        var used = plan.Used.Select(band => rasters.Open(band.Source.Path)).Distinct().ToList();
        var finest = used.MinBy(raster => raster.Transform is { } transform ? transform.PixelArea : double.MaxValue)!;
        var grid = request.Grid is { } system ? StackedRaster.Reprojected(finest, System(system, finest)) : GridOf(finest, used);
        var resolution = request.Resolution ?? (request.ResampleToModel ? ModelResolution(plan, grid) : null);
        return resolution is { } edge ? grid.WithResolution(edge) : grid;
    }

    private static RasterGrid GridOf(RasterDataset finest, List<RasterDataset> used)
    {
        if (used.Find(raster => !SpatialReference.AreSame(raster.Projection, finest.Projection)) is { } other)
        {
            throw new RasterException($"{finest.Path} lies in {SpatialReference.Name(finest.Projection)} and {other.Path} in {SpatialReference.Name(other.Projection)}. Choose a system for both with --grid EPSG:n or --grid utm.");
        }

        if (used.Find(raster => raster.HasGroundControlPoints || raster.Transform is { IsNorthUp: false }) is { } skewed)
        {
            throw new RasterException($"{skewed.Path} {(skewed.HasGroundControlPoints ? "is placed by ground control points" : "has a rotated grid")}; a grid along the axes is needed. Choose one with --grid EPSG:n or --grid utm, or make one with: gdalwarp -r near '{skewed.Path}' warped.tif");
        }

        return RasterGrid.Of(finest);
    }

    private static string System(string wanted, RasterDataset raster)
    {
        if (!wanted.Equals("utm", StringComparison.OrdinalIgnoreCase))
        {
            return SpatialReference.ToWkt(wanted);
        }

        var bounds = StackedRaster.Reprojected(raster, "EPSG:4326").Bounds;
        return SpatialReference.ToWkt(SpatialReference.UtmZone((bounds.West + bounds.East) / 2, (bounds.South + bounds.North) / 2));
    }

    private static double ModelResolution(SceneSelection plan, RasterGrid grid)
    {
        var metres = plan.Channels.Manifest.GroundResolutionMetres
            ?? throw new ArgumentException($"The manifest of {plan.Model.Path} does not say at which resolution it was trained; give one with --resolution.");
        var pixel = grid.PixelMetres ?? throw new RasterException("The scene has no coordinate reference system, so that its pixels cannot be compared with metres; give the resolution with --resolution.");
        return metres / pixel * Math.Sqrt(grid.Transform!.Value.PixelArea);
    }
}
