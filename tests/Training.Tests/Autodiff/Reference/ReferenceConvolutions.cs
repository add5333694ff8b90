using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>Convolutions over any number of axes, as sums over kernel positions.</summary>
internal static class ReferenceConvolutions
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new() { ["Conv"] = Convolution, ["ConvTranspose"] = Transposed };

    /// <summary>y[n, o, p] = b[o] + Σ w[o, c, k] · x[n, c, p · stride + k · dilation − pad] over the channels c of o's group.</summary>
    private static ReferenceTensor Convolution(Node node, ReferenceTensor?[] inputs)
    {
        var (x, weight, form) = (inputs[0]!, inputs[1]!, new Form(node, inputs[1]!));
        long[] sizes = [.. form.Kernel.Select((kernel, axis) => ((x.Shape[axis + 2] + form.Pads[axis] + form.Pads[axis + form.Axes] - (form.Dilations[axis] * (kernel - 1)) - 1) / form.Strides[axis]) + 1)];
        var y = Filled([x.Shape[0], weight.Shape[0], .. sizes], inputs.ElementAtOrDefault(2));
        var (mine, theirs, kernelSize) = (Size(sizes), Size(x.Shape[2..]), Size(form.Kernel));
        var (channels, perGroup) = (weight.Shape[1], weight.Shape[0] / form.Groups);
        foreach (var (small, k, large) in form.Pairs(sizes, x.Shape[2..]))
        {
            for (var image = 0L; image < x.Shape[0]; image++)
            {
                for (var output = 0L; output < weight.Shape[0]; output++)
                {
                    ref var sum = ref y.Values[(((image * weight.Shape[0]) + output) * mine) + small];
                    for (var channel = 0L; channel < channels; channel++)
                    {
                        sum += weight.Values[(((output * channels) + channel) * kernelSize) + k] * x.Values[(((image * x.Shape[1]) + (output / perGroup * channels) + channel) * theirs) + large];
                    }
                }
            }
        }

        return y;
    }

    /// <summary>Adds w[c, o, k] · x[n, c, p] at y[n, o, p · stride + k · dilation − pad]; o counts within c's group.</summary>
    private static ReferenceTensor Transposed(Node node, ReferenceTensor?[] inputs)
    {
        var (x, weight, form) = (inputs[0]!, inputs[1]!, new Form(node, inputs[1]!));
        var extra = node.Ints("output_padding") ?? new long[form.Axes];
        long[] sizes = [.. form.Kernel.Select((kernel, axis) => ((x.Shape[axis + 2] - 1) * form.Strides[axis]) + extra[axis] + (form.Dilations[axis] * (kernel - 1)) + 1 - form.Pads[axis] - form.Pads[axis + form.Axes])];
        var (outputs, perGroup) = (weight.Shape[1], x.Shape[1] / form.Groups);
        var y = Filled([x.Shape[0], outputs * form.Groups, .. sizes], inputs.ElementAtOrDefault(2));
        var (mine, theirs, kernelSize) = (Size(sizes), Size(x.Shape[2..]), Size(form.Kernel));
        foreach (var (small, k, large) in form.Pairs(x.Shape[2..], sizes))
        {
            for (var image = 0L; image < x.Shape[0]; image++)
            {
                for (var channel = 0L; channel < x.Shape[1]; channel++)
                {
                    var value = x.Values[(((image * x.Shape[1]) + channel) * theirs) + small];
                    for (var output = 0L; output < outputs; output++)
                    {
                        y.Values[(((image * y.Shape[1]) + (channel / perGroup * outputs) + output) * mine) + large] += weight.Values[(((channel * outputs) + output) * kernelSize) + k] * value;
                    }
                }
            }
        }

        return y;
    }

    private static long Size(long[] shape) => shape.Aggregate(1L, (product, extent) => product * extent);

    private static ReferenceTensor Filled(long[] shape, ReferenceTensor? bias)
    {
        var (tensor, pixels) = (new ReferenceTensor(shape), Size(shape[2..]));
        for (var i = 0L; bias is not null && i < tensor.Values.Length; i++)
        {
            tensor.Values[i] = bias.Values[i / pixels % shape[1]];
        }

        return tensor;
    }

    /// <summary>The attributes that both kinds share, with their defaults.</summary>
    private sealed class Form(Node node, ReferenceTensor weight)
    {
        public int Axes { get; } = weight.Shape.Length - 2;

        public long[] Kernel { get; } = weight.Shape[2..];

        public long Groups { get; } = node.Int("group", 1);

        public long[] Strides { get; } = node.Ints("strides") ?? [.. weight.Shape.Skip(2).Select(_ => 1L)];

        public long[] Dilations { get; } = node.Ints("dilations") ?? [.. weight.Shape.Skip(2).Select(_ => 1L)];

        public long[] Pads { get; } = node.Ints("pads") ?? new long[2 * (weight.Shape.Length - 2)];

        /// <summary>Positions p of the strided side and k of the kernel, with the position p · stride + k · dilation − pad of the other side where it exists; all counted row-major.</summary>
        public IEnumerable<(long Small, long Kernel, long Large)> Pairs(long[] small, long[] large)
        {
            var positions = ReferenceTensor.Indices(Kernel).ToList();
            foreach (var (p, at) in ReferenceTensor.Indices(small).Index())
            {
                for (var k = 0; k < positions.Count; k++)
                {
                    var (offset, inside) = (0L, true);
                    for (var axis = 0; axis < Axes; axis++)
                    {
                        var place = (at[axis] * Strides[axis]) + (positions[k][axis] * Dilations[axis]) - Pads[axis];
                        (offset, inside) = ((offset * large[axis]) + place, inside && place >= 0 && place < large[axis]);
                    }

                    if (inside)
                    {
                        yield return (p, k, offset);
                    }
                }
            }
        }
    }
}
