using EoOnnx.Export.Architectures;
using EoOnnx.Formats;

namespace EoOnnx.Export;

/// <summary>The families that can be exported, one line each.</summary>
public static class Backbones
{
    /// <summary>All families, in the order of the help.</summary>
    public static IReadOnlyList<IBackbone> All { get; } =
    [
        new Dofa(),
        new VisionTransformer(),
        new ScaleMae(),
        new ResNet(),
        new SwinTransformer(),
        new Presto(),
        new Prithvi(),
        new TerraMind(),
    ];

    /// <summary>The family of that name.</summary>
    /// <exception cref="ExportException">There is none; the message has the closest name.</exception>
    public static IBackbone Find(string name) => All.FirstOrDefault(family => family.Name == name)
        ?? throw new ExportException($"There is no backbone '{name}'.{Spelling.DidYouMean(name, All.Select(family => family.Name))} Known: {string.Join(", ", All.Select(family => family.Name))}.");
}
