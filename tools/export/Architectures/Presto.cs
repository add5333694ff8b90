using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;
using EoOnnx.Onnx;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// Presto (Tseng et al. 2023): a small transformer over the time series of one pixel from several sensors. A missing value is NaN in
/// <c>series</c> or <c>latlons</c> (dynamic world: class 9); its token takes no part in attention or mean, which is what removing it would give.
/// Reference: <c>single_file_presto.py</c> of nasaharvest/presto.
/// </summary>
internal sealed class Presto : IBackbone
{
    private const float Epsilon = 1e-5f;
    private const int PublishedWidth = 128, PublishedHeads = 8, MissingClass = 9;

    /// <summary>Far below every score: after the softmax exactly zero.</summary>
    private const float Masked = -1e9f;

    private static readonly (string Name, int First, int Count)[] Groups =
    [
        ("S1", 0, 2), ("S2_RGB", 2, 3), ("S2_Red_Edge", 5, 3), ("S2_NIR_10m", 8, 1), ("S2_NIR_20m", 9, 1), ("S2_SWIR", 10, 2), ("ERA5", 12, 2), ("SRTM", 14, 2), ("NDVI", 16, 1),
    ];

    private static readonly string[] Channels =
        ["VV", "VH", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B11", "B12", "temperature_2m", "total_precipitation", "elevation", "slope", "NDVI"];

    public string Name => "presto";

    public string Description => "Presto: one vector for the time series of a pixel from radar, optics, weather and terrain.";

    public string Example => "export presto --random --size default --seed 1 --out presto.onnx";

    public IReadOnlyList<BackboneSetting> Settings { get; } = [BackboneSetting.RawInput, BackboneSetting.Heads];

    public IReadOnlyList<string> Sizes { get; } = ["default"];

    public string Licence => "MIT";

    public StateDict Random(string size, long seed, int bands) => size == "default"
        ? RandomWeights.Create($"random Presto weights (seed {seed})", seed, Shapes(128, 2, 24))
        : throw new ExportException($"Presto has no size '{size}'; known is default.");

    public BackboneModel Build(StateDict weights, BackboneOptions options)
    {
        var found = CheckpointPrefix.Find(weights, "latlon_embed.weight", "encoder.", "model.encoder.");
        var graph = new WeightedGraph(new GraphBuilder(Name), found);
        var op = graph.Op;
        var width = found.Take("latlon_embed.weight", -1, 3).Shape[0];
        var series = op.Input("series", ElementType.Float, ["batch", "time", options.RawInput ? PrestoNormalization.RawChannels.Count : Channels.Length]);
        var (tokens, missing) = Embed(graph, options.RawInput ? PrestoNormalization.Build(op, series) : series, width);

        var block = new TransformerBlock { Heads = options.Heads ?? (width == PublishedWidth ? PublishedHeads : HeadCount.Usual(weights.Source, width)), Epsilon = Epsilon };
        var mask = op.Unsqueeze(op.Mul(missing, Masked), 1, 2);
        for (var layer = 0; layer < found.CountBlocks("blocks"); layer++)
        {
            tokens = block.Build(graph, tokens, $"blocks.{layer}", mask);
        }

        var present = op.Sub(op.Scalar(1), missing);
        var mean = op.Div(op.ReduceSum(op.Mul(tokens, op.Unsqueeze(present, 2)), keepDims: false, 1), op.ReduceSum(present, keepDims: true, 1));
        op.Output(graph.Normalize(mean, "norm", Epsilon), "encoding");
        return new BackboneModel(op.Graph, new ModelManifest
        {
            Name = "Presto",
            Family = Name,
            Variant = Name,
            Task = ModelTask.Features,
            Bands = [.. (options.RawInput ? PrestoNormalization.RawChannels : Channels).Select(channel => new ManifestBand(channel))],
            Frames = (int)found.Take("pos_embed", 1, -1, -1).Shape[1],
            GroundResolutionMetres = 10,
            Features = [new ManifestFeature("encoding", "vector", (int)width, 0, 0, 0)],
        }, UnusedWeights.Warn(weights, "decoder.", "model.decoder."));
    }

    // A token a group and step, a single one of the terrain, and the place in front of all. Missing is 1 where a token is, else 0.
    private static (Value Tokens, Value Missing) Embed(WeightedGraph graph, Value series, long width)
    {
        var op = graph.Op;
        var world = op.Input("dynamic_world", ElementType.Int64, ["batch", "time"]);
        var places = op.Input("latlons", ElementType.Float, ["batch", 2]);
        var months = op.Input("month", ElementType.Int64, ["batch", "time"]);
        (series, var isMissing) = Fill(op, series);
        (places, var noPlace) = Fill(op, places);

        // [month, channel, position] side by side, as a sum of parts that are zero elsewhere.
        var (month, channel, position) = (graph.Weight("month_embed.weight", 12, -1), graph.Weight("channel_embed.weight", Groups.Length + 1, -1), graph.Weight("pos_embed", 1, -1, -1));
        var (monthWidth, channelWidth) = (month.Data!.Shape[1], channel.Data!.Shape[1]);
        month = op.Pad(month, [0, 0, 0, width - monthWidth]);
        channel = op.Pad(channel, [0, monthWidth, 0, width - monthWidth - channelWidth]);
        position = op.Slice(op.Pad(position, [0, 0, monthWidth + channelWidth, 0, 0, 0]), op.Int64s(0), op.Slice(op.Shape(series), 0, 1, 2), op.Int64s(1));
        var when = op.Add(op.Gather(month, months), position);

        var place = op.Unsqueeze(graph.Linear(OnSphere(op, places), "latlon_embed"), 1);
        List<Value> tokens = [place], missing = [op.ReduceMax(noPlace, keepDims: true, 1)];
        foreach (var (index, (name, first, count)) in Groups.Index())
        {
            var (values, absent) = (op.Slice(series, 2, first, first + count), op.ReduceMax(op.Slice(isMissing, 2, first, first + count), keepDims: false, 2));
            if (name == "SRTM")
            {
                (values, absent) = (op.Slice(values, 1, 0, 1), op.Slice(absent, 1, 0, 1));
            }

            var token = op.Add(graph.Linear(values, $"eo_patch_embed.{name}"), op.Slice(channel, 0, index, index + 1));
            tokens.Add(name == "SRTM" ? token : op.Add(token, when));
            missing.Add(absent);
        }

        tokens.Add(op.Add(op.Add(op.Gather(graph.Weight("dw_embed.weight", MissingClass + 1, width), world), op.Slice(channel, 0, Groups.Length, Groups.Length + 1)), when));
        missing.Add(op.Cast(op.Equal(world, op.Scalar(MissingClass, ElementType.Int64)), ElementType.Float));
        return (op.Concat(1, [.. tokens]), op.Concat(1, [.. missing]));
    }

    // Numbers, and 1 where there were none.
    private static (Value Values, Value Missing) Fill(GraphBuilder op, Value x)
    {
        var isMissing = op.IsNaN(x);
        return (op.Where(isMissing, op.Scalar(0), x), op.Cast(isMissing, ElementType.Float));
    }

    private static Value OnSphere(GraphBuilder op, Value degrees)
    {
        var radians = op.Split(op.Mul(degrees, Math.PI / 180), 1, 1, 1);
        var (latitude, longitude) = (radians[0], radians[1]);
        return op.Concat(1, op.Mul(op.Cos(latitude), op.Cos(longitude)), op.Mul(op.Cos(latitude), op.Sin(longitude)), op.Sin(latitude));
    }

    private static IEnumerable<(string Name, long[] Shape)> Shapes(long width, int depth, long steps) =>
    [
        ("encoder.pos_embed", [1, steps, width / 2]), ("encoder.month_embed.weight", [12, width / 4]), ("encoder.channel_embed.weight", [Groups.Length + 1, width / 4]),
        .. Groups.SelectMany(group => new (string, long[])[] { ($"encoder.eo_patch_embed.{group.Name}.weight", [width, group.Count]), ($"encoder.eo_patch_embed.{group.Name}.bias", [width]) }),
        ("encoder.dw_embed.weight", [MissingClass + 1, width]), ("encoder.latlon_embed.weight", [width, 3]), ("encoder.latlon_embed.bias", [width]),
        .. Enumerable.Range(0, depth).SelectMany(i => TransformerBlock.Shapes($"encoder.blocks.{i}", width, 4 * width)),
        ("encoder.norm.weight", [width]), ("encoder.norm.bias", [width]),
    ];
}
