using EoOnnx.Decoders.Layers;
using EoOnnx.Decoders.Necks;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>
/// UPerNet (Xiao et al. 2018): pools the smallest map over grids of several sizes, adds it from map to map up to the largest and joins all.
/// </summary>
public sealed record UperNetDecoder : Decoder
{
    /// <summary>Channels of every step.</summary>
    public int Channels
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Channels), value, "A map needs at least one channel; 256 is usual.");
    } = 256;

    /// <summary>Cells a side of the pooling grids.</summary>
    public IReadOnlyList<int> PoolScales
    {
        get;
        init => field = value.All(scale => scale is >= 1 and <= 64) ? value
            : throw new ArgumentOutOfRangeException(nameof(PoolScales), string.Join(", ", value), "A pooling grid has 1 to 64 cells a side; 1, 2, 3, 6 is usual.");
    } = [1, 2, 3, 6];

    /// <summary>Whether the corners of maps are aligned when they are resized inside the decoder.</summary>
    public bool AlignCorners { get; init; } = true;

    /// <summary>Whether the decoder makes the four sizes itself, as in checkpoints from before there were necks.</summary>
    public bool ScaleModules { get; init; }

    /// <inheritdoc/>
    public override IReadOnlyList<Neck> StandardNecks(int features) => ScaleModules ? [.. Pyramid(features).SkipLast(1)] : Pyramid(features);

    internal override Value Decode(LayerBuilder layers, IReadOnlyList<Value> features)
    {
        var op = layers.Op;
        var maps = ScaleModules ? PyramidScaling.Apply(layers, features, $"{nameof(UperNetDecoder)} with scale modules") : features;
        if (maps.Count == 0)
        {
            throw new DecoderException($"{nameof(UperNetDecoder)} needs at least one feature; none arrives.");
        }

        var smallest = maps[^1];
        var pooled = new List<Value> { smallest };
        for (var i = 0; i < PoolScales.Count; i++)
        {
            var cells = layers.ConvolutionModule($"psp_modules.{i}.1", AdaptivePooling.Apply(op, smallest, PoolScales[i]), Channels, 1);
            pooled.Add(Resize(cells, smallest));
        }

        var lateral = maps.SkipLast(1).Select((map, i) => layers.ConvolutionModule($"lateral_convs.{i}", map, Channels, 1)).ToList();
        lateral.Add(layers.ConvolutionModule("bottleneck", pooled.Count == 1 ? smallest : op.Concat(1, [.. pooled]), Channels, 3, 1));
        for (var i = lateral.Count - 1; i > 0; i--)
        {
            lateral[i - 1] = op.Add(lateral[i - 1], Resize(lateral[i], lateral[i - 1]));
        }

        var outputs = lateral.Select((map, i) => i == lateral.Count - 1 ? map : layers.ConvolutionModule($"fpn_convs.{i}", map, Channels, 3, 1)).ToList();
        var joined = outputs.Select(map => Resize(map, outputs[0])).ToArray();
        return layers.ConvolutionModule("fpn_bottleneck", joined.Length == 1 ? joined[0] : op.Concat(1, joined), Channels, 3, 1);

        Value Resize(Value map, Value like) => layers.ResizeLike(map, like, "linear", AlignCorners);
    }
}
