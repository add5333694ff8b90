using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Training.Peft;

/// <summary>Puts LoRA beside convolutions as PEFT does: A is a convolution to r channels with the layer's kernel, stride and padding, B one of a single
/// pixel from r channels to the layer's; both without a bias, unless B is given one.</summary>
internal static class LoraConvolution
{
    public static void Adapt(PeftGraph graph, LoraOptions options, ConvolutionLayer layer, string rankSymbol)
    {
        if (options.Dora)
        {
            throw new TrainingException($"{layer.Path} is a convolution; DoRA is for linear layers. Leave it out of the targets, or give it to lora.");
        }

        var op = graph.Op;
        using var scope = op.Scope(layer.Path);
        graph.Claim(layer.Path, "LoRA");
        var (rank, scale) = (options.RankAt(layer.Path), options.ScaleAt(layer.Path));
        var shape = layer.Weight.Data!.Shape;
        var axes = shape.Length - 2;
        long[] ones = [.. Enumerable.Repeat(1L, axes)];
        var (nameA, nameB) = ($"{layer.Path}.lora_A.weight", $"{layer.Path}.lora_B.weight");
        long[] shapeA = [rank, .. shape.Skip(1)], shapeB = [layer.Out, rank, .. ones];
        var down = graph.Add(nameA, options.Initialization == LoraInitialization.Gaussian
            ? RandomTensors.Normal(graph.Seed, nameA, shapeA, 1.0 / rank)
            : RandomTensors.Uniform(graph.Seed, nameA, shapeA, 1 / Math.Sqrt(layer.FanIn)), [rankSymbol, .. shape.Skip(1).Select(extent => (Dim)extent)]);
        var up = graph.Add(nameB, options.Initialization == LoraInitialization.RandomB
            ? RandomTensors.Uniform(graph.Seed, nameB, shapeB, 1 / Math.Sqrt(rank))
            : RandomTensors.Constant(shapeB, 0), [layer.Out, rankSymbol, .. ones.Select(extent => (Dim)extent)], scale);
        var bias = options.LoraBias ? graph.Add($"{layer.Path}.lora_B.bias", RandomTensors.Constant([layer.Out], 0), scale: scale) : null;

        var point = layer.Node.Output;
        if (op.Graph.Outputs.Contains(point))
        {
            throw new TrainingException($"{layer.Path} is an output of the model; an adapter there would rename it. Adapt an inner layer.");
        }

        var users = op.Graph.Consumers(point).ToHashSet();
        var attributes = layer.Node.Attributes.Where(attribute => attribute.Key != "kernel_shape").Select(attribute => (attribute.Key, attribute.Value)).ToArray();
        var hidden = op.Node("Conv", [graph.Dropout(layer.Node.Input(0), options.Dropout), down], attributes);
        var delta = op.Conv(hidden, up, bias, ones, [.. ones.Select(_ => 0L), .. ones.Select(_ => 0L)]);
        op.Graph.ReplaceUses(point, op.Add(point, graph.Form == GraphForm.Training ? op.Mul(delta, scale) : delta), users.Contains);
        if (options.Bias == BiasTraining.AdaptedLayers && layer.Bias is { } own)
        {
            graph.Thaw(own, $"{layer.Path}.base_layer.bias");
        }
    }
}
