using System.CommandLine;
using EoOnnx.Export;
using EoOnnx.Export.Architectures;

namespace EoOnnx.Cli;

/// <summary>The options of <see cref="BackboneOptions"/> on the command line; a family's verb gets those that it heeds.</summary>
internal sealed class BackboneArguments
{
    private readonly Option<string[]?> _bands = new("--bands") { Description = "Input bands in order: B02, B8A, BLUE, NIR_NARROW, SWIR_1, L8_B5, VV, …", HelpName = "names", CustomParser = Lists.Texts };
    private readonly Option<double[]?> _wavelengths = new("--wavelengths") { Description = "Central wavelengths of the bands in micrometres. Default: by the bands' names.", HelpName = "0.49,0.56", CustomParser = Lists.Numbers };
    private readonly Option<bool> _anyBands = new("--any-bands") { Description = "Leave the bands open: the model gets a second input, wavelengths, in micrometres." };
    private readonly Option<int?> _tile = SharedOptions.Optional<int?>("--tile", "Edge of the input. Default: as in pretraining.", "pixels");
    private readonly Option<PositionResampling> _resampling = SharedOptions.WithDefault("--position-resampling", PositionResampling.Bicubic, "How positions are fitted to another tile.");
    private readonly Option<int[]?> _layers = new("--layers") { Description = "Blocks whose tokens are outputs, from 0; negative ones count from the end. Default: four, evenly spaced.", HelpName = "2,5,8,11", CustomParser = Lists.SignedIntegers };
    private readonly Option<int?> _heads = SharedOptions.Optional<int?>("--heads", "Attention heads, for weights of an unusual size.", "number");
    private readonly Option<AttentionForm?> _attention = SharedOptions.OptionalChoice<AttentionForm>("--attention", "Standard operators, which any runtime has and every adapter method can train, or one fused operator of ONNX Runtime. Default: by --for.");
    private readonly Option<ExecutionTarget> _target = SharedOptions.Choice("--for", ExecutionTarget.Any, "Where the model will run: for cuda attention is fused, everywhere else it is written in standard operators.");
    private readonly Option<double> _resolution = SharedOptions.WithDefault("--resolution", 10.0, "Ground resolution of the input.", "metres");
    private readonly Option<bool> _keepBatchNormalization = new("--keep-batch-normalization") { Description = "Do not fold batch normalisation into the convolutions." };
    private readonly Option<bool> _raw = new("--raw") { Description = "The input is stored values; their normalisation becomes part of the model." };
    private readonly Option<int?> _tileWidth = SharedOptions.Optional<int?>("--tile-width", "Width of the input where it is not square; --tile then is its height.", "pixels");
    private readonly Option<int?> _trainedTile = SharedOptions.Optional<int?>("--trained-tile", "Edge of the images of pretraining, for weights of an unusual size.", "pixels");
    private readonly Option<string[]?> _trainedBands = new("--trained-bands") { Description = "Bands that the weights were made for, in their order. Default: those of pretraining.", HelpName = "names", CustomParser = Lists.Texts };
    private readonly Option<int?> _frames = SharedOptions.Optional<int?>("--frames", "Time steps of the input. Default: 1.", "number");
    private readonly Option<bool> _frameAxis = new("--frame-axis") { Description = "Give the input an axis of frames also when there is one frame only." };
    private readonly Option<string[]?> _modalities = new("--modalities") { Description = "Modalities: S2L2A, S2L1C, RGB, S1GRD, S1RTC, DEM, LULC, NDVI, coords, …, or a new one as NAME=CHANNELS. Default: S2L2A.", HelpName = "names", CustomParser = Lists.Texts };
    private readonly Option<string[]?> _missing = new("--missing") { Description = "Modalities that are no inputs of the file; needs --merge concat.", HelpName = "names", CustomParser = Lists.Texts };
    private readonly Option<TokenMerge> _merge = SharedOptions.WithDefault("--merge", TokenMerge.Mean, "How the tokens of several modalities become one feature.");
    private readonly Option<int?> _registers = SharedOptions.Optional<int?>("--registers", "Register tokens in front of the sequence. Default: those of the weights.", "number");
    private readonly Option<string[]?> _outputs = new("--outputs") { HelpName = "names", CustomParser = Lists.Texts };
    private readonly Option<double[]?> _means = new("--means") { Description = "Means of the bands in the unit of the stored values, for the manifest.", HelpName = "1087,1342", CustomParser = Lists.Numbers };
    private readonly Option<double[]?> _deviations = new("--deviations") { Description = "Standard deviations of the bands, likewise.", HelpName = "2248,2179", CustomParser = Lists.Numbers };

