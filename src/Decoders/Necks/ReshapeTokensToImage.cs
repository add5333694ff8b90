using EoOnnx.Decoders.Layers;
using EoOnnx.Onnx;

namespace EoOnnx.Decoders.Necks;

/// <summary>Tokens [batch, N, channels] become a map [batch, frames · channels, rows, columns]; maps pass unchanged.</summary>
/// <remarks>The grid is found as the reference finds it: <see cref="Height"/>; else the square root of the number of tokens when that is
/// whole (so 2×8 tokens become 4×4: give the height for images that are not square); else from the size of the image. When none fits and
/// a class token was removed, there was none, and the same is tried with all tokens, here and for every later entry.</remarks>
public sealed record ReshapeTokensToImage : Neck
{
    /// <summary>Whether the first token is a class token, to be left out.</summary>
    public bool RemoveClassToken { get; init; } = true;

    /// <summary>Time steps; tokens are ordered by time, row, column, and the channels of a pixel by time, channel.</summary>
    public int Frames
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Frames), value, "At least one time step is needed.");
    } = 1;

    /// <summary>Rows of tokens; null finds them.</summary>
    public int? Height
    {
        get;
        init => field = value is null or > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Height), value, "The grid needs at least one row; null finds the rows.");
    }

    internal override IReadOnlyList<Value> Apply(LayerBuilder layers, IReadOnlyList<Value> features, Value image)
    {
        var remove = RemoveClassToken;
        return [.. features.Select(feature => feature.Rank >= 4 ? feature : ToMap(layers.Op, feature, image.KnownShape, ref remove))];
    }

    private Value ToMap(GraphBuilder op, Value tokens, TensorShape image, ref bool remove)
    {
        if (tokens.Rank != 3 || tokens.KnownShape[1].Value is not { } count || tokens.KnownShape[2].Value is not { } channels)
        {
            throw new DecoderException($"{nameof(ReshapeTokensToImage)} takes tokens [batch, N, channels] of fixed number and width; found {tokens.KnownShape}. Export the encoder for one tile size.");
        }

        var rows = Rows(count - (remove ? 1 : 0), image);
        if (rows is null && remove)
        {
            remove = false;
            rows = Rows(count, image);
        }

        if (rows is not { } height)
        {
            throw new DecoderException(
                $"{count} tokens{(RemoveClassToken ? ", with or without a class token," : "")} of {Frames} frame(s) fill no grid of an image {image}. " +
                "Give the number of rows (h) or of frames (effective_time_dim).");
        }

        if (remove)
        {
            tokens = op.Slice(tokens, 1, 1, long.MaxValue);
            count--;
        }

        var columns = count / Frames / height;
        return Frames == 1
            ? op.Reshape(op.Transpose(tokens, 0, 2, 1), 0, channels, height, columns)
            : op.Reshape(op.Transpose(op.Reshape(tokens, 0, Frames, height, columns, channels), 0, 1, 4, 2, 3), 0, Frames * channels, height, columns);
    }

    private long? Rows(long tokens, TensorShape image)
    {
        if (tokens <= 0 || tokens % Frames != 0)
        {
            return null;
        }

        var grid = tokens / Frames;
        if (Height is { } given)
        {
            return grid % given == 0 ? given : null;
        }

        if (WholeRoot(grid) is { } side)
        {
            return side;
        }

        if (image[-2].Value is not { } height || image[-1].Value is not { } width || height * width % grid != 0 || WholeRoot(height * width / grid) is not { } patch)
        {
            return null;
        }

        var rows = height / patch;
        return rows > 0 && grid % rows == 0 ? rows : null;
    }

    private static long? WholeRoot(long number)
    {
        var root = (long)Math.Round(Math.Sqrt(number));
        return root * root == number ? root : null;
    }
}
