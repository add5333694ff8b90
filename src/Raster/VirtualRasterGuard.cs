using System.Text;

namespace EoOnnx.Raster;

/// <summary>Sees to it that a VRT of unknown origin reads nothing outside its own folder.</summary>
internal static class VirtualRasterGuard
{
    private const int HeadBytes = 4096, MostDepth = 16;
    private static readonly string[] SourceElements = ["SourceFilename", "SourceDataset", "DEMPath", "GeoLocXDataset", "GeoLocYDataset"];

    /// <summary>Checks a raster and, when it is a VRT, everything it is made of.</summary>
    /// <exception cref="RasterException">A source lies outside the VRT's folder, or the VRT cannot be understood.</exception>
    public static void Check(string path) => Check(path, 0);

    private static void Check(string path, int depth)
    {
        if (depth > MostDepth)
        {
            throw new RasterException($"{path} is a VRT of VRTs, more than {MostDepth} deep.");
        }

        if (path.StartsWith("vrt://", StringComparison.OrdinalIgnoreCase))
        {
            Check(path["vrt://".Length..].Split('?')[0], depth + 1);
            return;
        }

        var inline = path.TrimStart().StartsWith('<');
        var head = inline ? path : VirtualFiles.ReadHead(path, HeadBytes) is { } bytes ? Encoding.UTF8.GetString(bytes) : "";
        if (!head.Contains("<VRTDataset", StringComparison.Ordinal))
        {
            return;
        }

        var name = inline ? "The given VRT" : path;
        var document = ProductXml.Parse(inline ? path : VirtualFiles.ReadText(path), name);
        var folder = inline ? null : Folder(path);
        foreach (var source in document.Descendants().Where(element => SourceElements.Contains(element.Name.LocalName)))
        {
            var text = source.Value.Trim();
            var relative = (string?)source.Attribute("relativeToVRT") == "1" || (string?)source.Attribute("relativetoVRT") == "1";
            var full = relative && folder is not null ? folder + "/" + text : text;
            if (folder is null || !Within(full, folder))
            {
                throw new RasterException($"{name} reads '{text}', which is outside its folder. If you trust it: --allow-external-vrt (RasterAccess.AllowExternalVrt).");
            }

            Check(full, depth + 1);
        }
    }

    private static string Folder(string path) => path.StartsWith("/vsi", StringComparison.Ordinal)
        ? path[..path.LastIndexOf('/')]
        : System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(path)) ?? "/";

    // Names of subdatasets and of nested virtual folders hold colons and prefixes; they are not looked into, so not allowed.
    private static bool Within(string path, string folder)
    {
        if (path.StartsWith('<') || path.Contains(':', StringComparison.Ordinal) || (path.StartsWith("/vsi", StringComparison.Ordinal) && !path.StartsWith(folder + "/", StringComparison.Ordinal)))
        {
            return false;
        }

        if (folder.StartsWith("/vsi", StringComparison.Ordinal))
        {
            return path.StartsWith(folder + "/", StringComparison.Ordinal) && !path.Split('/').Contains("..");
        }

        return System.IO.Path.GetFullPath(path).StartsWith(folder.TrimEnd('/') + "/", StringComparison.Ordinal);
    }
}
