using EoOnnx.Onnx;

namespace EoOnnx.Decoders;

/// <summary>
/// Padding of an image to a multiple of an edge, and the cut that undoes it in the prediction. TerraTorch pads to twice the patch size,
/// the smaller half at the top left, and mirrors without repeating the edge pixel.
/// </summary>
/// <param name="Multiple">What height and width must divide by, in pixels.</param>
/// <param name="Mode"><c>reflect</c>, <c>constant</c> (zeros), <c>replicate</c> or <c>circular</c>.</param>
public sealed record ImagePadding(int Multiple, string Mode = "reflect")
{
    /// <summary>Pixels; positive.</summary>
    public int Multiple { get; } = Multiple > 0 ? Multiple : throw new ArgumentOutOfRangeException(nameof(Multiple), Multiple, "The multiple must be at least 1 pixel.");

    /// <summary>How the added pixels are made.</summary>
    public string Mode { get; } = Mode is "reflect" or "constant" or "replicate" or "circular" ? Mode
        : throw new ArgumentOutOfRangeException(nameof(Mode), Mode, "Padding is reflect, constant, replicate or circular.");

    /// <summary>What TerraTorch pads to for a patch size.</summary>
    public static ImagePadding ForPatch(int patch, string mode = "reflect") => new(checked(2 * patch), mode);

    /// <summary>The padded length of an axis.</summary>
    public long Padded(long length) => length + Total(length);

    /// <summary>Appends the padding of an image [batch, …, rows, columns] of fixed size; an image that fits stays as it is.</summary>
    /// <exception cref="DecoderException">The size is not fixed, or too small to be mirrored.</exception>
    public Value Pad(GraphBuilder op, Value image)
    {
        var pads = new long[2 * image.Rank];
        foreach (var axis in new[] { image.Rank - 2, image.Rank - 1 })
        {
            var length = Length(image, axis);
            var total = Total(length);
            (pads[axis], pads[axis + image.Rank]) = (total / 2, total - (total / 2));
            if (Mode == "reflect" && total - (total / 2) >= length)
            {
                throw new DecoderException($"An image of {length} pixels cannot be mirrored to {length + total}; use tiles of a multiple of {Multiple} pixels.");
            }
        }

        return pads.All(pad => pad == 0) ? image : op.Pad(image, pads, Mode switch { "replicate" => "edge", "circular" => "wrap", var same => same });
    }

    /// <summary>Appends the cut of the middle of a prediction, to the size of the image before padding.</summary>
    /// <exception cref="DecoderException">A size is not fixed.</exception>
    public static Value Crop(GraphBuilder op, Value prediction, Value image)
    {
        for (var axis = 1; axis <= 2; axis++)
        {
            var (have, want) = (Length(prediction, prediction.Rank - axis), Length(image, image.Rank - axis));
            if (have > want)
            {
                var start = (have - want) / 2;
                prediction = op.Slice(prediction, -axis, start, start + want);
            }
        }

        return prediction;
    }

    private long Total(long length) => (Multiple - (length % Multiple)) % Multiple;

    private static long Length(Value value, int axis) => value.KnownShape[axis].Value
        ?? throw new DecoderException($"Padding inside a graph needs a fixed size; found {value.KnownShape}. Export the encoder for one tile size.");
}
