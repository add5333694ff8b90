using System.Globalization;
using System.Xml.Linq;

namespace EoOnnx.Raster;

/// <summary>
/// Bands of several rasters as one raster in memory: a VRT on one grid. Bands on other grids come through a warped VRT, bilinear in
/// single precision, or nearest for classes and flags; what no source covers is missing. Nothing is computed before it is read.
/// Owns its files in <c>/vsimem/</c>; disposed after every reader.
/// </summary>
public sealed class StackedRaster : IDisposable
{
    private readonly string _folder = $"/vsimem/eoonnx-stack-{Guid.NewGuid():N}";
    private int _files;

    private StackedRaster()
    {
    }

    /// <summary>The raster; owned by the stack.</summary>
    public RasterDataset Dataset { get; private set; } = null!;

    /// <summary>Makes a stack.</summary>
    /// <param name="grid">The grid of the result.</param>
    /// <param name="bands">Its bands, in order; their rasters may be closed afterwards.</param>
    /// <param name="displayName">What the result is called in messages.</param>
    /// <exception cref="RasterException">A band cannot be laid on the grid.</exception>
    public static StackedRaster Create(RasterGrid grid, IReadOnlyList<StackBand> bands, string displayName)
    {
        var stack = new StackedRaster();
        try
        {
            var places = stack.Locate(grid, bands);
            var path = stack.NewFile("stack");
            VirtualFiles.WriteMemory(path, Document(grid, bands, places).ToString(SaveOptions.DisableFormatting));
            stack.Dataset = RasterDataset.Open(path, new RasterAccess
            {
                DisplayName = displayName, AllowExternalVrt = true, IsRemote = bands.Any(band => band.Source.IsRemote),
                IsSigned = bands.Any(band => band.Source.GdalName.Contains('?', StringComparison.Ordinal)),
            });
            return stack;
        }
        catch
        {
            stack.Dispose();
            throw;
        }
    }

    /// <summary>The grid that a raster has after reprojection.</summary>
    /// <param name="raster">May be rotated or placed by control points.</param>
    /// <param name="projection">The other system, as WKT or <c>EPSG:n</c>.</param>
    /// <exception cref="RasterException">There is no way to that system.</exception>
    public static RasterGrid Reprojected(RasterDataset raster, string projection)
    {
        var folder = $"/vsimem/eoonnx-stack-{Guid.NewGuid():N}";
        try
        {
            VirtualWarp.Warp(raster.GdalName, $"{folder}/grid.vrt", ["-t_srs", projection], raster);
            using var dataset = RasterDataset.Open($"{folder}/grid.vrt", new RasterAccess { DisplayName = raster.Name, AllowExternalVrt = true, IsRemote = raster.IsRemote });
            return RasterGrid.Of(dataset);
        }
        finally
        {
            VirtualFiles.DeleteMemory(folder);
        }
    }

    /// <summary>Closes the raster and frees its memory.</summary>
    public void Dispose()
    {
        Dataset?.Dispose();
        VirtualFiles.DeleteMemory(_folder);
    }

    // Bands of one raster that need the same treatment are warped together, so that shared blocks are decoded once.
    private Place[] Locate(RasterGrid grid, IReadOnlyList<StackBand> bands)
    {
        var places = new Place[bands.Count];
        foreach (var group in bands.Index().GroupBy(item => (item.Item.Source, item.Item.IsCategorical, item.Item.MissingValue, Direct: IsDirect(grid, item.Item))))
        {
            var members = group.ToList();
            if (group.Key.Direct)
            {
                members.ForEach(member => places[member.Index] = new Place(member.Item.Source.GdalName, member.Item.Band, member.Item.Description.Type, member.Item.MissingValue, member.Item.Description.BlockSize));
                continue;
            }

            var categorical = group.Key.IsCategorical;
            var source = group.Key.Source;
            var picked = NewFile("pick");
            var numbers = members.Select(member => member.Item.Band).Distinct().ToList();
            VirtualWarp.Pick(source, picked, numbers, group.Key.MissingValue);
            var warped = NewFile("warp");
            VirtualWarp.Warp(picked, warped, Arguments(grid, source, categorical, group.Key.MissingValue), source);
            foreach (var (index, band) in members)
            {
                places[index] = new Place(warped, numbers.IndexOf(band.Band) + 1, categorical ? band.Description.Type : RasterType.Float32, categorical ? group.Key.MissingValue : double.NaN, new PixelSize(512, 128));
            }
        }

        return places;
    }

