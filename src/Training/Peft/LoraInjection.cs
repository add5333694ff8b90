using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;

namespace EoOnnx.Training.Peft;

/// <summary>
/// Puts LoRA or DoRA into linear layers. Adapters on parts of a fused projection share one product with x and one with a block
/// matrix: h = x·[A_q; A_v]ᵀ, then h·B with B_qᵀ and B_vᵀ at their columns, so that x and y are each passed over once.
/// </summary>
internal static class LoraInjection
{
    public static void Apply(PeftGraph graph, LoraOptions options)
    {
        var (targets, exclude) = (new TargetPattern(options.Targets), options.Exclude.Count == 0 ? null : new TargetPattern(options.Exclude));
        var convolutions = ConvolutionLayer.Find(graph.Op.Graph);
        var sites = graph.Sites(targets, exclude, options.FusedProjectionName, options.InChosenLayer, [.. convolutions.Select(layer => layer.Path)]);
        var chosen = convolutions.Where(layer => targets.HitsConvolution(layer.Path) && exclude?.Hits(layer.Path) != true && options.InChosenLayer(layer.Path)).ToList();
        var ranks = sites.Select(site => options.RankAt(site.Path)).Concat(chosen.Select(layer => options.RankAt(layer.Path))).Distinct().Order().ToList();
        string Symbol(int rank) => ranks.Count == 1 ? "lora_r" : $"lora_r{rank}";
        foreach (var layer in chosen)
        {
            LoraConvolution.Adapt(graph, options, layer, Symbol(options.RankAt(layer.Path)));
        }

        foreach (var group in sites.GroupBy(site => site.Layer))
        {
            using var scope = graph.Op.Scope(group.Key.Path);
            Adapt(graph, options, group.Key, [.. group], Symbol);
        }

        switch (options.Bias)
        {
            case BiasTraining.AdaptedLayers:
                foreach (var group in sites.GroupBy(site => site.Layer))
                {
                    BiasParts.Thaw(graph, group.Key, [.. group], allParts: false);
                }

                break;
            case BiasTraining.All:
                BiasParts.ThawAll(graph, sites);
                break;
            case BiasTraining.None:
                break;
            default:
                throw new TrainingException($"Bias training {options.Bias} is unknown.");
        }
    }

    private static void Adapt(PeftGraph graph, LoraOptions options, LinearLayer layer, IReadOnlyList<AdapterSite> sites, Func<int, string> symbol)
    {
        var op = graph.Op;
        graph.Claim(layer.Path, options.Dora ? "DoRA" : "LoRA");
        var (downs, ups, biases, magnitudes) = (new List<Value>(), new List<Value>(), new List<Value>(), new List<(AdapterSite Site, Value Scale)>());
        foreach (var site in sites)
        {
            var (rank, scale) = (options.RankAt(site.Path), options.ScaleAt(site.Path));
            var down = graph.Add($"{site.Path}.lora_A.weight", Down(options, site, rank, graph.Seed), [symbol(rank), layer.In]);
            var up = graph.Add($"{site.Path}.lora_B.weight", Up(options, site, rank, graph.Seed), [site.Length, symbol(rank)], scale);
            var scaled = graph.Form == GraphForm.Training ? op.Mul(up, scale) : up;
            downs.Add(down);
            ups.Add(Place(op, op.Transpose(scaled, 1, 0), site));
            if (options.LoraBias)
            {
                var bias = graph.Add($"{site.Path}.lora_B.bias", RandomTensors.Constant([site.Length], 0), scale: scale);
                biases.Add(Place(op, graph.Form == GraphForm.Training ? op.Mul(bias, scale) : bias, site));
            }

            if (options.Dora)
            {
                magnitudes.Add((site, Dora(graph, layer, site, down, scaled, scale)));
            }
        }

        // Parts are modules of their own in PEFT: each thins its input by itself. Without dropout all share one product.
        var x = layer.Product.Input(0);
        var inputs = sites.Select(_ => graph.Dropout(x, options.Dropout)).ToList();
        var thinned = inputs.Exists(input => input != x);
        var hidden = thinned ? Join(op, [.. inputs.Zip(downs, (input, down) => op.MatMul(input, op.Transpose(down, 1, 0)))], -1) : op.MatMul(x, op.Transpose(Join(op, downs), 1, 0));
        var delta = op.MatMul(hidden, Join(op, ups));
        if (biases.Count > 0)
        {
            delta = op.Add(delta, biases.Aggregate(op.Add));
        }

        // With DoRA the scale acts on product and update together, the bias comes after it.
        var atProduct = options.Dora || layer.BiasNode is null;
        var point = atProduct ? layer.Product.Output : layer.BiasNode!.Output;
        var users = op.Graph.Consumers(point).ToHashSet();
        var isOutput = op.Graph.Outputs.Contains(point);
        var ratio = options.Dora ? ColumnVector.Join(op, layer, magnitudes, otherwise: 1) : null;

        // With dropout DoRA's base product takes the thinned input too: y = xWᵀ + (m/n − 1)·x̃Wᵀ + (m/n)·s·x̃AᵀBᵀ.
        var adapted = ratio is null ? op.Add(point, delta)
            : !thinned ? op.Mul(op.Add(point, delta), ratio)
            : op.Add(point, op.Add(op.Mul(ThinnedProduct(op, layer, sites, inputs), op.Add(ratio, -1)), op.Mul(delta, ratio)));

        op.Graph.ReplaceUses(point, adapted, users.Contains);
        if (isOutput)
        {
            throw new TrainingException($"{layer.Path} is an output of the model; an adapter there would rename it. Adapt an inner layer.");
        }
    }

