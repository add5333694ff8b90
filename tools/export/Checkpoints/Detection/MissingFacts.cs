namespace EoOnnx.Export.Checkpoints.Detection;

/// <summary>What a checkpoint does not say and a user has to add before a model of it can be used.</summary>
public static class MissingFacts
{
    private const int PrithviChannels = 6;   // BLUE, GREEN, RED, NIR_NARROW, SWIR_1, SWIR_2: the order it was trained with is known

    /// <summary>One sentence for each fact; empty when nothing is missing.</summary>
    public static IReadOnlyList<string> Of(Checkpoint checkpoint, DetectedModel? model, DetectedTask? task)
    {
        var missing = new List<string>();
        if (model is null)
        {
            missing.Add("the architecture: names and shapes fit no family that can be exported");
            return missing;
        }

        if (model is { Family: "adapter" })
        {
            missing.Add("the base model: an adapter is only the change to one");
            return missing;
        }

        if (model.Depth == 0)
        {
            missing.Add("the blocks: block 0 is absent, so this is a part of a model");
        }

        switch (model.Family)
        {
            case "dofa" when task is null: missing.Add("the bands: DOFA takes any, name them when exporting"); break;
            case "prithvi" when model.Channels != PrithviChannels && task is not { Bands.Count: > 0 }: missing.Add($"the names of the {model.Channels} bands"); break;
            case "vit" or "resnet" or "swin" or "scalemae": missing.Add($"the names and statistics of the {model.Channels} bands"); break;
        }

        if (model.Family == "scalemae")
        {
            missing.Add("whether it is ScaleMAE: an ordinary ViT for three bands has the same names and shapes");
        }

        if (task is not null)
        {
            missing.Add("the statistics of the bands: TerraTorch keeps them in the data module, not in the checkpoint");
            if (task is { Classes: not null, ClassNames.Count: 0 })
            {
                missing.Add($"the names of the {task.Classes} classes");
            }
        }
        else if (!model.IsOfficialSize && model.Heads is null && model.Family is not ("resnet" or "swin"))
        {
            missing.Add($"the number of heads: no official variant has depth {model.Depth} and width {model.Width}, and shapes do not tell it");
        }

        if (!checkpoint.Metadata.ContainsKey("license") && !checkpoint.Metadata.ContainsKey("licence"))
        {
            missing.Add("the licence: see where the file comes from");
        }

        return missing;
    }
}
