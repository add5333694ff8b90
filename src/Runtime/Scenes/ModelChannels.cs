using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>Consecutive channels that feed one input of the graph.</summary>
/// <param name="Input">Name of the graph input.</param>
/// <param name="Modality">The modality; null for a model with one image.</param>
/// <param name="First">Its first channel.</param>
/// <param name="Count">How many there are.</param>
internal readonly record struct InputPart(string Input, string? Modality, int First, int Count);

/// <summary>The channels that a model takes from a scene.</summary>
/// <param name="Manifest">The manifest whose bands are those of all modalities, one after the other.</param>
/// <param name="Names">Names of the channels, frame by frame.</param>
/// <param name="Frames">Time steps.</param>
/// <param name="Parts">The inputs that they feed.</param>
internal sealed record ModelChannels(ModelManifest Manifest, IReadOnlyList<string> Names, int Frames, IReadOnlyList<InputPart> Parts)
{
    /// <summary>What the graph and the manifest say.</summary>
    /// <param name="model">The model.</param>
    /// <param name="adapter">Its adapter, whose manifest wins.</param>
    /// <param name="sceneBands">Bands of the scene, for graphs that leave their number open.</param>
    /// <exception cref="ModelException">Graph and manifest contradict each other, or an input takes something else than pixels.</exception>
    public static ModelChannels Of(EoModel model, EoAdapter? adapter, int sceneBands)
    {
        var manifest = adapter?.Manifest ?? model.Manifest;
        return model.Inputs.Count > 1 ? OfModalities(model, manifest) : OfImage(model, manifest, sceneBands);
    }

    private static ModelChannels OfImage(EoModel model, ModelManifest manifest, int sceneBands)
    {
        var input = model.Input.Shape;
        var frames = input.Count == 5 && input[2] > 0 ? (int)input[2] : manifest.Frames;
        var bands = input[1] > 0 ? (int)input[1] : manifest.Bands.Count > 0 ? manifest.Bands.Count : Math.Max(1, sceneBands / frames);
        if (manifest.Bands.Count > 0 && manifest.Bands.Count != bands)
        {
            throw new ModelException($"The graph of {model.Path} takes {bands} bands; its manifest describes {manifest.Bands.Count}. Export it again.");
        }

        var names = manifest.Bands.Count > 0 ? [.. manifest.Bands.Select(band => band.Id)] : Enumerable.Range(1, bands).Select(i => $"band {i}").ToList();
        return new ModelChannels(manifest, [.. Enumerable.Range(0, frames).SelectMany(_ => names)], frames, [new InputPart(model.Input.Name, null, 0, bands * frames)]);
    }

    private static ModelChannels OfModalities(EoModel model, ModelManifest manifest)
    {
        var parts = new List<InputPart>();
        var bands = new List<ManifestBand>();
        foreach (var modality in (manifest.Modalities.Count > 0 ? manifest : model.Manifest).Modalities.Where(modality => modality.Input is not null))
        {
            if (modality.Kind != "image")
            {
                throw new ModelException($"The modality {modality.Name} of {model.Path} takes {modality.Kind}, which no scene has. Export the model without it.");
            }

            parts.Add(new InputPart(modality.Input!, modality.Name, bands.Count, modality.Bands.Count));
            bands.AddRange(modality.Bands);
        }

        return new ModelChannels(manifest with { Bands = bands }, [.. bands.Select(band => band.Id)], 1, parts);
    }
}
