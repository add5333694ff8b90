using System.Numerics.Tensors;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>
/// What an encoder's answer for one tile looks like, and how it becomes planes of cells [band, row, column]: tokens
/// [prefix + frames · cells, channels], a map [channels, rows, columns] or a vector [channels].
/// </summary>
internal sealed class EmbeddingLayout
{
    private const int MostPrefixTokens = 16;
    private readonly EmbeddingPool _pool;
    private readonly bool _isTokens;
    private readonly int _prefix;
    private readonly int _frames;
    private readonly int _channels;
    private readonly int _cells;

    private EmbeddingLayout(EmbeddingPool pool, bool isTokens, int prefix, int frames, int channels, PixelSize grid) =>
        (_pool, _isTokens, _prefix, _frames, _channels, _cells, Grid) = (pool, isTokens, prefix, frames, channels, checked((int)grid.Area), pool == EmbeddingPool.Patches ? grid : OneCell);

    /// <summary>Cells of a tile, across and down.</summary>
    public PixelSize Grid { get; }

    /// <summary>Bands of the embedding: the channels, frame by frame.</summary>
    public int Bands => _channels * (_pool == EmbeddingPool.Class ? 1 : _frames);

    /// <summary>True when each tile becomes one pixel.</summary>
    public bool IsPooled => Grid == OneCell;

    private static PixelSize OneCell => new(1, 1);

    /// <summary>Understands the output of an encoder.</summary>
    /// <param name="model">The file, for messages.</param>
    /// <param name="feature">What the manifest says about the output; null when it says nothing.</param>
    /// <param name="output">The output.</param>
    /// <param name="shape">Its extents for a tile: [batch, …].</param>
    /// <param name="tile">Size of a tile in pixels.</param>
    /// <param name="pool">What a pixel stands for.</param>
    /// <exception cref="ModelException">The output is no grid of features over the tile, or has no such token.</exception>
    public static EmbeddingLayout Of(string model, ManifestFeature? feature, string output, IReadOnlyList<long> shape, PixelSize tile, EmbeddingPool pool)
    {
        var layout = shape.Count switch
        {
            2 when pool == EmbeddingPool.Patches => new EmbeddingLayout(pool, false, 0, 1, checked((int)shape[1]), OneCell),
            2 => throw new ModelException($"The output '{output}' of {model} is one vector a tile already; leave out --pool (EmbeddingOptions.Pool)."),
            3 => OfTokens(feature, checked((int)shape[1]), checked((int)shape[2]), tile, pool),
            4 when shape[2] > 0 && shape[3] > 0 => new EmbeddingLayout(pool, false, 0, 1, checked((int)shape[1]), new PixelSize(checked((int)shape[3]), checked((int)shape[2]))),
            _ => null,
        };
        if (layout is null || tile.Width % layout.Grid.Width != 0 || tile.Height % layout.Grid.Height != 0)
        {
            throw new ModelException($"The output '{output}' of {model} is [{string.Join(", ", shape)}] for a tile of {tile.Width} x {tile.Height}; an embedding needs tokens [batch, prefix + m·n, channels] or a map [batch, channels, m, n] " +
                "where m divides the height and n the width of the tile, or a vector [batch, channels]. Choose another output with --output.");
        }

        if (pool == EmbeddingPool.Class && layout is not { _isTokens: true, _prefix: > 0 })
        {
            throw new ModelException($"The output '{output}' of {model}, [{string.Join(", ", shape)}], has no class token. Use --pool mean (EmbeddingPool.Mean) for one pixel a tile.");
        }

        return layout;
    }

    /// <summary>Puts the answer for one tile in order.</summary>
    /// <param name="answer">The answer, as long as the output for one tile.</param>
    /// <param name="planes">[band, row, column]: <see cref="Bands"/> for each cell of <see cref="Grid"/> numbers, all written.</param>
    public void Arrange(ReadOnlySpan<float> answer, Span<float> planes)
    {
        if (!_isTokens)
        {
            ArrangeMap(answer, planes);
            return;
        }

        if (_pool == EmbeddingPool.Class)
        {
            answer[.._channels].CopyTo(planes);
            return;
        }

        for (var frame = 0; frame < _frames; frame++)
        {
            var tokens = answer.Slice((_prefix + (frame * _cells)) * _channels, _cells * _channels);
            if (_pool == EmbeddingPool.Patches)
            {
                Transpose(tokens, planes.Slice(frame * _channels * _cells, _channels * _cells));
                continue;
            }

            var mean = planes.Slice(frame * _channels, _channels);
            tokens[.._channels].CopyTo(mean);
            for (var cell = 1; cell < _cells; cell++)
            {
                TensorPrimitives.Add(mean, tokens.Slice(cell * _channels, _channels), mean);
            }

            TensorPrimitives.Divide(mean, _cells, mean);
        }
    }

    private void ArrangeMap(ReadOnlySpan<float> answer, Span<float> planes)
    {
        if (_pool == EmbeddingPool.Patches)
        {
            answer.CopyTo(planes);
            return;
        }

        for (var channel = 0; channel < _channels; channel++)
        {
            planes[channel] = TensorPrimitives.Sum(answer.Slice(channel * _cells, _cells)) / _cells;
        }
    }

    // [cell, channel] → [channel, cell], in blocks that stay in the cache.
    private void Transpose(ReadOnlySpan<float> tokens, Span<float> planes)
    {
        const int block = 16;
        for (var first = 0; first < _channels; first += block)
        {
            var end = Math.Min(_channels, first + block);
            for (var cell = 0; cell < _cells; cell++)
            {
                var token = tokens.Slice(cell * _channels, _channels);
                for (var channel = first; channel < end; channel++)
                {
                    planes[(channel * _cells) + cell] = token[channel];
                }
            }
        }
    }

    // Models of other makers do not say how many tokens stand in front: the fewest that leave a grid of the tile's proportions, of square patches.
    private static EmbeddingLayout? OfTokens(ManifestFeature? feature, int tokens, int channels, PixelSize tile, EmbeddingPool pool)
    {
        for (var prefix = feature?.PrefixTokens ?? 0; prefix < tokens && prefix <= (feature?.PrefixTokens ?? MostPrefixTokens); prefix++)
        {
            var left = tokens - prefix;
            var grid = feature is { GridHeight: > 0, GridWidth: > 0 } && left % ((long)feature.GridHeight * feature.GridWidth) == 0
                ? new PixelSize(feature.GridWidth, feature.GridHeight) : GridOf(left, tile);
            if (grid.Area > 0 && left % grid.Area == 0 && tile.Width % grid.Width == 0 && tile.Height % grid.Height == 0 && (feature is not null || grid.Area == left))
            {
                return new EmbeddingLayout(pool, true, prefix, (int)(left / grid.Area), channels, grid);
            }
        }

        return null;
    }

    // A tile of width and height has width · height / patch² cells.
    private static PixelSize GridOf(int cells, PixelSize tile)
    {
        var rows = (int)Math.Sqrt((double)cells * tile.Height / tile.Width);
        return new PixelSize((int)((long)rows * tile.Width / tile.Height), rows);
    }
}
