using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>Joins all features along the channels and maps them, at each pixel, to the channels of one of them: a linear layer and an activation.</summary>
public sealed record MlpDecoder : Decoder
{
    /// <summary>The feature whose channels the result has; negative numbers count from the end.</summary>
    public int Index { get; init; } = -1;

    /// <summary>Follows the linear layer.</summary>
    public Activation Activation { get; init; } = Activation.Relu;

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => [new ReshapeTokensToImage()];

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> PyramidNecks(int features) => [new SelectIndices { Indices = [Index] }];

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features)
    {
        var op = layers.Op;
        var like = features.At(Index, nameof(MlpDecoder));
        if (like.Rank is not (2 or 4) || like.KnownShape[1].Value is not { } channels
            || features.Any(feature => feature.Rank != like.Rank || feature.KnownShape[1].Value != channels || feature.KnownShape[-1] != like.KnownShape[-1]))
        {
            throw new DecoderException($"{nameof(MlpDecoder)} joins features of one size and width; found {string.Join(", ", features.Select(feature => feature.KnownShape))}.");
        }

        var joined = features.Count == 1 ? features[0] : op.Concat(1, [.. features]);
        if (like.Rank == 2)
        {
            return Activation.Apply(op, layers.Linear("hidden_layer", joined, channels));
        }

        return op.Transpose(Activation.Apply(op, layers.Linear("hidden_layer", op.Transpose(joined, 0, 2, 3, 1), channels)), 0, 3, 1, 2);
    }
}
