using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>How the pixels of an output lie in the tile.</summary>
/// <param name="Size">Size of the output in its pixels.</param>
/// <param name="Upsampling">Output pixels for one of the tile along an edge; above 1 for super-resolution.</param>
/// <param name="Margin">Pixels of the tile on every side, at most, that the output leaves out: it is the middle of the tile.</param>
internal readonly record struct OutputGrid(PixelSize Size, int Upsampling, PixelSize Margin)
{
    private const int LargestUpsampling = 64;

    /// <summary>Reads the extents of an output.</summary>
    /// <param name="model">The model.</param>
    /// <param name="manifest">What it is for.</param>
    /// <param name="output">Name of the output.</param>
    /// <param name="scores">What it gave for one batch of tiles.</param>
    /// <param name="batch">Tiles of the batch.</param>
    /// <param name="tile">Size of a tile.</param>
    /// <exception cref="ModelException">It is not a score for each pixel, nor for each pixel of the middle, nor for each part of a pixel.</exception>
    public static OutputGrid Of(EoModel model, ModelManifest manifest, string output, TensorData scores, int batch, PixelSize tile)
    {
        if (scores.Type == ElementType.Float && scores.Shape.Length is 3 or 4 && scores.Shape[0] == batch && scores.Shape[^1] > 0 && scores.Shape[^2] > 0)
        {
            var size = new PixelSize((int)scores.Shape[^1], (int)scores.Shape[^2]);
            if (size == tile)
            {
                return new OutputGrid(size, 1, default);
            }

            if (manifest.Task is ModelTask.Segmentation or ModelTask.Regression)
            {
                var factor = size.Width / tile.Width;
                if (factor is > 1 and <= LargestUpsampling && size == new PixelSize(factor * tile.Width, factor * tile.Height))
                {
                    return new OutputGrid(size, factor, default);
                }

                // Far smaller outputs are coarse maps of the whole tile, except in models for Deepness, where they are its middle, too.
                if (size.Width <= tile.Width && size.Height <= tile.Height && ((2 * size.Width > tile.Width && 2 * size.Height > tile.Height) || model.DeepnessKind is not null))
                {
                    return new OutputGrid(size, 1, new PixelSize((tile.Width - size.Width + 1) / 2, (tile.Height - size.Height + 1) / 2));
                }
            }
        }

        throw new ModelException($"The output '{output}' of {model.Path} is {scores.Type} [{string.Join(", ", scores.Shape)}] for {batch} tiles of {tile.Width} x {tile.Height}; a map needs Float [batch, classes, {tile.Height}, {tile.Width}], " +
            $"a whole multiple of {tile} up to {LargestUpsampling} (super-resolution), or the middle of the tile. Choose another output with --output, or a task model that train-adapter made.");
    }
}
