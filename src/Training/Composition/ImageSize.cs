using EoOnnx.Onnx;

namespace EoOnnx.Training.Composition;

/// <summary>The size of the image that a prediction must have.</summary>
internal static class ImageSize
{
    /// <summary>A prediction [batch, classes, rows, columns], resized bilinearly (half-pixel centres) to the last two axes of the image.</summary>
    public static Value Resize(GraphBuilder op, Value prediction, Value image)
    {
        var shape = image.KnownShape;
        if (shape[-2].Value is { } height && shape[-1].Value is { } width)
        {
            return prediction.KnownShape[2].Value == height && prediction.KnownShape[3].Value == width ? prediction : op.Resize(prediction, height, width, "linear");
        }

        return op.Resize(prediction, op.Slice(op.Shape(image), 0, -2, long.MaxValue), "linear");
    }
}
