using EoOnnx.Export.Checkpoints;

namespace EoOnnx.Export.Architectures;

/// <summary>The prefix that a training framework put in front of an encoder's weights.</summary>
internal static class CheckpointPrefix
{
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
