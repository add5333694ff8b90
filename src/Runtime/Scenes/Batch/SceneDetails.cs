using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What holds for one scene of a batch in place of what holds for all. What is left out says nothing.</summary>
public sealed record SceneDetails
{
    /// <summary>Nothing that differs from the other scenes.</summary>
    public static SceneDetails None { get; } = new();

    /// <summary>Bands of the scene, see <see cref="SceneOptions.Bands"/>.</summary>
    public IReadOnlyList<string> Bands { get; init; } = [];

    /// <summary>Factor from stored values to the unit of the model's statistics, see <see cref="SceneOptions.Scale"/>.</summary>
    public IReadOnlyList<double> Scale { get; init; } = [];

    /// <summary>Addend after <see cref="Scale"/>, see <see cref="SceneOptions.Offset"/>.</summary>
    public IReadOnlyList<double> Offset { get; init; } = [];

    /// <summary>Pixels that shall not be mapped, see <see cref="SceneOptions.Masks"/>.</summary>
    public IReadOnlyList<SceneMask> Masks { get; init; } = [];

    /// <summary>Which pixels count as missing, see <see cref="SceneOptions.Validity"/>.</summary>
    public ValidityOptions? Validity { get; init; }

    /// <summary>A vector file whose polygons are mapped, see <see cref="SceneOptions.Area"/>.</summary>
    public string? Area { get; init; }

    /// <summary>The options of this scene.</summary>
    /// <param name="common">What holds for all scenes.</param>
    public SceneOptions Over(SceneOptions common)
    {
        ArgumentNullException.ThrowIfNull(common);
        return common with
        {
            Bands = Bands.Count > 0 ? Bands : common.Bands,
            Scale = Scale.Count > 0 ? Scale : common.Scale,
            Offset = Offset.Count > 0 ? Offset : common.Offset,
            Masks = Masks.Count > 0 ? Masks : common.Masks,
            Validity = Validity ?? common.Validity,
            Area = Area ?? common.Area,
        };
    }
}
