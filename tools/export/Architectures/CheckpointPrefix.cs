using EoOnnx.Export.Checkpoints;

namespace EoOnnx.Export.Architectures;

/// <summary>The prefix that a training framework put in front of an encoder's weights.</summary>
internal static class CheckpointPrefix
{
    private static readonly string[] Pair = ["module.backbone_1.", "module.backbone_2.", "backbone_1.", "backbone_2."];

    /// <summary>Of the two encoders that DeCUR trains together, for radar and for optical images, the one that takes as many bands as are asked for;
    /// null when the checkpoint is no such pair.</summary>
    /// <param name="weights">The whole checkpoint.</param>
    /// <param name="stem">The weight [outputs, bands, …] that reads the image.</param>
    /// <param name="options">The bands that are asked for.</param>
    /// <exception cref="ExportException">The bands choose neither encoder.</exception>
    public static StateDict? OneOfTwo(StateDict weights, string stem, BackboneOptions options)
    {
        var encoders = Pair.Select(weights.Below).Where(encoder => encoder.Peek(stem) is { Shape.Length: > 1 }).ToList();
        if (encoders.Count < 2)
        {
            return encoders.SingleOrDefault();
        }

        long Bands(StateDict encoder) => encoder.Peek(stem)!.Shape[1];
        return encoders.Where(encoder => Bands(encoder) == (options.Bands?.Count ?? options.Wavelengths?.Count)).ToList() is [var chosen] ? chosen : throw new ExportException(
            $"{weights.Source} holds encoders of {string.Join(" and of ", encoders.Select(Bands))} bands; choose one by naming its bands with --bands.");
    }

    /// <summary>The weights below the first prefix under which <paramref name="name"/> is found, or below none.</summary>
    /// <param name="weights">The whole checkpoint.</param>
    /// <param name="name">A weight that every encoder of the family has.</param>
    /// <param name="prefixes">Known prefixes, the preferred one first.</param>
    public static StateDict Find(StateDict weights, string name, params ReadOnlySpan<string> prefixes)
    {
        if (weights.Contains(name))
        {
            return weights;
        }

        foreach (var prefix in prefixes)
        {
            if (weights.Contains(prefix + name))
            {
                return weights.Below(prefix);
            }
        }

        return weights;
    }
}
