using System.Globalization;
using EoOnnx.Raster;

namespace EoOnnx.Tests;

/// <summary>
/// Small products of other makers, in the form that they ship, all with the same reflectance: red 0.075, near infrared 0.35. What a
/// program makes of them differs only where it takes a wrong band, factor or addend.
/// </summary>
internal static class SmallProducts
{
    public const double Red = 0.075, NearInfrared = 0.35;

    /// <summary>Pixels of an edge.</summary>
    public const int Edge = 40;

    /// <summary>A Landsat 8 product of Collection 2: digital numbers times 2.75e-5, less 0.2.</summary>
    /// <returns>Its folder.</returns>
    public static string Landsat(string folder)
    {
        const string id = "LC08_L2SP_193024_20200701_20200913_02_T1";
        var product = Directory.CreateDirectory(Path.Combine(folder, id)).FullName;
        Write(Path.Combine(product, $"{id}_SR_B4.TIF"), (ushort)Math.Round((Red + 0.2) / 2.75e-5));
        Write(Path.Combine(product, $"{id}_SR_B5.TIF"), (ushort)Math.Round((NearInfrared + 0.2) / 2.75e-5));
        Write(Path.Combine(product, $"{id}_QA_PIXEL.TIF"), 0);
        File.WriteAllText(Path.Combine(product, $"{id}_MTL.json"), $$"""
            {"LANDSAT_METADATA_FILE": {
              "PRODUCT_CONTENTS": {"FILE_NAME_BAND_4": "{{id}}_SR_B4.TIF", "FILE_NAME_BAND_5": "{{id}}_SR_B5.TIF", "FILE_NAME_QUALITY_L1_PIXEL": "{{id}}_QA_PIXEL.TIF"},
              "IMAGE_ATTRIBUTES": {"SPACECRAFT_ID": "LANDSAT_8", "DATE_ACQUIRED": "2020-07-01"},
              "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS": {
                "REFLECTANCE_MULT_BAND_4": "2.75e-05", "REFLECTANCE_ADD_BAND_4": "-0.2", "REFLECTANCE_MULT_BAND_5": "2.75e-05", "REFLECTANCE_ADD_BAND_5": "-0.2"} } }
            """);
        return product;
    }

    /// <summary>An HLS granule of Sentinel-2: digital numbers times 0.0001.</summary>
    /// <returns>Its folder.</returns>
    public static string Hls(string folder)
    {
        const string id = "HLS.S30.T33UUP.2020123T101031.v2.0";
        var granule = Directory.CreateDirectory(Path.Combine(folder, id)).FullName;
        Write(Path.Combine(granule, $"{id}.B04.tif"), (ushort)Math.Round(Red * 1e4));
        Write(Path.Combine(granule, $"{id}.B8A.tif"), (ushort)Math.Round(NearInfrared * 1e4));
        Write(Path.Combine(granule, $"{id}.Fmask.tif"), 0);
        return granule;
    }

    /// <summary>The images of a Sentinel-2 item since baseline 04.00, <c>red.tif</c> and <c>nir08.tif</c>: digital numbers less 1000, times 0.0001.</summary>
    /// <returns>The folder.</returns>
    public static string ItemImages(string folder)
    {
        Write(Path.Combine(folder, "red.tif"), (ushort)Math.Round((Red * 1e4) + 1000));
        Write(Path.Combine(folder, "nir08.tif"), (ushort)Math.Round((NearInfrared * 1e4) + 1000));
        return folder;
    }

    /// <summary>An item with these images.</summary>
    /// <param name="id">Its id.</param>
    /// <param name="place">What stands before the names of the images.</param>
    /// <param name="links">Its links, as JSON.</param>
    public static string Item(string id, string place = "./", string links = "") => $$"""
        {"type": "Feature", "stac_version": "1.1.0", "id": "{{id}}", "links": [{{links}}],
         "properties": {"datetime": "2024-05-01T10:10:31Z", "platform": "sentinel-2a", "s2:processing_baseline": "05.10"},
         "assets": {
           "red": {"href": "{{place}}red.tif", "type": "image/tiff", "roles": ["data"], "bands": [{"name": "B04"}], "raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0},
           "nir08": {"href": "{{place}}nir08.tif", "type": "image/tiff", "roles": ["data"], "bands": [{"name": "B8A"}], "raster:scale": 0.0001, "raster:offset": -0.1, "nodata": 0} } }
        """;

    /// <summary>A list of items.</summary>
    public static string ItemCollection(params string[] items) => $$"""{"type": "FeatureCollection", "features": [{{string.Join(',', items)}}], "links": [] }""";

    /// <summary>Serves a folder as a good server does, ranges included; what is not there is 404.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="otherwise">What is answered instead; null answers with the file.</param>
    public static LoopbackServer Serve(string folder, Func<LoopbackRequest, LoopbackAnswer?>? otherwise = null) => new(request =>
    {
        var path = Path.Combine(folder, request.Path.Split('?')[0].TrimStart('/'));
        return otherwise?.Invoke(request) ?? (File.Exists(path) ? Range(request, File.ReadAllBytes(path)) : new LoopbackAnswer("404 Not Found", [], "Content-Length: 0"));
    });

    private static LoopbackAnswer Range(LoopbackRequest request, byte[] file)
    {
        if (!request.Headers.TryGetValue("Range", out var range))
        {
            return new LoopbackAnswer("200 OK", file, $"Content-Length: {file.Length}", "Accept-Ranges: bytes");
        }

        var bounds = range["bytes=".Length..].Split('-');
        var first = int.Parse(bounds[0], CultureInfo.InvariantCulture);
        var last = Math.Min(file.Length - 1, bounds[1].Length > 0 ? int.Parse(bounds[1], CultureInfo.InvariantCulture) : file.Length - 1);
        return first >= file.Length ? new LoopbackAnswer("416 Range Not Satisfiable", [], "Content-Length: 0")
            : new LoopbackAnswer("206 Partial Content", file[first..(last + 1)], $"Content-Length: {last + 1 - first}", $"Content-Range: bytes {first}-{last}/{file.Length}", "Accept-Ranges: bytes");
    }

    private static void Write(string path, ushort value) => GeoTiffWriter.Write<ushort>(path, new RasterProfile
    {
        Size = new PixelSize(Edge, Edge), Type = RasterType.UInt16, Projection = "EPSG:32633", Transform = new GeoTransform(300_000, 10, 0, 5_000_000, 0, -10),
    }, [.. Enumerable.Repeat(value, Edge * Edge)]);
}
