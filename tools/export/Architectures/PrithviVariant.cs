using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>A published variant of Prithvi: what the shapes of the weights cannot tell.</summary>
/// <param name="Size">The word of <c>--size</c>.</param>
/// <param name="Official">TerraTorch's name; null for weights of no published size.</param>
/// <param name="Width">Width of a token.</param>
/// <param name="Depth">Number of blocks.</param>
/// <param name="Heads">Attention heads; null takes the usual number.</param>
/// <param name="Patch">Patch edge in pixels.</param>
/// <param name="Frames">Time steps of the position table.</param>
/// <param name="TakesCoordinates">Whether date and place are inputs.</param>
/// <param name="Version">1 or 2.</param>
internal sealed record PrithviVariant(string Size, string? Official, long Width, int Depth, int? Heads, int Patch, int Frames, bool TakesCoordinates, int Version = 2)
{
    private const int Tile = 224;
    private const int Channels = 6;

    private static readonly string[] BandNames = ["BLUE", "GREEN", "RED", "NIR_NARROW", "SWIR_1", "SWIR_2"];

    // Surface reflectance · 10000. Source: TerraTorch, prithvi_vit.py.
    private static readonly (double[] Mean, double[] Deviation) First = ([775, 1081, 1229, 2497, 2204, 1611], [1282, 1270, 1399, 1368, 1292, 1155]);
    private static readonly (double[] Mean, double[] Deviation) Second = ([1087, 1342, 1433, 2734, 1958, 1363], [2248, 2179, 2178, 1850, 1242, 1049]);

    /// <summary>All published variants, smallest first.</summary>
    public static IReadOnlyList<PrithviVariant> All { get; } =
    [
        new("tiny", "prithvi_eo_tiny", 256, 4, 4, 16, 1, false),
        new("v2-tiny-tl", "prithvi_eo_v2_tiny_tl", 192, 12, 3, 16, 1, true),
        new("v1-100", "prithvi_eo_v1_100", 768, 12, 12, 16, 3, false, Version: 1),
        new("v2-100", "prithvi_eo_v2_100", 768, 12, 12, 16, 4, false),
        new("v2-100-tl", "prithvi_eo_v2_100_tl", 768, 12, 12, 16, 4, true),
        new("v2-300", "prithvi_eo_v2_300", 1024, 24, 16, 16, 4, false),
        new("v2-300-tl", "prithvi_eo_v2_300_tl", 1024, 24, 16, 16, 4, true),
        new("v2-600", "prithvi_eo_v2_600", 1280, 32, 16, 14, 4, false),
        new("v2-600-tl", "prithvi_eo_v2_600_tl", 1280, 32, 16, 14, 4, true),
    ];

    /// <summary>What to call weights of no published size.</summary>
    public string Generation => $"Prithvi-EO {Version}.0";

    /// <summary>The variant that weights belong to, by their shapes. Where 1.0 and 2.0 have equal shapes, the position table tells (three or four
    /// frames), else the prefix that only 2.0 has.</summary>
    public static PrithviVariant Recognize(StateDict encoder, long width, int patch, (int Edge, int Times) trained)
    {
        var (depth, coordinates) = (encoder.CountBlocks("blocks"), encoder.Contains("temporal_embed_enc.scale") || encoder.Contains("location_embed_enc.scale"));
        var version = coordinates || encoder.Prefix.EndsWith("encoder.", StringComparison.Ordinal) ? 2 : 1;
        var alike = All.Where(variant => variant.Width == width && variant.Depth == depth && variant.Patch == patch && variant.TakesCoordinates == coordinates).ToList();
        return alike.FirstOrDefault(variant => alike.Count == 1 || variant.Frames == trained.Times) ?? alike.FirstOrDefault(variant => variant.Version == version)
            ?? new PrithviVariant("", null, width, depth, null, patch, Math.Max(1, trained.Times), coordinates, version);
    }

    /// <summary>The bands that the weights take, with the statistics of pretraining.</summary>
    /// <exception cref="ExportException">Another number of bands is stated than the weights take.</exception>
    public IReadOnlyList<ManifestBand> BandsOf(string source, int channels, IReadOnlyList<string>? stated)
    {
        var (mean, deviation) = Version == 1 ? First : Second;
        return BandSelection.Trained(source, channels, stated, [.. BandNames.Select((name, i) => new ManifestBand(name, mean[i], deviation[i], SpectralBand.Find(name).WavelengthMicrometres))]);
    }

    /// <summary>Names and shapes of the encoder's weights.</summary>
    public IEnumerable<(string Name, long[] Shape)> Shapes()
    {
        long edge = Tile / Patch;
        (string Name, long[] Shape)[] front =
        [
            ("cls_token", [1, 1, Width]), ("pos_embed", [1, 1 + (Frames * edge * edge), Width]),
            ("patch_embed.proj.weight", [Width, Channels, 1, Patch, Patch]), ("patch_embed.proj.bias", [Width]),
        ];
        (string Name, long[] Shape)[] scales = TakesCoordinates ? [("temporal_embed_enc.scale", [1]), ("location_embed_enc.scale", [1])] : [];
        (string Name, long[] Shape)[] norm = [("norm.weight", [Width]), ("norm.bias", [Width])];
        return front.Concat(scales).Concat(Enumerable.Range(0, Depth).SelectMany(i => TransformerBlock.Shapes($"blocks.{i}", Width, 4 * Width))).Concat(norm)
            .Select(item => ($"encoder.{item.Name}", item.Shape));
    }
}
