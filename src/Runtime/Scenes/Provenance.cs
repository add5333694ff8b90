using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using EoOnnx.Formats;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>Where a map comes from: tags that it carries, and the identity of the job by which an unfinished run is continued.</summary>
internal static class Provenance
{
    /// <summary>Version of this program.</summary>
    public static string Version { get; } = typeof(Provenance).Assembly.GetName().Version?.ToString(3) ?? "0";

    /// <summary>The tags of a map. No time and no name of a machine: equal runs give equal bytes.</summary>
    public static SortedDictionary<string, string> Tags(RasterDataset scene, SceneModel model, TilePlan plan, BlendMode blend, IReadOnlyList<MappedBand> bands, IReadOnlyList<ChannelScaling> scalings, EoAdapter? adapter)
    {
        var tags = new SortedDictionary<string, string>(StringComparer.Ordinal)
        {
            ["EOONNX_VERSION"] = Version,
            ["EOONNX_MODEL"] = model.Manifest.Name,
            ["EOONNX_MODEL_SHA256"] = model.Model.Digest.Value,
            ["EOONNX_BANDS"] = string.Join(',', bands.Select(band => string.Create(CultureInfo.InvariantCulture, $"{band.Channel}={band.Source.Index}"))),
            ["EOONNX_SCALE_OFFSET"] = string.Join(',', scalings.Select(scaling => string.Create(CultureInfo.InvariantCulture, $"{scaling.Scale:R}/{scaling.Offset:R}"))),
            ["EOONNX_TILE"] = SizeText(plan.Tile),
            ["EOONNX_OVERLAP"] = SizeText(plan.Overlap),
            ["EOONNX_BLEND"] = blend.ToString().ToLowerInvariant(),
            ["EOONNX_DEVICE"] = model.Model.Device.ToString(),
            ["EOONNX_ORT"] = OrtEnv.Instance().GetVersionString(),
            ["EOONNX_SOURCE"] = MemoryRaster.Holds(scene) ? scene.Name : scene.Path.Split('?')[0],
            ["EOONNX_SOURCE_DIGEST"] = SourceDigest(scene),
            ["TIFFTAG_SOFTWARE"] = "EoOnnx " + Version,
        };
        if (adapter is not null)
        {
            tags["EOONNX_ADAPTER"] = Path.GetFileName(adapter.Path);
            tags["EOONNX_ADAPTER_SHA256"] = adapter.Digest.Value;
        }

        return tags;
    }

    /// <summary>One number for a square, <c>WIDTHxHEIGHT</c> otherwise.</summary>
    public static string SizeText(PixelSize size) => size.ToString().Replace(" ", "", StringComparison.Ordinal);

    /// <summary>Under this name a map says which job made it.</summary>
    public const string JobTag = "EOONNX_JOB";

    /// <summary>SHA-256 over everything that can change a pixel.</summary>
    public static string JobDigest(IReadOnlyDictionary<string, string> identity) =>
        // Lengths keep neighbours apart whatever their text.
        Hash(string.Concat(identity.OrderBy(item => item.Key, StringComparer.Ordinal)
            .Select(item => string.Create(CultureInfo.InvariantCulture, $"{item.Key.Length} {item.Key} {item.Value.Length} {item.Value}\n"))));

    /// <summary>Tags of a scene that was put together from several files.</summary>
    public static void Describe(SortedDictionary<string, string> tags, SceneOpening? opening)
    {
        if (opening is null)
        {
            return;
        }

        tags["EOONNX_SOURCE"] = opening.Source;
        if (opening.Identity is { } identity)
        {
            tags["EOONNX_SOURCE_DIGEST"] = Hash(identity);
        }

        if (opening.Coordinates.Count > 0)
        {
            tags["EOONNX_COORDINATES"] = string.Join(' ', opening.Coordinates.Select(item => $"{item.Key}={string.Join(',', item.Value.AsSpan<float>().ToArray().Select(value => value.ToString("R", CultureInfo.InvariantCulture)))}"));
        }
    }

    /// <summary>SHA-256 over the model and, where there is one, its external data file.</summary>
    public static string ModelDigest(string path) =>
        File.Exists(path + ".data") ? Hash(FileHash.Sha256(path) + FileHash.Sha256(path + ".data")) : FileHash.Sha256(path);

    /// <summary>SHA-256 over name, size and time of every local file of the scene; statistics and overviews beside it do not count.</summary>
    private static string SourceDigest(RasterDataset scene) => Hash(string.Join('\n', scene.Files.Order(StringComparer.Ordinal)
        .Where(file => !file.EndsWith(".aux.xml", StringComparison.OrdinalIgnoreCase) && !file.EndsWith(".ovr", StringComparison.OrdinalIgnoreCase))
        .Select(Stamp)));

    /// <summary>Name, size and time of a local file; the name alone of anything else.</summary>
    public static string Stamp(string path)
    {
        var file = new FileInfo(path.Split('?')[0]);
        return file.Exists ? string.Create(CultureInfo.InvariantCulture, $"{file.Name} {file.Length} {file.LastWriteTimeUtc.Ticks}") : file.Name;
    }

    private static string Hash(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
