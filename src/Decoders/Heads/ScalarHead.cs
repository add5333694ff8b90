using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Heads;

/// <summary>Scores or values of the whole image: linear layers at every position, then the mean over positions, or the mean first.</summary>
public sealed record ScalarHead : Head
{
    /// <summary>Number of classes or values.</summary>
    public required int Classes { get; init => field = Positive(value, nameof(Classes)); }

    /// <summary>Widths of the layers before the last, each followed by a ReLU.</summary>
    public IReadOnlyList<int> Widths { get; init => field = Layers(value, nameof(Widths)); } = [];

    /// <summary>Probability with which an element is zeroed in training.</summary>
    public double Dropout { get; init => field = Probability(value, nameof(Dropout)); }

    /// <summary>True takes the mean over positions before the layers, false after them.</summary>
    public bool PoolFirst { get; init; }

    /// <inheritdoc/>
    public override int Outputs => Classes;

    /// <inheritdoc/>
    public override bool IsMap => false;

    internal override Value Apply(LayerBuilder layers, Value x)
    {
        var op = layers.Op;
        if (x.Rank < 2 || x.KnownShape[1].Value is not { } channels)
        {
            throw new DecoderException($"{nameof(ScalarHead)} takes features [batch, channels, …] with fixed channels; found {x.KnownShape}. Tokens need the neck ReshapeTokensToImage or AggregateTokens.");
        }

        // [batch, channels, …] → [batch, positions, channels]
        x = op.Transpose(op.Reshape(x, 0, channels, -1), 0, 2, 1);
        x = PoolFirst ? op.ReduceMean(x, keepDims: true, 1) : x;
        for (var i = 0; i < Widths.Count; i++)
        {
            x = op.Relu(layers.Linear($"head.0.{i}.0", x, Widths[i]));
        }

        return op.ReduceMean(layers.Linear("head.2", layers.Dropout(x, Dropout), Classes), keepDims: false, 1);
    }
}
