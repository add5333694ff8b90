using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export;

/// <summary>An architecture that can be exported. One implementation a family; <see cref="Backbones"/> lists them.</summary>
public interface IBackbone
{
    /// <summary>The word behind <c>eoonnx export</c>, for example <c>dofa</c>.</summary>
    string Name { get; }

    /// <summary>What it is, in one sentence for the help.</summary>
    string Description { get; }

    /// <summary>A command line that works when pasted, without the program's name.</summary>
    string Example { get; }

    /// <summary>Which members of <see cref="BackboneOptions"/> it heeds beyond the common ones.</summary>
    IReadOnlyList<BackboneSetting> Settings { get; }

    /// <summary>Names of the outputs it can have besides <c>block_N</c> (<see cref="BackboneOptions.Outputs"/>).</summary>
    IReadOnlyList<string> FurtherOutputs => [];

    /// <summary>Sizes that <see cref="Random"/> knows, smallest first; empty when there are none.</summary>
    IReadOnlyList<string> Sizes => [];

    /// <summary>The bands of a random model when none are asked for.</summary>
    IReadOnlyList<string> DefaultBands => [];

    /// <summary>Licence of the published weights as an SPDX identifier; null when there is not one for all.</summary>
    string? Licence => null;

    /// <summary>Attention heads of a published variant by TerraTorch's name, for example <c>dofa_base_patch16_224</c>; null when the name is not known.</summary>
    int? HeadsOf(string variant) => null;

    /// <summary>Random weights of a size in <see cref="Sizes"/>, with the names and shapes of the published variant.</summary>
    /// <param name="size">One of <see cref="Sizes"/>.</param>
    /// <param name="seed">Seed of the generator.</param>
    /// <param name="bands">Number of input bands, where the weights depend on it.</param>
    /// <exception cref="ExportException">There is no such size.</exception>
    StateDict Random(string size, long seed, int bands) => throw new ExportException($"{Name} has no random weights; give a checkpoint with --weights.");

    /// <summary>Builds the forward graph and what the manifest says about it.</summary>
    /// <exception cref="FileFormatException">The weights are those of another model.</exception>
    /// <exception cref="ExportException">The options do not fit the weights.</exception>
    BackboneModel Build(StateDict weights, BackboneOptions options);
}

/// <summary>A built backbone.</summary>
/// <param name="Graph">The forward graph; outputs are in the order of the manifest's features, further ones behind them.</param>
/// <param name="Manifest">Family, bands, tile, features. The export adds source and hashes.</param>
/// <param name="Warnings">What the user should know, one sentence each.</param>
public sealed record BackboneModel(Graph Graph, ModelManifest Manifest, IReadOnlyList<string> Warnings);

/// <summary>Options that only some families heed.</summary>
public enum BackboneSetting
{
    /// <summary><see cref="BackboneOptions.Bands"/>.</summary>
    Bands,

    /// <summary><see cref="BackboneOptions.Wavelengths"/>.</summary>
    Wavelengths,

    /// <summary><see cref="BackboneOptions.AnyBands"/>.</summary>
    AnyBands,

    /// <summary><see cref="BackboneOptions.Tile"/>.</summary>
    Tile,

    /// <summary><see cref="BackboneOptions.PositionResampling"/>.</summary>
    PositionResampling,

    /// <summary><see cref="BackboneOptions.Layers"/>.</summary>
    Layers,

    /// <summary><see cref="BackboneOptions.Heads"/>.</summary>
    Heads,

    /// <summary><see cref="BackboneOptions.Attention"/>.</summary>
    Attention,

    /// <summary><see cref="BackboneOptions.GroundResolutionMetres"/>.</summary>
    GroundResolution,

    /// <summary><see cref="BackboneOptions.KeepBatchNormalization"/>.</summary>
    KeepBatchNormalization,

    /// <summary><see cref="BackboneOptions.RawInput"/>.</summary>
    RawInput,

    /// <summary><see cref="BackboneOptions.TileWidth"/>.</summary>
    TileWidth,

    /// <summary><see cref="BackboneOptions.TrainedTile"/>.</summary>
    TrainedTile,

    /// <summary><see cref="BackboneOptions.TrainedBands"/>.</summary>
    TrainedBands,

    /// <summary><see cref="BackboneOptions.Frames"/>.</summary>
    Frames,

    /// <summary><see cref="BackboneOptions.FrameAxis"/>.</summary>
    FrameAxis,

    /// <summary><see cref="BackboneOptions.Modalities"/>.</summary>
    Modalities,

    /// <summary><see cref="BackboneOptions.MissingModalities"/>.</summary>
    MissingModalities,

    /// <summary><see cref="BackboneOptions.Merge"/>.</summary>
    Merge,

    /// <summary><see cref="BackboneOptions.Registers"/>.</summary>
    Registers,
}
