using EoOnnx.Formats;

namespace EoOnnx.Cli.Inspection;

/// <summary>What a model file does not say and a user has to add before a map can be made with it.</summary>
internal static class MissingManifestFacts
{
    /// <summary>What the keys of QGIS Deepness leave open in a model that has them and no manifest.</summary>
    public static IReadOnlyList<string> OfDeepness(IReadOnlyDictionary<string, string> metadata)
    {
        var missing = new List<string> { "the names of the bands: they are taken in the scene's order, or by --bands" };
        (string Key, string Sentence)[] facts =
        [
            ("model_type", "the kind: say it with --deepness-kind"), ("class_names", "the names of the classes"), ("resolution", "the ground resolution"),
            ("standardization_mean", "the statistics of the bands: values are divided by 255"), ("licence", "the licence: see where the file comes from"),
        ];
        missing.AddRange(facts.Where(fact => !metadata.ContainsKey(fact.Key)).Select(fact => fact.Sentence));
        return missing;
    }

    /// <summary>One sentence for each fact; empty when nothing is missing.</summary>
    public static IReadOnlyList<string> Of(ModelManifest? manifest)
    {
        if (manifest is null)
        {
            return ["the manifest: bands, statistics and classes have to be given when it is used"];
        }

        var missing = new List<string>();
        // Token ids have neither bands nor statistics.
        if (manifest.Bands.Count == 0 && (manifest.Modalities.Count == 0 || manifest.Modalities.Any(modality => modality is { Kind: "image", Bands.Count: 0 })))
        {
            missing.Add("the bands");
        }
        else if (manifest.Bands.Count > 0 && manifest.Bands.All(band => band is { Mean: 0, StandardDeviation: 1 }))
        {
            missing.Add("the statistics of the bands");
        }

        // An export numbers classes whose names it does not know.
        if (manifest.Task is ModelTask.Segmentation or ModelTask.Classification or ModelTask.Multilabel && manifest.Classes.All(item => item.Name == $"class {item.Id}"))
        {
            missing.Add("the names of the classes");
        }

        if (manifest.Licence is null)
        {
            missing.Add("the licence: see where the weights come from");
        }

        return missing;
    }
}
