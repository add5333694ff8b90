using System.Numerics;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;

namespace EoOnnx.Runtime;

/// <summary>Cuts tiles out of the slab and standardises them; keeps a sample of what the channels look like.</summary>
internal sealed class TileCutter
{
    private const int SampledRows = 8; // one row in eight tells mean and deviation well enough
    private readonly Slab _slab;
    private readonly PixelSize _scene;
    private readonly int _left;
    private readonly PixelSize _tile;
    private readonly int _frames;
    private readonly IReadOnlyList<ChannelScaling> _scalings;
    private readonly float _fill;
    private readonly int[] _columns;
    private readonly bool _reflects;
    private readonly float[] _zeros;
    private readonly PixelWindow _answered;
    private readonly ChannelSamples _samples;

    /// <summary>A cutter of a panel of a scene.</summary>
    /// <param name="slab">Where the scene's rows are.</param>
    /// <param name="plan">Its tiles.</param>
    /// <param name="panel">The columns that the slab holds.</param>
    /// <param name="scalings">One a channel of the slab: frame by frame.</param>
    /// <param name="frames">Time steps.</param>
    /// <param name="fill">What missing pixels become.</param>
    /// <param name="samples">Receives every eighth row of what is cut.</param>
    /// <param name="answered">The pixels that have an answer where zeros stand behind the edge; they may reach past the scene.</param>
    public TileCutter(Slab slab, TilePlan plan, Panel panel, IReadOnlyList<ChannelScaling> scalings, int frames, float fill, ChannelSamples samples, PixelWindow answered)
    {
        (_slab, _scene, _left, _tile, _scalings, _frames, _fill, _samples, _answered) = (slab, plan.Scene, panel.ReadX, plan.Tile, scalings, frames, fill, samples, answered);
        (_columns, _reflects) = (new int[_tile.Width], plan.X.Options.Edge != EdgeMode.Zero);
        _zeros = [.. scalings.Select(ZeroOf)];
    }

    /// <summary>Cuts one tile.</summary>
    /// <param name="read">The tile; what lies outside the scene is reflected, or 0 as stored.</param>
    /// <param name="image">[channel, frame, row, column]; every element is written when the tile has a valid pixel.</param>
    /// <param name="valid">[row, column]: 1 valid, 0 not, <see cref="MaskReader.Hidden"/>; every element is written.</param>
    /// <returns>Whether the tile has a pixel to map.</returns>
    public bool Cut(PixelWindow read, Span<float> image, Span<byte> valid)
    {
        var part = read.Within(_scene);
        var inside = part.Width == read.Width;
        for (var u = 0; u < _tile.Width && !inside; u++)
        {
            // Columns that are 0 take any that the slab holds; they are overwritten.
            _columns[u] = (_reflects ? TileAxis.Reflect(read.X + u, _scene.Width) : Math.Clamp(read.X + u, part.X, part.Right - 1)) - _left;
        }

        for (var v = 0; v < _tile.Height; v++)
        {
            var flags = valid.Slice(v * _tile.Width, _tile.Width);
            if (Row(read, v) is not { } row)
            {
                flags.Clear();
                continue;
            }

            Gather(_slab.ValidFrom(row)[.._slab.Width], inside ? read.X - _left : -1, flags);
            if (!inside && !_reflects)
            {
                flags[..(part.X - read.X)].Clear();
                flags[(part.Right - read.X)..].Clear();
            }
        }

        if (valid.IndexOf((byte)1) < 0)
        {
            return false;
        }

        var area = (int)_tile.Area;
        var bands = _scalings.Count / _frames;
        for (var channel = 0; channel < _scalings.Count; channel++)
        {
            // The slab holds frame after frame; the model takes [channel, frame].
            var plane = image.Slice((((channel % bands) * _frames) + (channel / bands)) * area, area);
            switch (_slab.Type)
            {
                case RasterType.Byte: Copy<byte>(read, channel, inside, valid, plane); break;
                case RasterType.UInt16: Copy<ushort>(read, channel, inside, valid, plane); break;
                case RasterType.Int16: Copy<short>(read, channel, inside, valid, plane); break;
                default: Copy<float>(read, channel, inside, valid, plane); break;
            }

            for (var v = 0; v < _tile.Height; v += SampledRows)
            {
                _samples.Add(channel, plane.Slice(v * _tile.Width, _tile.Width), valid.Slice(v * _tile.Width, _tile.Width));
            }
        }

        if (!_reflects)
        {
            ShowAnswered(read, part, valid);
        }

        return true;
    }

    private void Copy<T>(PixelWindow read, int channel, bool inside, ReadOnlySpan<byte> valid, Span<float> plane) where T : unmanaged, INumberBase<T>
    {
        for (var v = 0; v < _tile.Height; v++)
        {
            var destination = plane.Slice(v * _tile.Width, _tile.Width);
            if (Row(read, v) is not { } row)
            {
                destination.Fill(_zeros[channel]);
                continue;
            }

            var source = _slab.From<T>(row, channel)[.._slab.Width];
            var flags = valid.Slice(v * _tile.Width, _tile.Width);
            if (inside)
            {
                Standardization.Apply<T>(source.Slice(read.X - _left, _tile.Width), flags, _scalings[channel], _fill, destination);
                continue;
            }

            for (var u = 0; u < destination.Length; u++)
            {
                destination[u] = float.CreateTruncating(source[_columns[u]]);
            }

            Standardization.Apply(destination, flags, _scalings[channel], _fill);
            if (!_reflects)
            {
                destination[..Math.Max(0, -read.X)].Fill(_zeros[channel]);
                destination[Math.Min(_tile.Width, _scene.Width - read.X)..].Fill(_zeros[channel]);
            }
        }
    }

    // Pixels behind the edge count where a median sees them; those of the scene for which no tile answers have no value.
    private void ShowAnswered(PixelWindow read, PixelWindow part, Span<byte> valid)
    {
        var answered = (_answered with { X = _answered.X - read.X, Y = _answered.Y - read.Y }).Within(_tile);
        var inside = part with { X = part.X - read.X, Y = part.Y - read.Y };
        for (var v = 0; v < _tile.Height; v++)
        {
            var flags = valid.Slice(v * _tile.Width, _tile.Width);
            if (v < answered.Y || v >= answered.Bottom)
            {
                flags.Clear();
                continue;
            }

            if (v < inside.Y || v >= inside.Bottom)
            {
                flags.Fill(1);
            }

            flags[..inside.X].Fill(1);
            flags[inside.Right..].Fill(1);
            flags[..answered.X].Clear();
            flags[answered.Right..].Clear();
        }
    }

    private static float ZeroOf(ChannelScaling scaling)
    {
        Span<float> zero = [0];
        Standardization.Apply(zero, [1], scaling);
        return zero[0];
    }

    private void Gather(ReadOnlySpan<byte> source, int start, Span<byte> destination)
    {
        if (start >= 0)
        {
            source.Slice(start, destination.Length).CopyTo(destination);
            return;
        }

        for (var u = 0; u < destination.Length; u++)
        {
            destination[u] = source[_columns[u]];
        }
    }

    // The row of the scene that a row of a tile shows; null for one of zeros.
    private int? Row(PixelWindow read, int v) => read.Y + v is var row && row >= 0 && row < _scene.Height ? row : _reflects ? TileAxis.Reflect(row, _scene.Height) : null;
}
