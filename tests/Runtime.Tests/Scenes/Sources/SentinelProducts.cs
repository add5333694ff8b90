using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes.Sources;

/// <summary>Small Sentinel-2 level 2A products in the form that ESA ships: SAFE folder, product and tile metadata, JPEG 2000 images.</summary>
internal static class SentinelProducts
{
    /// <summary>Edge of the 10 m images; those of 20 and 60 m cover the same area.</summary>
    public const int Edge = 120;

    private const string Name = "S2A_MSIL2A_20240501T101031_N0510_R022_T33UUP_20240501T140000";
    private const string Granule = "L2A_T33UUP_A000001_20240501T101031";

    private static readonly (string Band, int Metres)[] Images =
    [
        ("B02", 10), ("B03", 10), ("B04", 10), ("B08", 10), ("B05", 20), ("B06", 20), ("B07", 20), ("B8A", 20), ("B11", 20), ("B12", 20), ("SCL", 20), ("B01", 60), ("B09", 60),
    ];

    /// <summary>The digital number of a band at a pixel of its own resolution; never 0.</summary>
    public static ushort Number(string band, int column, int row) => (ushort)(1000 + (Images.Index().First(item => item.Item.Band == band).Index * 300) + (column * 7 % 50) + (row * 11 % 60));

    /// <summary>The scene class at a pixel of 20 m: 9 (cloud) in the upper left corner, else 4.</summary>
    public static byte Class(int column, int row) => column < 10 && row < 10 ? (byte)9 : (byte)4;

    private static IEnumerable<string> Files => Images.Select(image => $"GRANULE/{Granule}/IMG_DATA/R{image.Metres}m/T33UUP_20240501T101031_{image.Band}_{image.Metres}m");

    /// <summary>Writes the images and the tile's metadata of a product.</summary>
    /// <returns>The SAFE folder.</returns>
    public static string Write(string folder)
    {
        var safe = Path.Combine(folder, Name + ".SAFE");
        foreach (var ((band, metres), file) in Images.Zip(Files))
        {
            WriteImage(Path.Combine(safe, file + ".jp2"), folder, band, metres);
        }

        File.WriteAllText(Path.Combine(safe, "GRANULE", Granule, "MTD_TL.xml"), Tile());
        return safe;
    }

    /// <summary>Writes the product's own metadata.</summary>
    /// <param name="safe">The SAFE folder.</param>
    /// <param name="baseline">Processing baseline, for example <c>05.10</c>.</param>
    /// <param name="offset">What the list of offsets says; null writes none.</param>
    public static void Describe(string safe, string baseline, int? offset) => File.WriteAllText(Path.Combine(safe, "MTD_MSIL2A.xml"), Product(baseline, offset, Files));

    /// <summary>Packs a product as the archives ship it.</summary>
    public static string Zip(string safe, string folder)
    {
        var zip = Path.Combine(folder, Name + ".zip");
        ZipFile.CreateFromDirectory(safe, zip, CompressionLevel.NoCompression, includeBaseDirectory: true);
        return zip;
    }

