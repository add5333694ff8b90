using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>How the pixels of an output lie in the tile.</summary>
/// <param name="Edge">Pixels of the output along an edge.</param>
/// <param name="Upsampling">Output pixels for one of the tile; above 1 for super-resolution.</param>
/// <param name="Margin">Pixels of the tile on every side, at most, that the output leaves out: it is the middle of the tile.</param>
internal readonly record struct OutputGrid(int Edge, int Upsampling, int Margin)
{
    private const int LargestUpsampling = 64;

    /// <summary>Reads the extents of an output.</summary>
    /// <param name="model">The model.</param>
    /// <param name="manifest">What it is for.</param>
    /// <param name="output">Name of the output.</param>
    /// <param name="scores">What it gave for one batch of tiles.</param>
    /// <param name="batch">Tiles of the batch.</param>
    /// <param name="tile">Tile edge.</param>
    /// <exception cref="ModelException">It is not a score for each pixel, nor for each pixel of the middle, nor for each part of a pixel.</exception>
    public static OutputGrid Of(EoModel model, ModelManifest manifest, string output, TensorData scores, int batch, int tile)
    {
        if (scores.Type == ElementType.Float && scores.Shape.Length is 3 or 4 && scores.Shape[0] == batch && scores.Shape[^1] == scores.Shape[^2])
        {
            var edge = (int)scores.Shape[^1];
            if (edge == tile)
            {
                return new OutputGrid(edge, 1, 0);
            }

            if (manifest.Task is ModelTask.Segmentation or ModelTask.Regression)
            {
                if (edge > tile && edge % tile == 0 && edge / tile <= LargestUpsampling)
                {
                    return new OutputGrid(edge, edge / tile, 0);
                }

                // Far smaller outputs are coarse maps of the whole tile, except in models for Deepness, where they are its middle, too.
                if (edge < tile && (2 * edge > tile || model.DeepnessKind is not null))
                {
                    return new OutputGrid(edge, 1, (tile - edge + 1) / 2);
                }
            }
        }

        throw new ModelException($"The output '{output}' of {model.Path} is {scores.Type} [{string.Join(", ", scores.Shape)}] for {batch} tiles of {tile} x {tile}; a map needs Float [batch, classes, {tile}, {tile}], " +
            $"a whole multiple of {tile} up to {LargestUpsampling} (super-resolution), or the middle of the tile. Choose another output with --output, or a task model that train-adapter made.");
    }
}
