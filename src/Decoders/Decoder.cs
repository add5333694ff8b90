using EoOnnx.Decoders.Heads;
using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>What turns an encoder's features into a prediction: necks, a decoder and a head, as TerraTorch has them.</summary>
/// <remarks>Tensors have the names of a TerraTorch checkpoint: <c>neck.K.…</c>, <c>decoder.…</c>, <c>head.head.…</c>.</remarks>
public abstract record Decoder
{
    private protected Decoder()
    {
    }

    /// <summary>The steps between encoder and decoder; null takes <see cref="StandardNecks"/>, or none when the encoder gives maps of several sizes.</summary>
    public IReadOnlyList<Neck>? Necks { get; init; }

    /// <summary>What makes the prediction; null takes a <see cref="SegmentationHead"/> for <see cref="Classes"/> channels.</summary>
    public Head? Head { get; init; }

    /// <summary>Channels of the prediction, when no <see cref="Head"/> is given.</summary>
    public int Classes
    {
        get => Head?.Outputs ?? field;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Classes), value, "A prediction needs at least one channel.");
    }

    /// <summary>Seed of the random initial values and of dropout.</summary>
    public long Seed { get; init; }

    /// <summary>Whether a map is brought to the size of the image (bilinear, half-pixel centres).</summary>
    public bool Rescale { get; init; } = true;

    /// <summary>True when the prediction is a map, false when it is one of the whole image.</summary>
    public bool PredictsMap => Head?.IsMap ?? true;

    /// <summary>Further decoders on the same features whose losses are added in training.</summary>
    public IReadOnlyList<AuxiliaryDecoder> Auxiliaries { get; init; } = [];

    /// <summary>Appends necks, decoder, head and the resize to the image.</summary>
    /// <param name="layers">Builder of the layers.</param>
    /// <param name="features">The encoder's features: tokens [batch, N, channels], maps [batch, channels, rows, columns] or vectors [batch, channels].</param>
    /// <param name="image">The (padded) image, for its size.</param>
    /// <returns>[batch, classes, rows, columns], or [batch, classes] when the head predicts the whole image.</returns>
    /// <exception cref="DecoderException">The parts do not fit the features or each other.</exception>
    public Value Build(LayerBuilder layers, IReadOnlyList<Value> features, Value image) => Build(layers, features, image, out _);

    /// <summary>Appends all of it; in a training graph the auxiliary decoders too.</summary>
    /// <param name="layers">Builder of the layers.</param>
    /// <param name="features">The encoder's features.</param>
    /// <param name="image">The (padded) image, for its size.</param>
    /// <param name="auxiliaries">Receives the predictions of <see cref="Auxiliaries"/> in order, of the shape of the main one; none unless the graph trains.</param>
    /// <returns>The main prediction, as the other overload.</returns>
    /// <exception cref="DecoderException">The parts do not fit the features or each other.</exception>
    public Value Build(LayerBuilder layers, IReadOnlyList<Value> features, Value image, out IReadOnlyList<Value> auxiliaries)
    {
        var necks = Necks ?? Automatic(features);
        for (var i = 0; i < necks.Count; i++)
        {
            using var neck = layers.Below($"neck.{i}");
            features = necks[i].Apply(layers, features, image);
        }

        var prediction = Predict(layers, features, image, "decoder", "head");
        auxiliaries = layers.Use != LayerUse.Training ? [] : [.. Auxiliaries.Select(auxiliary =>
            auxiliary.Decoder.Classes == Classes && auxiliary.Decoder.PredictsMap == PredictsMap
                ? auxiliary.Decoder.Predict(layers, features, image, $"aux_heads.{auxiliary.Name}.0", $"aux_heads.{auxiliary.Name}.1")
                : throw new DecoderException(
                    $"The auxiliary head {auxiliary.Name} predicts {auxiliary.Decoder.Classes} channels of a {(auxiliary.Decoder.PredictsMap ? "map" : "whole image")}; the main one {Classes} of a {(PredictsMap ? "map" : "whole image")}. Both take the same target."))];
        return prediction;
    }

    /// <summary>The steps that make features of a transformer fit this decoder.</summary>
    /// <param name="features">Number of features of the encoder.</param>
    public abstract IReadOnlyList<Neck> StandardNecks(int features);

    /// <summary>The steps that make maps of several sizes fit this decoder.</summary>
    /// <param name="features">Number of maps.</param>
    public virtual IReadOnlyList<Neck> PyramidNecks(int features) => [];

    /// <summary>True when the decoder's output is the prediction, so that there is no head.</summary>
    internal virtual bool IncludesHead => false;

    /// <summary>Appends the decoder alone.</summary>
    internal abstract Value Decode(LayerBuilder layers, IReadOnlyList<Value> features);

    /// <summary>The last feature as a map.</summary>
    private protected static IReadOnlyList<Neck> LastMap { get; } = [new SelectIndices { Indices = [-1] }, new ReshapeTokensToImage()];

    /// <summary>Four features, evenly spread and ending with the last, as maps of four sizes.</summary>
    private protected static IReadOnlyList<Neck> Pyramid(int features) =>
    [
        new SelectIndices { Indices = [.. Enumerable.Range(1, 4).Select(quarter => Math.Max(0, (quarter * features / 4) - 1))] },
        new ReshapeTokensToImage(), new LearnedInterpolateToPyramidal(),
    ];

    private IReadOnlyList<Neck> Automatic(IReadOnlyList<Value> features) => features.All(feature => feature.Rank == 2) ? []
        : IsPyramid(features) ? PyramidNecks(features.Count) : StandardNecks(features.Count);

    private Value Predict(LayerBuilder layers, IReadOnlyList<Value> features, Value image, string decoder, string head)
    {
        Value prediction;
        using (layers.Below(decoder))
        {
            prediction = Decode(layers, features);
        }

        if (!IncludesHead)
        {
            using var scope = layers.Below(head);
            prediction = (Head ?? Standard()).Apply(layers, prediction);
        }
        else if (Head is not null)
        {
            throw new DecoderException($"{GetType().Name} makes the prediction itself; leave out {Head.GetType().Name} and give Classes.");
        }

        return Rescale && PredictsMap ? layers.ResizeLike(prediction, image, "linear") : prediction;
    }

    private static bool IsPyramid(IReadOnlyList<Value> features) =>
        features.All(feature => feature.Rank == 4) && features.Select(feature => feature.KnownShape[-1]).Distinct().Count() > 1;

    private SegmentationHead Standard() => Classes > 0 ? new SegmentationHead { Classes = Classes } : throw new DecoderException(
        $"{GetType().Name} has neither Classes nor a Head, so it is not known what to predict. Give the number of classes.");
}
