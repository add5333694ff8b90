namespace EoOnnx.Export.Checkpoints.Detection;

/// <summary>The sizes by which official variants are told apart.</summary>
/// <param name="Family">Family.</param>
/// <param name="Name">Name of the variant.</param>
/// <param name="Depth">Blocks.</param>
/// <param name="Width">Width of a token, or channels of the first stage.</param>
/// <param name="Patch">Patch edge in pixels; null where it is always the same.</param>
/// <param name="Positions">Positions of the table at the published size; null where variants do not differ in it.</param>
/// <param name="HasCoordinates">Takes time and location.</param>
/// <param name="Version">Version of the architecture; null where a family has one only.</param>
internal sealed record OfficialVariant(string Family, string Name, int Depth, int Width, int? Patch = null, int? Positions = null, bool HasCoordinates = false, int? Version = null);

/// <summary>The official variants of every family, and which of them is closest to a set of weights.</summary>
/// <remarks>Sources: torchgeo (DOFA, ScaleMAE), TerraTorch (Prithvi, TerraMind), timm (ViT, ResNet), torchvision (Swin v2), nasaharvest (Presto).</remarks>
internal static class OfficialVariants
{
    private static readonly OfficialVariant[] All =
    [
        new("dofa", "dofa_small_patch16_224", 12, 384, 16, Version: 1),
        new("dofa", "dofa_base_patch16_224", 12, 768, 16, Version: 1),
        new("dofa", "dofa_large_patch16_224", 24, 1024, 16, Version: 1),
        new("dofa", "dofa_huge_patch14_224", 32, 1280, 14, Version: 1),
        new("dofa", "dofav2_base_patch14_224", 12, 768, 14, Version: 2),
        new("dofa", "dofav2_large_patch14_224", 24, 1024, 14, Version: 2),
        new("prithvi", "prithvi_eo_tiny", 4, 256, 16, 196),
        new("prithvi", "prithvi_eo_v1_100", 12, 768, 16, 588),
        new("prithvi", "prithvi_eo_v2_tiny_tl", 12, 192, 16, 196, true),
        new("prithvi", "prithvi_eo_v2_100", 12, 768, 16, 784),
        new("prithvi", "prithvi_eo_v2_100_tl", 12, 768, 16, 784, true),
        new("prithvi", "prithvi_eo_v2_300", 24, 1024, 16, 784),
        new("prithvi", "prithvi_eo_v2_300_tl", 24, 1024, 16, 784, true),
        new("prithvi", "prithvi_eo_v2_600", 32, 1280, 14, 1024),
        new("prithvi", "prithvi_eo_v2_600_tl", 32, 1280, 14, 1024, true),
        new("terramind", "terramind_v1_tiny", 12, 192),
        new("terramind", "terramind_v1_small", 12, 384),
        new("terramind", "terramind_v1_base", 12, 768),
        new("terramind", "terramind_v1_large", 24, 1024),
        new("presto", "presto", 2, 128),
        new("scalemae", "scalemae_large_patch16", 24, 1024, 16),
        new("vit", "vit_small_patch16_224", 12, 384, 16),
        new("vit", "vit_base_patch16_224", 12, 768, 16),
        new("vit", "vit_large_patch16_224", 24, 1024, 16),
        new("vit", "vit_huge_patch14_224", 32, 1280, 14),
        new("resnet", "resnet18", 8, 64),
        new("resnet", "resnet50", 16, 256),
        new("resnet", "resnet101", 33, 256),
        new("resnet", "resnet152", 50, 256),
        new("swin", "swin_v2_t", 12, 96),
        new("swin", "swin_v2_s", 24, 96),
        new("swin", "swin_v2_b", 24, 128),
    ];

    /// <summary>The model with its closest variant: by depth and width, then patch, coordinates and the size of the position table.</summary>
    public static DetectedModel Classify(DetectedModel model)
    {
        var closest = All.Where(variant => variant.Family == model.Family && (variant.Version is null || variant.Version == model.Version)).MinBy(variant => Distance(variant, model));
        return closest is null ? model : model with
        {
            Variant = closest.Name,
            IsOfficialSize = closest.Depth == model.Depth && closest.Width == model.Width && (closest.Patch is null || closest.Patch == model.Patch),
        };
    }

    private static double Distance(OfficialVariant variant, DetectedModel model) =>
        (100 * Octaves(variant.Depth, model.Depth)) + (100 * Octaves(variant.Width, model.Width))
        + (variant.Patch is not null && variant.Patch != model.Patch ? 10 : 0)
        + (variant.HasCoordinates != (model.Coordinates is { Count: > 0 }) ? 5 : 0)
        + (variant.Positions is { } positions ? Octaves(positions, model.Positions) : 0);

    private static double Octaves(int official, int? found) => found is > 0 ? Math.Abs(Math.Log2((double)official / found.Value)) : 0;
}
