using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Runtime;

namespace EoOnnx.Training.Recipes;

/// <summary>The bands of encoders that take any, told by their wavelengths (DOFA).</summary>
internal static class RecipeWavelengths
{
    // Names that the export gives the input and the axis.
    private const string Input = "wavelengths", Axis = "bands";

    /// <summary>True for an encoder that is told its bands by their wavelengths.</summary>
    public static bool AreOpen(OnnxModel encoder) => encoder.Graph.FindInput(Input) is { Data: null };

    /// <summary>The wavelengths of bands by their names; empty when one is not known.</summary>
    public static IReadOnlyList<double> Known(IReadOnlyList<string> names) => names.Select(BandNames.WavelengthOf).ToList() is var found && found.TrueForAll(micrometres => micrometres is not null) ? [.. found.Select(micrometres => micrometres!.Value)] : [];

    /// <summary>The encoder for the bands of a recipe: their wavelengths become constants, so that maps of the trained model need not give them.</summary>
    /// <exception cref="TrainingDataException">The encoder takes wavelengths and the recipe gives none, or the other way round.</exception>
    public static OnnxModel Prepare(OnnxModel encoder, DataRecipe recipe)
    {
        var manifest = ModelManifest.Parse(encoder.Metadata[ModelManifest.MetadataKey]);
        var isOpen = AreOpen(encoder);
        if (isOpen != recipe.Wavelengths.Count > 0)
        {
            throw new TrainingDataException(isOpen
                ? $"{manifest.Name} takes any bands, told by their wavelengths. Give those of the chips in micrometres, one a band (data.wavelengths: [0.49, 0.56, 0.665], --wavelengths), or export it for fixed bands (eoonnx export --bands or --wavelengths, without --any-bands)."
                : $"The recipe gives {recipe.Wavelengths.Count} wavelengths, but {manifest.Name} takes {(manifest.Bands.Count > 0 ? $"the bands {string.Join(", ", manifest.Bands.Select(band => band.Id))}" : "none")}. Leave out data.wavelengths, or export an encoder of open bands (eoonnx export dofa --any-bands).");
        }

        if (!isOpen)
        {
            return encoder;
        }

        var copy = encoder.Clone();
        var input = copy.Graph.FindInput(Input)!;
        var known = new GraphBuilder(copy.Graph).Constant(TensorData.FromValues<float>([recipe.Wavelengths.Count], [.. recipe.Wavelengths.Select(micrometres => (float)micrometres)]));
        copy.Graph.ReplaceUses(input, known);
        copy.Graph.RemoveInput(input);
        copy.Graph.Bind(Axis, recipe.Wavelengths.Count);
        copy.Metadata[ModelManifest.MetadataKey] = (manifest with { Bands = [.. recipe.Wavelengths.Select((micrometres, index) => new ManifestBand($"band {index + 1}", WavelengthMicrometres: micrometres))] }).ToJson();
        return copy;
    }
}
