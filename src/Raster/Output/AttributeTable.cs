using EoOnnx.Raster.Native;

namespace EoOnnx.Raster;

/// <summary>The raster attribute table of a class map: value, name, colour and number of pixels, as QGIS and ArcGIS show it.</summary>
internal static class AttributeTable
{
    private enum FieldType
    {
        Integer = 0,
        Real = 1,
        Text = 2,
    }

    private enum Usage
    {
        PixelCount = 1,
        Name = 2,
        MinMax = 5,
        Red = 6,
        Green = 7,
        Blue = 8,
    }

    private static readonly (string Name, FieldType Type, Usage Usage)[] Columns =
    [
        ("Value", FieldType.Integer, Usage.MinMax), ("Class", FieldType.Text, Usage.Name), ("Red", FieldType.Integer, Usage.Red), ("Green", FieldType.Integer, Usage.Green),
        ("Blue", FieldType.Integer, Usage.Blue), ("Count", FieldType.Real, Usage.PixelCount),
    ];

    /// <summary>Gives a band its table.</summary>
    /// <param name="band">The band.</param>
    /// <param name="profile">Names and colours by value.</param>
    /// <param name="pixels">Pixels by value; without them there is no such column.</param>
    /// <param name="path">The map, for messages.</param>
    public static void Apply(nint band, RasterProfile profile, IReadOnlyList<long> pixels, string path)
    {
        var table = Gdal.GDALCreateRasterAttributeTable();
        try
        {
            foreach (var column in pixels.Count == 0 ? Columns[..^1] : Columns)
            {
                GdalError.Check(Gdal.GDALRATCreateColumn(table, column.Name, (int)column.Type, (int)column.Usage), $"Cannot make the attribute table of {path}");
            }

            var named = profile.CategoryNames.Index().Where(item => item.Item.Length > 0).ToList();
            Gdal.GDALRATSetRowCount(table, named.Count);
            foreach (var (row, (value, name)) in named.Index())
            {
                var color = profile.Colors.ElementAtOrDefault(value);
                Gdal.GDALRATSetValueAsInt(table, row, 0, value);
                Gdal.GDALRATSetValueAsString(table, row, 1, name);
                Gdal.GDALRATSetValueAsInt(table, row, 2, color.Red);
                Gdal.GDALRATSetValueAsInt(table, row, 3, color.Green);
                Gdal.GDALRATSetValueAsInt(table, row, 4, color.Blue);
                if (pixels.Count > 0)
                {
                    Gdal.GDALRATSetValueAsDouble(table, row, 5, pixels.ElementAtOrDefault(value));
                }
            }

            GdalError.Check(Gdal.GDALSetDefaultRAT(band, table), $"Cannot set the attribute table of {path}");
        }
        finally
        {
            Gdal.GDALDestroyRasterAttributeTable(table);
        }
    }
}
