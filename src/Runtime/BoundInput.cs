using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>An input of a repeated run: the caller's memory, some channels of it, or a constant.</summary>
internal sealed class BoundInput
{
    private readonly Memory<float> _images;
    private readonly int _imageLength;
    private readonly int _first;

    private BoundInput(string name, Memory<float> data, long[] shape, Memory<float> images = default, int imageLength = 0, int first = 0) =>
        (Name, Data, Shape, _images, _imageLength, _first) = (name, data, shape, images, imageLength, first);

    public string Name { get; }

    public Memory<float> Data { get; }

    public long[] Shape { get; }

    /// <summary>The inputs that images feed: the memory itself for one input, copies of their channels for several.</summary>
    /// <param name="name">The only input, when there are no parts.</param>
    /// <param name="images">[batch, channel, …].</param>
    /// <param name="shape">Extents of <paramref name="images"/>.</param>
    /// <param name="parts">Which channels feed which input.</param>
    public static IEnumerable<BoundInput> Of(string name, Memory<float> images, long[] shape, IReadOnlyList<InputPart>? parts)
    {
        if (parts is not { Count: > 1 })
        {
            return [new BoundInput(name, images, shape)];
        }

        var plane = images.Length / checked((int)(shape[0] * shape[1]));
        return parts.Select(part => new BoundInput(
            part.Input, GC.AllocateArray<float>(checked((int)shape[0] * part.Count * plane), pinned: true), [shape[0], part.Count, .. shape[2..]],
            images, checked((int)shape[1] * plane), part.First * plane));
    }

    /// <summary>An input that is read from the caller's memory.</summary>
    public static BoundInput OfMemory(string name, Memory<float> data, long[] shape) => new(name, data, shape);

    /// <summary>An input that is the same in every run.</summary>
    public static BoundInput Constant(string name, TensorData value) => new(name, value.AsSpan<float>().ToArray(), [.. value.Shape]);

    /// <summary>Takes this input's channels out of the images; nothing for the caller's own memory and constants.</summary>
    public void Gather()
    {
        if (_imageLength == 0)
        {
            return;
        }

        var count = (int)Shape[0];
        var length = Data.Length / count;
        for (var i = 0; i < count; i++)
        {
            _images.Span.Slice((i * _imageLength) + _first, length).CopyTo(Data.Span[(i * length)..]);
        }
    }
}
