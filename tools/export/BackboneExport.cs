using EoOnnx.Export.Checkpoints;
using EoOnnx.Export.Checkpoints.Detection;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export;

/// <summary>What an export wrote.</summary>
public sealed record ExportReport
{
    /// <summary>The model file.</summary>
    public required string Path { get; init; }

    /// <summary>The file of weights beside it, when there is one.</summary>
    public string? DataPath { get; init; }

    /// <summary>Bytes of both files.</summary>
    public required long Bytes { get; init; }

    /// <summary>Number of stored weights.</summary>
    public required long Parameters { get; init; }

    /// <summary>Names and shapes of the inputs.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>Names and shapes of the outputs.</summary>
    public required IReadOnlyList<string> Outputs { get; init; }

    /// <summary>What the model says about itself.</summary>
    public required ModelManifest Manifest { get; init; }

    /// <summary>What the user should know.</summary>
    public required IReadOnlyList<string> Warnings { get; init; }

    /// <summary>The adapter of the encoder beside the model, when there is one.</summary>
    public string? Adapter { get; init; }

    /// <summary>The same adapter as ONNX Runtime takes it.</summary>
    public string? OnnxAdapter { get; init; }
}

/// <summary>From weights to a model file.</summary>
public static class BackboneExport
{
    /// <summary>Exports a checkpoint.</summary>
    /// <param name="backbone">The family.</param>
    /// <param name="checkpoint">A file with weights.</param>
    /// <param name="options">What is exported.</param>
    /// <param name="licence">Licence of the weights; null takes that of the family's published ones.</param>
    /// <exception cref="EoOnnxException">The checkpoint is damaged or of another model, or the options do not fit it.</exception>
    public static ExportedBackbone FromCheckpoint(IBackbone backbone, string checkpoint, BackboneOptions options, string? licence = null)
    {
        var weights = Checkpoint.Open(checkpoint).Weights;
        var built = Build(backbone, weights, options);
        return new ExportedBackbone(built with
        {
            Manifest = built.Manifest with { Licence = licence ?? backbone.Licence, Source = Path.GetFileName(checkpoint), SourceSha256 = FileHash.Sha256(checkpoint) },
        });
    }

    /// <summary>Exports random weights: equal sizes, seeds and options give equal bytes.</summary>
    /// <param name="backbone">The family.</param>
    /// <param name="size">One of the family's sizes.</param>
    /// <param name="seed">Seed of the weights.</param>
    /// <param name="options">What is exported.</param>
    /// <param name="licence">Licence of the weights; null states none.</param>
    /// <exception cref="ExportException">There is no such size, or the options do not fit it.</exception>
    public static ExportedBackbone FromRandom(IBackbone backbone, string size, long seed, BackboneOptions options, string? licence = null)
    {
        var defaults = options.Bands is null && options.Wavelengths is null && !options.AnyBands && backbone.DefaultBands.Count > 0;
        options = defaults ? options with { Bands = backbone.DefaultBands } : options;
        var built = backbone.Build(backbone.Random(size, seed, options.Bands?.Count ?? options.Wavelengths?.Count ?? 0), options);
        return new ExportedBackbone(built with { Manifest = built.Manifest with { Name = $"{backbone.Name}-{size} (random)", Licence = licence, Source = $"random weights, size {size}, seed {seed}" } });
    }

    private static BackboneModel Build(IBackbone backbone, StateDict weights, BackboneOptions options)
    {
        try
        {
            return backbone.Build(weights, options);
        }
        catch (FileFormatException failure) when (FamilyDetector.Detect(weights) is { } found && Tell(found.Family) != Tell(backbone.Name) && Backbones.All.Any(family => family.Name == found.Family))
        {
            throw new ExportException($"{failure.Message} By its weights it is of the family {found.Family}: try eoonnx export {found.Family}.", failure);
        }

        // Names and shapes do not tell ScaleMAE from a ViT for three bands.
        static string Tell(string family) => family == "scalemae" ? "vit" : family;
    }}

/// <summary>A backbone that is ready to be written.</summary>
public sealed class ExportedBackbone
{
    private readonly IReadOnlyList<string> _warnings;

    internal ExportedBackbone(BackboneModel built, string? identity = null)
    {
        _warnings = built.Warnings;
        Manifest = built.Manifest with { WeightsSha256 = identity ?? IdentityOf(built.Graph) };
        Model = new OnnxModel(built.Graph);
        Model.Metadata[ModelManifest.MetadataKey] = Manifest.ToJson();
        OnnxValidator.ThrowIfInvalid(Model);
    }

    /// <summary>The model, with its manifest.</summary>
    public OnnxModel Model { get; }

    /// <summary>What the model says about itself.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>Identity of the weights in a graph: what an adapter is checked against.</summary>
    internal static string IdentityOf(Graph graph) => WeightsHash.Compute(graph.Initializers
        .Where(value => value.Type.IsFloatingPoint()).Select(value => KeyValuePair.Create(value.Name, value.Data!)));

    /// <summary>Writes the model atomically and says what was written.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="externalData">True puts the weights beside the model, false into it, null decides by size.</param>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public ExportReport Save(string path, bool? externalData = null)
    {
        var options = new OnnxSaveOptions { ExternalData = externalData };
        Model.Save(path, options);
        return Report(path, externalData);
    }

    /// <summary>Writes the model in the form that QGIS Deepness opens, and says what was written.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="options">What the manifest does not say.</param>
    /// <exception cref="OnnxGraphException">Deepness cannot run such a model; the message says why and what would help.</exception>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public ExportReport SaveForDeepness(string path, DeepnessOptions options)
    {
        var written = DeepnessForm.Write(Model, options);
        written.Save(path, new OnnxSaveOptions { ExternalData = false });
        return Report(path, externalData: false) with { Inputs = [.. written.Graph.Inputs.Select(Describe)], Outputs = [.. written.Graph.Outputs.Select(Describe)] };
    }

    /// <summary>What was written to a path, by this class or by another.</summary>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="externalData">How it was written.</param>
    public ExportReport Report(string path, bool? externalData = null)
    {
        var data = $"{path}.data";
        var isSplit = new OnnxSaveOptions { ExternalData = externalData }.IsExternal(Model.Graph.Initializers.Sum(value => value.Data!.ByteLength));
        return new ExportReport
        {
            Path = path,
            DataPath = isSplit ? data : null,
            Bytes = new FileInfo(path).Length + (isSplit ? new FileInfo(data).Length : 0),
            Parameters = Model.Graph.Initializers.Where(value => value.Type.IsFloatingPoint()).Sum(value => value.Data!.Count),
            Inputs = [.. Model.Graph.Inputs.Select(Describe)],
            Outputs = [.. Model.Graph.Outputs.Select(Describe)],
            Manifest = Manifest,
            Warnings = _warnings,
        };
    }

    private static string Describe(Value value) => $"{value.Name} {value.KnownShape}";
}
