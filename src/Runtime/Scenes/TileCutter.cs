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
    private readonly int _tile;
    private readonly int _frames;
    private readonly IReadOnlyList<ChannelScaling> _scalings;
    private readonly float _fill;
    private readonly int[] _columns;
    private readonly ChannelSamples _samples;

    /// <summary>A cutter of a panel of a scene.</summary>
    /// <param name="slab">Where the scene's rows are.</param>
    /// <param name="plan">Its tiles.</param>
    /// <param name="panel">The columns that the slab holds.</param>
    /// <param name="scalings">One a channel of the slab: frame by frame.</param>
    /// <param name="frames">Time steps.</param>
    /// <param name="fill">What missing pixels become.</param>
    /// <param name="samples">Receives every eighth row of what is cut.</param>
    public TileCutter(Slab slab, TilePlan plan, Panel panel, IReadOnlyList<ChannelScaling> scalings, int frames, float fill, ChannelSamples samples)
    {
        (_slab, _scene, _left, _tile, _scalings, _frames, _fill, _samples) = (slab, plan.Scene, panel.ReadX, plan.Options.Tile, scalings, frames, fill, samples);
        _columns = new int[_tile];
    }

    /// <summary>Cuts one tile.</summary>
    /// <param name="read">The tile; what lies outside the scene is reflected.</param>
    /// <param name="image">[channel, frame, row, column]; every element is written when the tile has a valid pixel.</param>
    /// <param name="valid">[row, column]: 1 valid, 0 not, <see cref="MaskReader.Hidden"/>; every element is written.</param>
    /// <returns>Whether the tile has a pixel to map.</returns>
    public bool Cut(PixelWindow read, Span<float> image, Span<byte> valid)
    {
        var inside = read.X >= 0 && read.Right <= _scene.Width;
        for (var u = 0; u < _tile && !inside; u++)
        {
            _columns[u] = TileAxis.Reflect(read.X + u, _scene.Width) - _left;
        }

        for (var v = 0; v < _tile; v++)
        {
            var source = _slab.ValidFrom(Row(read, v))[.._slab.Width];
            Gather(source, inside ? read.X - _left : -1, valid.Slice(v * _tile, _tile));
        }

        if (valid.IndexOf((byte)1) < 0)
        {
            return false;
        }

        var area = _tile * _tile;
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

            for (var v = 0; v < _tile; v += SampledRows)
            {
                _samples.Add(channel, plane.Slice(v * _tile, _tile), valid.Slice(v * _tile, _tile));
            }
        }

        return true;
    }

    private void Copy<T>(PixelWindow read, int channel, bool inside, ReadOnlySpan<byte> valid, Span<float> plane) where T : unmanaged, INumberBase<T>
    {
        for (var v = 0; v < _tile; v++)
        {
            var source = _slab.From<T>(Row(read, v), channel)[.._slab.Width];
            var destination = plane.Slice(v * _tile, _tile);
            var flags = valid.Slice(v * _tile, _tile);
            if (inside)
            {
                Standardization.Apply<T>(source.Slice(read.X - _left, _tile), flags, _scalings[channel], _fill, destination);
            }
            else
            {
                for (var u = 0; u < destination.Length; u++)
                {
                    destination[u] = float.CreateTruncating(source[_columns[u]]);
                }

                Standardization.Apply(destination, flags, _scalings[channel], _fill);
            }
        }
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

    private int Row(PixelWindow read, int v) => read.Y + v is var row && row >= 0 && row < _scene.Height ? row : TileAxis.Reflect(row, _scene.Height);
}