    private static void WriteImage(string path, string folder, string band, int metres)
    {
        var size = Edge * 10 / metres;
        var profile = new RasterProfile
        {
            Size = new PixelSize(size, size), Type = band == "SCL" ? RasterType.Byte : RasterType.UInt16, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, metres, 0, 5_000_040, 0, -metres),
        };
        var plain = Path.Combine(folder, band + ".tif");
        if (band == "SCL")
        {
            GeoTiffWriter.Write<byte>(plain, profile, [.. Enumerable.Range(0, size * size).Select(i => Class(i % size, i / size))]);
        }
        else
        {
            GeoTiffWriter.Write<ushort>(plain, profile, [.. Enumerable.Range(0, size * size).Select(i => Number(band, i % size, i / size))]);
        }

        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        using var process = Process.Start(new ProcessStartInfo("gdal_translate", ["-q", "-of", "JP2OpenJPEG", "-co", "QUALITY=100", "-co", "REVERSIBLE=YES", plain, path]) { RedirectStandardError = true })!;
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.True(process.ExitCode == 0, error);
        File.Delete(plain);
    }

    private static string Product(string baseline, int? offset, IEnumerable<string> files) => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <n1:Level-2A_User_Product xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/User_Product_Level-2A.xsd">
          <n1:General_Info>
            <Product_Info>
              <PRODUCT_START_TIME>2024-05-01T10:10:31.024Z</PRODUCT_START_TIME>
              <PRODUCT_STOP_TIME>2024-05-01T10:10:31.024Z</PRODUCT_STOP_TIME>
              <PRODUCT_URI>{Name}.SAFE</PRODUCT_URI>
              <PROCESSING_LEVEL>Level-2A</PROCESSING_LEVEL>
              <PRODUCT_TYPE>S2MSI2A</PRODUCT_TYPE>
              <PROCESSING_BASELINE>{baseline}</PROCESSING_BASELINE>
              <Query_Options completeSingleTile="true"><PRODUCT_FORMAT>SAFE_COMPACT</PRODUCT_FORMAT></Query_Options>
              <Product_Organisation>
                <Granule_List>
                  <Granule granuleIdentifier="{Granule}" datastripIdentifier="D" imageFormat="JPEG2000">
                    {string.Concat(files.Select(file => $"<IMAGE_FILE>{file}</IMAGE_FILE>"))}
                  </Granule>
                </Granule_List>
              </Product_Organisation>
            </Product_Info>
            <Product_Image_Characteristics>
              <Special_Values><SPECIAL_VALUE_TEXT>NODATA</SPECIAL_VALUE_TEXT><SPECIAL_VALUE_INDEX>0</SPECIAL_VALUE_INDEX></Special_Values>
              <QUANTIFICATION_VALUES_LIST><BOA_QUANTIFICATION_VALUE unit="none">10000</BOA_QUANTIFICATION_VALUE></QUANTIFICATION_VALUES_LIST>
              {(offset is null ? "" : $"<BOA_ADD_OFFSET_VALUES_LIST>{string.Concat(Enumerable.Range(0, 13).Select(band => string.Create(CultureInfo.InvariantCulture, $"<BOA_ADD_OFFSET band_id=\"{band}\">{offset}</BOA_ADD_OFFSET>")))}</BOA_ADD_OFFSET_VALUES_LIST>")}
            </Product_Image_Characteristics>
          </n1:General_Info>
        </n1:Level-2A_User_Product>
        """;

    private static string Tile() => $"""
        <?xml version="1.0" encoding="UTF-8"?>
        <n1:Level-2A_Tile_ID xmlns:n1="https://psd-14.sentinel2.eo.esa.int/PSD/S2_PDI_Level-2A_Tile_Metadata.xsd">
          <n1:General_Info><TILE_ID>T33UUP</TILE_ID></n1:General_Info>
          <n1:Geometric_Info>
            <Tile_Geocoding metadataLevel="Brief">
              <HORIZONTAL_CS_NAME>WGS84 / UTM zone 33N</HORIZONTAL_CS_NAME>
              <HORIZONTAL_CS_CODE>EPSG:32633</HORIZONTAL_CS_CODE>
              {string.Concat(((int[])[10, 20, 60]).Select(metres => $"<Size resolution=\"{metres}\"><NROWS>{Edge * 10 / metres}</NROWS><NCOLS>{Edge * 10 / metres}</NCOLS></Size>"))}
              {string.Concat(((int[])[10, 20, 60]).Select(metres => $"<Geoposition resolution=\"{metres}\"><ULX>300000</ULX><ULY>5000040</ULY><XDIM>{metres}</XDIM><YDIM>-{metres}</YDIM></Geoposition>"))}
            </Tile_Geocoding>
          </n1:Geometric_Info>
        </n1:Level-2A_Tile_ID>
        """;
}
