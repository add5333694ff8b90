using EoOnnx.Onnx;

namespace EoOnnx.Training.Tests.Autodiff.Reference;

/// <summary>Convolutions over any number of axes, as sums over kernel positions.</summary>
internal static class ReferenceConvolutions
{
    public static readonly Dictionary<string, ReferenceOperator> Table = new() { ["Conv"] = Convolution, ["ConvTranspose"] = Transposed };

    /// <summary>y[n, o, p] = b[o] + Σ w[o, c, k] · x[n, c, p · stride + k · dilation − pad] over the channels c of o's group.</summary>
    private static ReferenceTensor Convolution(Node node, ReferenceTensor?[] inputs)
    {
        var (x, weight, bias, form) = (inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2), new Form(node, inputs[1]!));
        var perGroup = weight.Shape[0] / form.Groups;
        long[] sizes = [.. Enumerable.Range(0, form.Axes).Select(axis => ((x.Shape[axis + 2] + form.Pads[axis] + form.Pads[axis + form.Axes] - (form.Dilations[axis] * (form.Kernel[axis] - 1)) - 1) / form.Strides[axis]) + 1)];
        return ReferenceTensor.Of([x.Shape[0], weight.Shape[0], .. sizes], index =>
        {
            var sum = bias?[index[1]] ?? 0;
            for (var channel = 0L; channel < weight.Shape[1]; channel++)
            {
                foreach (var k in ReferenceTensor.Indices(form.Kernel))
                {
                    long[] at = [.. k.Select((position, axis) => (index[axis + 2] * form.Strides[axis]) + (position * form.Dilations[axis]) - form.Pads[axis])];
                    if (at.Zip(x.Shape.Skip(2)).All(pair => pair.First >= 0 && pair.First < pair.Second))
                    {
                        sum += weight[[index[1], channel, .. k]] * x[[index[0], (index[1] / perGroup * weight.Shape[1]) + channel, .. at]];
                    }
                }
            }

            return sum;
        });
    }

    /// <summary>Adds w[c, o, k] · x[n, c, p] at y[n, o, p · stride + k · dilation − pad]; o counts within c's group.</summary>
    private static ReferenceTensor Transposed(Node node, ReferenceTensor?[] inputs)
    {
        var (x, weight, bias, form) = (inputs[0]!, inputs[1]!, inputs.ElementAtOrDefault(2), new Form(node, inputs[1]!));
        var (perGroup, extra) = (x.Shape[1] / form.Groups, node.Ints("output_padding") ?? new long[form.Axes]);
        long[] sizes = [.. Enumerable.Range(0, form.Axes).Select(axis => ((x.Shape[axis + 2] - 1) * form.Strides[axis]) + extra[axis] + (form.Dilations[axis] * (form.Kernel[axis] - 1)) + 1 - form.Pads[axis] - form.Pads[axis + form.Axes])];
        var y = ReferenceTensor.Of([x.Shape[0], weight.Shape[1] * form.Groups, .. sizes], index => bias?[index[1]] ?? 0);
        foreach (var from in ReferenceTensor.Indices(x.Shape))
        {
            foreach (var k in ReferenceTensor.Indices(form.Kernel))
            {
                long[] at = [.. k.Select((position, axis) => (from[axis + 2] * form.Strides[axis]) + (position * form.Dilations[axis]) - form.Pads[axis])];
                for (var channel = 0L; channel < weight.Shape[1] && at.Zip(sizes).All(pair => pair.First >= 0 && pair.First < pair.Second); channel++)
                {
                    y[[from[0], (from[1] / perGroup * weight.Shape[1]) + channel, .. at]] += weight[[from[1], channel, .. k]] * x[from];
                }
            }
        }

        return y;
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
    }
}
