namespace EoOnnx.Training.Recipes;

/// <summary>Labels that are polygons of a vector file, drawn on the grid of each chip.</summary>
public sealed record PolygonRecipe
{
    /// <summary>The vector file: GeoPackage, GeoJSON, Shapefile, whatever GDAL reads; its coordinates are moved into those of each chip.</summary>
    public required string File { get; init; }

    /// <summary>Attribute with the name or the label value of a polygon's class, or its measured value; null takes every polygon for label value 1.</summary>
    public string? Attribute { get; init; }

    /// <summary>Class or value of pixels in no polygon; null leaves them unlabelled.</summary>
    public string? Outside { get; init; }
}
