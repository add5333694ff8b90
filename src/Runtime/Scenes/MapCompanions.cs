using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Files that are made of a finished map and appear before it. <c>MAP.report.json</c> and <c>MAP.report.html</c> always are.</summary>
public sealed record MapCompanions
{
    /// <summary>Stands for a name beside the map: <c>MAP.gpkg</c>, <c>MAP.stac.json</c>, <c>MAP.png</c>, <c>MAP.qml</c>.</summary>
    public const string Beside = "";

    /// <summary>A GeoPackage with the classes as polygons; null makes none. With several maps, <c>{adapter}</c> tells them apart.</summary>
    public string? Vector { get; init; }

    /// <summary>How classes become polygons.</summary>
    public PolygonOptions Polygons { get; init; } = new();

    /// <summary>A STAC item that describes the map; null makes none.</summary>
    public string? Stac { get; init; }

    /// <summary>A small PNG picture of the map; null makes none.</summary>
    public string? QuickLook { get; init; }

    /// <summary>A style for QGIS with the classes or the values of the map, which QGIS takes by itself when it lies beside the map; null makes none.</summary>
    public string? Style { get; init; }

    /// <summary>Every file with its name.</summary>
    /// <exception cref="ArgumentException">A file has the name of the map or of another file.</exception>
    internal MapCompanions For(SceneOutput map)
    {
        var named = this with { Vector = Name(Vector, ".gpkg"), Stac = Name(Stac, ".stac.json"), QuickLook = Name(QuickLook, ".png"), Style = Name(Style, ".qml") };
        List<string> names = [Path.GetFullPath(map.Path), .. named.Files.Select(Path.GetFullPath)];
        return names.Distinct().Count() == names.Count ? named
            : throw new ArgumentException($"Two of the files that are made have the same name: {string.Join(", ", names.Order(StringComparer.Ordinal))}. Give each its own.");

        string? Name(string? name, string extension) => name is null ? null : name.Length == 0 ? Path.ChangeExtension(map.Path, extension) : map.Named(name);
    }

    /// <summary>The files that are wanted.</summary>
    internal IEnumerable<string> Files => new[] { Vector, Stac, QuickLook, Style }.OfType<string>();
}
