using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>How tokens become one vector.</summary>
public enum TokenPooling
{
    /// <summary>Their mean.</summary>
    Mean,

    /// <summary>The largest number of each channel.</summary>
    Max,

    /// <summary>The smallest number of each channel.</summary>
    Min,

    /// <summary>The first token.</summary>
    ClassToken,
}

/// <summary>One vector [batch, channels] of the tokens (or pixels) of each chosen entry.</summary>
public sealed record AggregateTokens : Neck
{
    /// <summary>How tokens become one vector.</summary>
    public TokenPooling Pooling { get; init; } = TokenPooling.Mean;

    /// <summary>The chosen entries; negative ones count from the end. A list of one entry is taken whatever the index.</summary>
    public IReadOnlyList<int> Indices
    {
        get;
        init => field = value.Count > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Indices), "At least one feature must be chosen.");
    } = [-1];

    /// <summary>Leaves the first token out.</summary>
    public bool DropClassToken { get; init; }

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image) => [.. Indices.Select(index =>
    {
        var op = layers.Op;
        var x = features.Count == 1 ? features[0] : features.At(index, nameof(AggregateTokens));
        if (x.Rank == 4)
        {
            x = op.Transpose(op.Reshape(x, 0, layers.Channels(x), -1), 0, 2, 1);
        }

        if (x.Rank != 3)
        {
            throw new DecoderException($"{nameof(AggregateTokens)} takes tokens [batch, N, channels] or maps; found {x.KnownShape}.");
        }

        x = DropClassToken ? op.Slice(x, 1, 1, long.MaxValue) : x;
        return Pooling switch
        {
            TokenPooling.Mean => op.ReduceMean(x, keepDims: false, 1),
            TokenPooling.Max => op.ReduceMax(x, keepDims: false, 1),
            TokenPooling.Min => op.ReduceMin(x, keepDims: false, 1),
            _ => op.Squeeze(op.Slice(x, 1, 0, 1), 1),
        };
    })];
}