    // A mask or alpha band of the source is turned into missing values by warping, since a VRT has only one mask for all its bands.
    private static bool IsDirect(RasterGrid grid, StackBand band) =>
        RasterGrid.Of(band.Source).Matches(grid) && SpatialReference.AreSame(band.Source.Projection, grid.Projection)
        && (band.IgnoresNoData || band.IsCategorical || !band.Source.HasDatasetMask(band.Band));

    private static List<string> Arguments(RasterGrid grid, RasterDataset source, bool categorical, double? missing)
    {
        if (grid.Transform is not { IsNorthUp: true } transform)
        {
            throw new RasterException($"{source.Name} ({source.Size.Width} x {source.Size.Height} pixels) cannot be laid on a grid of {grid.Size.Width} x {grid.Size.Height} without georeferencing.");
        }

        var bounds = grid.Bounds;
        List<string> arguments =
        [
            "-te", Text(bounds.West), Text(bounds.South), Text(bounds.East), Text(bounds.North), "-ts", Text(grid.Size.Width), Text(grid.Size.Height),
            "-r", categorical ? "near" : "bilinear",
        ];
        if (grid.Projection.Length > 0 && !SpatialReference.AreSame(source.Projection, grid.Projection))
        {
            arguments.AddRange(["-t_srs", grid.Projection]);
        }

        if (!categorical)
        {
            arguments.AddRange(["-ot", "Float32", "-dstnodata", "nan"]);
        }
        else if (missing is { } value)
        {
            arguments.AddRange(["-dstnodata", Text(value)]);
        }

        return transform.PixelHeight > 0 ? throw new RasterException($"{source.Name}: the grid's rows run from south to north; lay it on another one with --grid.") : arguments;
    }

    private static XDocument Document(RasterGrid grid, IReadOnlyList<StackBand> bands, Place[] places)
    {
        var root = new XElement("VRTDataset", new XAttribute("rasterXSize", grid.Size.Width), new XAttribute("rasterYSize", grid.Size.Height));
        if (grid.Projection.Length > 0)
        {
            root.Add(new XElement("SRS", grid.Projection));
        }

        if (grid.Transform is { } transform)
        {
            root.Add(new XElement("GeoTransform", string.Join(", ", transform.ToArray().Select(Text))));
        }

        var block = new PixelSize(
            Math.Min(grid.Size.Width, places.Max(place => place.Block.Width)), Math.Min(grid.Size.Height, places.Max(place => place.Block.Height)));
        for (var i = 0; i < bands.Count; i++)
        {
            var (band, place) = (bands[i], places[i]);
            root.Add(new XElement("VRTRasterBand", new XAttribute("dataType", place.Type.ToString()), new XAttribute("band", i + 1),
                new XAttribute("blockXSize", block.Width), new XAttribute("blockYSize", block.Height),
                new XElement("Description", band.Name),
                place.NoData is { } missing ? new XElement("NoDataValue", Text(missing)) : null,
                new XElement("Offset", Text(band.Offset ?? band.Description.Offset)),
                new XElement("Scale", Text(band.Scale ?? band.Description.Scale)),
                Source(grid, place)));
        }

        return new XDocument(root);
    }

    private static XElement Source(RasterGrid grid, Place place)
    {
        XAttribute[] extent = [new("xOff", 0), new("yOff", 0), new("xSize", grid.Size.Width), new("ySize", grid.Size.Height)];
        return new XElement("SimpleSource",
            new XElement("SourceFilename", new XAttribute("relativeToVRT", 0), new XAttribute("shared", 0), place.Path),
            new XElement("SourceBand", place.Band),
            new XElement("SourceProperties", new XAttribute("RasterXSize", grid.Size.Width), new XAttribute("RasterYSize", grid.Size.Height),
                new XAttribute("DataType", place.Type.ToString()), new XAttribute("BlockXSize", place.Block.Width), new XAttribute("BlockYSize", place.Block.Height)),
            new XElement("SrcRect", extent),
            new XElement("DstRect", extent));
    }

    private string NewFile(string kind) => string.Create(CultureInfo.InvariantCulture, $"{_folder}/{kind}{_files++}.vrt");

    private static string Text(double number) => double.IsNaN(number) ? "nan" : number.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>Where a band of the stack is read from.</summary>
    private readonly record struct Place(string Path, int Band, RasterType Type, double? NoData, PixelSize Block);
}
