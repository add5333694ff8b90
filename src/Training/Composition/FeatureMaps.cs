using EoOnnx.Decoders;
using EoOnnx.Decoders.Necks;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Composition;

/// <summary>An encoder's features as a decoder of <see cref="EoOnnx.Decoders"/> takes them.</summary>
internal static class FeatureMaps
{
    /// <summary>Token features become maps by the grid that the manifest states, so that no neck has to guess it; tokens whose decoder pools
    /// them stay tokens.</summary>
    /// <exception cref="TrainingException">A feature is of an unknown kind, or its tokens fill no grid.</exception>
    public static IReadOnlyList<Value> For(GraphBuilder op, Decoder decoder, IReadOnlyList<EncoderFeature> features) =>
        decoder.Necks?.Any(neck => neck is AggregateTokens or PermuteDims) == true
            ? [.. features.Select(feature => feature.Value)]
            : [.. features.Select(feature => feature.Manifest.Kind is "map" or "vector" ? feature.Value : ToMap(op, feature.Value, feature.Manifest))];

    private static Value ToMap(GraphBuilder op, Value tokens, ManifestFeature manifest)
    {
        if (manifest.Kind != "tokens")
        {
            throw new TrainingException($"Feature {manifest.Output} is of kind '{manifest.Kind}'; tokens, map and vector are known.");
        }

        var grid = (long)manifest.GridHeight * manifest.GridWidth;
        var patches = tokens.KnownShape[1].Value - manifest.PrefixTokens;
        if (grid == 0 || (patches is { } count && (count <= 0 || count % grid != 0)))
        {
            throw new TrainingException(
                $"Feature {manifest.Output} has {tokens.KnownShape[1]} tokens, {manifest.PrefixTokens} of them in front; the rest fills no grid of {manifest.GridHeight}×{manifest.GridWidth}. Does the manifest belong to this encoder?");
        }

        tokens = manifest.PrefixTokens == 0 ? tokens : op.Slice(tokens, 1, manifest.PrefixTokens, long.MaxValue);
        var frames = (patches ?? grid) / grid;
        return frames == 1
            ? op.Reshape(op.Transpose(tokens, 0, 2, 1), 0, manifest.Channels, manifest.GridHeight, manifest.GridWidth)
            : op.Reshape(
                op.Transpose(op.Reshape(tokens, 0, frames, manifest.GridHeight, manifest.GridWidth, manifest.Channels), 0, 1, 4, 2, 3),
                0, frames * manifest.Channels, manifest.GridHeight, manifest.GridWidth);
    }
}
