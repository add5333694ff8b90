using EoOnnx.Formats;

namespace EoOnnx.Onnx;

/// <summary>A file that was written for QGIS Deepness.</summary>
/// <param name="Path">The file.</param>
/// <param name="Opset">Its operator set.</param>
/// <param name="Input">Its image.</param>
/// <param name="Output">Its map, or several.</param>
/// <param name="Keys">The metadata that Deepness reads.</param>
/// <param name="Remarks">What the user should know.</param>
public sealed record DeepnessFile(string Path, long Opset, string Input, string Output, IReadOnlyDictionary<string, string> Keys, IReadOnlyList<string> Remarks)
{
    /// <summary>Reads a model, writes it in the form of Deepness (<see cref="DeepnessForm"/>) and says what it looks like.</summary>
    /// <exception cref="OnnxGraphException">Deepness cannot run such a model.</exception>
    /// <exception cref="FileFormatException">The model or its manifest is damaged.</exception>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    public static DeepnessFile Write(string source, string target, DeepnessOptions? options = null)
    {
        var model = OnnxModel.Load(source);
        var written = DeepnessForm.Write(model, options);
        written.Save(target);
        var remarks = new List<string>();
        var defaults = model.Graph.Inputs.Where(input => input.Data is not null).Select(input => input.Name).ToList();
        if (defaults.Count > 0)
        {
            remarks.Add($"{defaults.Count} inputs with a default became constants ({string.Join(", ", defaults.Take(3))}{(defaults.Count > 3 ? ", …" : "")}). To ship a trained adapter, merge it first: eoonnx merge.");
        }

        if (!written.Metadata.ContainsKey(DeepnessKeys.Resolution))
        {
            remarks.Add("The manifest names no ground resolution; Deepness asks for it. Say it with --resolution.");
        }

        var dropped = model.Graph.Outputs.Select(output => output.Name).Except(written.Graph.Outputs.Select(output => output.Name)).ToList();
        if (dropped.Count > 0)
        {
            remarks.Add($"Left out, since Deepness takes every output for a map: {string.Join(", ", dropped)}. The manifest names the maps of a model with several (heads).");
        }

        if (written.Metadata[DeepnessKeys.ModelType] == "\"Superresolution\"")
        {
            remarks.Add($"Deepness reads no scaling of a super-resolution: say {written.Metadata[DeepnessKeys.OutputScaling]} in its field 'Output scaling', where 255 stands, and leave the overlap at 0.");
        }

        if (DeepnessRules.GeoDeepRemark(written) is { } geoDeep)
        {
            remarks.Add(geoDeep);
        }

        return new DeepnessFile(target, written.Opsets[""], $"{written.Graph.Inputs[0]}", string.Join("; ", written.Graph.Outputs),
            written.Metadata.Where(item => item.Key != ModelManifest.MetadataKey).ToDictionary(), remarks);
    }
}