    /// <summary>Adds the options that a family heeds to its verb.</summary>
    public BackboneArguments(Command verb, IBackbone backbone)
    {
        foreach (var setting in backbone.Settings)
        {
            verb.Add(OptionOf(setting));
        }

        if (backbone.Settings.Contains(BackboneSetting.Attention))
        {
            verb.Add(_target);
        }

        if (backbone.Settings.Contains(BackboneSetting.Bands))
        {
            verb.Add(_means);
            verb.Add(_deviations);
        }

        if (backbone.FurtherOutputs.Count > 0)
        {
            _outputs.Description = $"Further outputs: {string.Join(", ", backbone.FurtherOutputs)}.";
            verb.Add(_outputs);
        }
    }

    /// <summary>What the command line says. An option that the verb does not have keeps its default.</summary>
    public BackboneOptions Read(ParseResult parsed)
    {
        var defaults = new BackboneOptions();
        return defaults with
        {
            Bands = Given(parsed.GetValue(_bands)),
            Wavelengths = Given(parsed.GetValue(_wavelengths)),
            AnyBands = parsed.GetValue(_anyBands),
            Means = Given(parsed.GetValue(_means)),
            Deviations = Given(parsed.GetValue(_deviations)),
            Tile = parsed.GetValue(_tile),
            PositionResampling = parsed.GetValue(_resampling),
            Layers = Given(parsed.GetValue(_layers)),
            Heads = parsed.GetValue(_heads),
            Attention = parsed.GetValue(_attention) ?? AttentionChoice.For(parsed.GetValue(_target)),
            GroundResolutionMetres = parsed.GetResult(_resolution) is null ? defaults.GroundResolutionMetres : parsed.GetValue(_resolution),
            KeepBatchNormalization = parsed.GetValue(_keepBatchNormalization),
            RawInput = parsed.GetValue(_raw),
            Outputs = parsed.GetValue(_outputs) ?? [],
            TileWidth = parsed.GetValue(_tileWidth),
            TrainedTile = parsed.GetValue(_trainedTile),
            TrainedBands = Given(parsed.GetValue(_trainedBands)),
            Frames = parsed.GetValue(_frames),
            FrameAxis = parsed.GetValue(_frameAxis),
            Modalities = Given(parsed.GetValue(_modalities)),
            MissingModalities = parsed.GetValue(_missing) ?? [],
            Merge = parsed.GetValue(_merge),
            Registers = parsed.GetValue(_registers),
        };
    }

    // A list that is left out is parsed as an empty one.
    private static T[]? Given<T>(T[]? values) => values is { Length: > 0 } ? values : null;

    private Option OptionOf(BackboneSetting setting) => setting switch
    {
        BackboneSetting.Bands => _bands,
        BackboneSetting.Wavelengths => _wavelengths,
        BackboneSetting.AnyBands => _anyBands,
        BackboneSetting.Tile => _tile,
        BackboneSetting.PositionResampling => _resampling,
        BackboneSetting.Layers => _layers,
        BackboneSetting.Heads => _heads,
        BackboneSetting.Attention => _attention,
        BackboneSetting.GroundResolution => _resolution,
        BackboneSetting.KeepBatchNormalization => _keepBatchNormalization,
        BackboneSetting.RawInput => _raw,
        BackboneSetting.TileWidth => _tileWidth,
        BackboneSetting.TrainedTile => _trainedTile,
        BackboneSetting.TrainedBands => _trainedBands,
        BackboneSetting.Frames => _frames,
        BackboneSetting.FrameAxis => _frameAxis,
        BackboneSetting.Modalities => _modalities,
        BackboneSetting.MissingModalities => _missing,
        BackboneSetting.Merge => _merge,
        BackboneSetting.Registers => _registers,
        _ => throw new ArgumentOutOfRangeException(nameof(setting), setting, "This setting has no option."),
    };
}