    private static TensorData Down(LoraOptions options, AdapterSite site, int rank, long seed)
    {
        var name = $"{site.Path}.lora_A.weight";
        return options.Initialization == LoraInitialization.Gaussian
            ? RandomTensors.Normal(seed, name, [rank, site.Layer.In], 1.0 / rank)
            : RandomTensors.Uniform(seed, name, [rank, site.Layer.In], 1 / Math.Sqrt(site.Layer.In));
    }

    private static TensorData Up(LoraOptions options, AdapterSite site, int rank, long seed) => options.Initialization == LoraInitialization.RandomB
        ? RandomTensors.Uniform(seed, $"{site.Path}.lora_B.weight", [site.Length, rank], 1 / Math.Sqrt(rank))
        : RandomTensors.Constant([site.Length, rank], 0);

    /// <summary>A matrix or vector over the outputs of a part, with zeros for the other outputs of the layer.</summary>
    private static Value Place(GraphBuilder op, Value part, AdapterSite site)
    {
        var (before, after) = (site.Start, site.Layer.Out - site.Start - site.Length);
        return before == 0 && after == 0 ? part
            : op.Pad(part, part.Rank == 2 ? [0, before, 0, after] : [before, after]);
    }

    private static Value Join(GraphBuilder op, List<Value> parts, int axis = 0) => parts.Count == 1 ? parts[0] : op.Concat(axis, [.. parts]);

    /// <summary>x̃Wᵀ with the x̃ of each part at its outputs and zeros at the others, where DoRA's factor is 0.</summary>
    private static Value ThinnedProduct(GraphBuilder op, LinearLayer layer, IReadOnlyList<AdapterSite> sites, List<Value> inputs)
    {
        var products = sites.Zip(inputs, (site, input) =>
        {
            var weight = site.Length == layer.Out ? layer.Weight : op.Slice(layer.Weight, 1, site.Start, site.Start + site.Length);
            var product = op.MatMul(input, weight);
            var (before, after) = (site.Start, layer.Out - site.Start - site.Length);
            long[] others = [.. Enumerable.Repeat(0L, product.Rank - 1)];
            return before == 0 && after == 0 ? product : op.Pad(product, [.. others, before, .. others, after]);
        });
        return products.Aggregate(op.Add);
    }

    /// <summary>m / n with n_i = ‖W_i + s(BA)_i‖₂ over the inputs, which the backward pass takes as a constant.</summary>
    private static Value Dora(PeftGraph graph, LinearLayer layer, AdapterSite site, Value down, Value scaledUp, double scale)
    {
        var op = graph.Op;
        var weight = site.Length == layer.Out ? layer.Weight : op.Slice(layer.Weight, 1, site.Start, site.Start + site.Length);
        var update = op.MatMul(op.Transpose(down, 1, 0), op.Transpose(scaledUp, 1, 0));
        var norm = StopGradient.Of(op, op.Node("ReduceL2", [op.Add(weight, update), op.Int64s(0)], ("keepdims", 0L)));
        var magnitude = graph.Add($"{site.Path}.lora_magnitude_vector", RowNorms(layer, site, down.Data!, scaledUp, graph, scale));
        return op.Div(magnitude, norm);
    }

    /// <summary>‖W_i + s(BA)_i‖₂ at the start.</summary>
    private static TensorData RowNorms(LinearLayer layer, AdapterSite site, TensorData down, Value scaledUp, PeftGraph graph, double scale)
    {
        var (weights, a) = (layer.Weight.Data!.ToSingles(), down.ToSingles());
        var source = graph.Op.Graph.FindInput($"{site.Path}.lora_B.weight")?.Data ?? throw new TrainingException($"{scaledUp} has no matrix B.");
        var b = source.ToSingles();
        var factor = graph.Form == GraphForm.Training ? scale : 1;
        var (rank, width) = ((int)down.Shape[0], (int)layer.Out);
        var norms = new float[site.Length];
        for (var row = 0; row < norms.Length; row++)
        {
            var sum = 0.0;
            for (var column = 0; column < layer.In; column++)
            {
                double value = weights[(column * width) + (int)site.Start + row];
                for (var k = 0; k < rank; k++)
                {
                    value += factor * b[(row * rank) + k] * a[(k * (int)layer.In) + column];
                }

                sum += value * value;
            }

            norms[row] = (float)Math.Sqrt(sum);
        }

        return TensorData.FromValues<float>([site.Length], norms);
    }
}
