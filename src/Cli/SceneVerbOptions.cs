using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using EoOnnx.Raster;
using EoOnnx.Raster.Tiling;
using EoOnnx.Runtime;
using EoOnnx.Training.Memory;

namespace EoOnnx.Cli;

/// <summary>The options that say how a scene goes through a model; the same for every verb that maps scenes.</summary>
internal sealed class SceneVerbOptions
{
    private readonly Option<FileInfo> _model = SharedOptions.RequiredFile("--model", "The model, an .onnx file.");
    private readonly LoadingOptions _loading = new();
    private readonly Option<string[]> _adapter = new("--adapter")
    {
        Description = "An adapter for this model: adapter.safetensors, .onnx_adapter or a PEFT folder. Repeat it to make a map with each while the scene is read once.",
        HelpName = "file",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<string?> _output = SharedOptions.Optional<string>("--output", "The graph output to map. Default: logits, else the first with one score a pixel; with {output} in --out, all maps of the model.", "name");
    private readonly Option<int?> _tile = SharedOptions.Optional<int?>("--tile", "Tile edge, for models that leave it open.", "pixels");
    private readonly Option<int?> _tileWidth = SharedOptions.Optional<int?>("--tile-width", "Width of tiles that are not square; --tile then is their height.", "pixels");
    private readonly Option<TileOverlap?> _overlap = new("--overlap")
    {
        Description = "What neighbouring tiles share: pixels, or N% of the tile. Default: the model's, else a seventh of the tile.",
        HelpName = "pixels",
        CustomParser = argument => Parsed(argument, text => (TileOverlap?)TileOverlap.Parse(text)),
    };

    private readonly Option<BlendMode?> _blend = SharedOptions.Optional<BlendMode?>("--blend", "How neighbours share these pixels: cosine (default), linear, or none (each pixel from one tile).", "none|linear|cosine");
    private readonly Option<BlendSpace> _blendSpace = SharedOptions.WithDefault("--blend-space", BlendSpace.Probability, "What neighbours share: probabilities, or logits that become probabilities afterwards (for models calibrated for it).", "probability|logit");
    private readonly Option<EdgeMode> _edge = SharedOptions.WithDefault("--edge", EdgeMode.Shift, "Behind the scene's edge: shift the last tile back, reflect half an overlap for full context, or zero, which with --blend none maps as QGIS Deepness does.", "shift|reflect|zero");
    private readonly Option<TestTimeAugmentation> _augmentation = SharedOptions.WithDefault("--tta", TestTimeAugmentation.None, "Average each tile over flips (4 times the work) or all eight symmetries (8 times).", "none|flips|d4");
    private readonly Option<int[]> _window = new("--window") { Description = "Map this part of the scene only: column, row, width, height in pixels.", HelpName = "x,y,w,h", CustomParser = Lists.Integers };
    private readonly Option<double[]> _bounds = new("--bbox") { Description = "Map this part only: west, south, east, north in map coordinates.", HelpName = "w,s,e,n", CustomParser = Lists.Numbers };
    private readonly Option<string?> _boundsProjection = SharedOptions.Optional<string>("--bbox-crs", "Coordinate reference system of --bbox. Default: the scene's.", "EPSG:n");
    private readonly Option<string?> _area = SharedOptions.Optional<string>("--aoi", "Map the polygons of this vector file only (GeoPackage, GeoJSON, …); the rest is nodata.", "file");
    private readonly Option<InputCheck> _inputCheck = SharedOptions.WithDefault("--input-check", InputCheck.Warn, "When the scene does not look like the model's training data: warn, fail, or off to not look.", "warn|fail|off");
    private readonly Option<string[]> _masks = new("--mask")
    {
        Description = "Pixels that shall not be mapped; repeatable: scl, scl:0,1,3, bits:QA_PIXEL:1,3,4, value:FILE=0,255, range:CLD>40.",
        HelpName = "mask",
        Arity = ArgumentArity.OneOrMore,
    };

    private readonly Option<int> _maskDilation = SharedOptions.WithDefault("--mask-dilate", 0, "Grow masks to every side.", "pixels");
    private readonly Option<MaskMode> _maskMode = SharedOptions.WithDefault("--mask-mode", MaskMode.Output, "output: the model sees masked pixels, the map does not show them; input: the model does not see them either.", "output|input");
    private readonly Option<BatchSize?> _batch = Batch();
    private readonly Option<long?> _memory = Memory();
    private readonly Option<bool> _deterministic = new("--deterministic") { Description = "Fill up the last batch and keep the batch size whatever the memory, so that the map is the same to the last bit." };
    private readonly Option<ErrorMode> _onError = SharedOptions.WithDefault("--on-error", ErrorMode.Fail, "A part of the scene that cannot be read: fail stops and names it, nodata leaves it out and counts it.", "fail|nodata");
    private readonly Option<double> _mostDamage = SharedOptions.WithDefault("--max-bad", 1.0, "With --on-error nodata: stop when more of the scene than this is lost.", "percent");
    private readonly Option<string[]> _bands = new("--bands")
    {
        Description = "Bands of the scene in the model's order: numbers from 1, names, or CHANNEL=band; of a modality: S2L2A:B02,B03,…. Default: matched by name.",
        HelpName = "B02,B03,…",
        CustomParser = Lists.Texts,
    };

    private readonly Option<double[]> _scale = new("--scale") { Description = "Factor from stored values to the unit of the model's statistics: one, or one a channel.", HelpName = "factor", CustomParser = Lists.Numbers };
    private readonly Option<double[]> _offset = new("--offset") { Description = "Addend after --scale: one, or one a channel.", HelpName = "addend", CustomParser = Lists.Numbers };
    private readonly Option<string?> _noData = SharedOptions.Optional<string>("--nodata", "Value of missing pixels instead of the one the scene declares; none: every finite pixel counts.", "value|none");
    private readonly Option<NoDataRule> _noDataRule = SharedOptions.WithDefault("--nodata-rule", NoDataRule.Any, "A pixel is missing when any band is, or only when all are.", "any|all");
    private readonly Option<MapKind?> _content = SharedOptions.Optional<MapKind?>("--out-type", "What the map stores: class, prob (a band for each class) or value. Default: by the model's task.", "class|prob|value");
    private readonly Option<ValueRange?> _quantise = new("--quantise") { Description = "Store values as 16-bit whole numbers over this range, with scale and offset: half the size.", HelpName = "low,high", CustomParser = argument => Parsed(argument, text => (ValueRange?)ValueRange.Parse(text)) };
    private readonly Option<SurenessKind> _confidence = SharedOptions.WithDefault("--confidence", SurenessKind.None, "A second band of a class map: probability of the class (max), entropy or margin.", "none|max|entropy|margin");
    private readonly Option<int?> _median = SharedOptions.Optional<int?>("--median", "Replace each class by the median of a window of so many pixels, as QGIS Deepness removes small segments; 0 leaves classes as the model gives them. Default: the model's own (seg_small_segment), else 0.", "pixels");
    private readonly Option<string?> _vector = Beside("--vector", "Write the classes as polygons, too: a GeoPackage with area, pixels and mean confidence. Default name: MAP.gpkg.");
    private readonly Option<double> _minimumArea = SharedOptions.WithDefault("--min-area", 0.0, "Polygons smaller than this go to their largest neighbour.", "m²");
    private readonly Option<double> _simplify = SharedOptions.WithDefault("--simplify", 0.0, "Simplify the outlines of polygons by up to this, in map units.", "distance");
    private readonly Option<int[]> _classes = new("--classes") { Description = "Only these classes become polygons, by their values in the map. Default: all.", HelpName = "1,2,…", CustomParser = Lists.Integers };
    private readonly Option<string?> _stac = Beside("--stac", "Describe the map in a STAC item, too. Default name: MAP.stac.json.");
    private readonly Option<string?> _quickLook = Beside("--quicklook", "Write a small picture of the map, too. Default name: MAP.png.");
    private readonly Option<string?> _style = Beside("--style", "Write a style for QGIS, too, which it takes by itself: names and colours of the classes, or the range of the values. Default name: MAP.qml.");
    private readonly Option<bool> _stamp = new("--stamp") { Description = "Write into the map when it was made (TIFFTAG_DATETIME). Default: equal runs give equal bytes." };
    private readonly Option<bool> _keepWork = new("--keep-work") { Description = "Keep the work area when the map is finished: its raw rows, their checksums and the job." };
    private readonly Option<double?> _gramsPerKilowattHour = SharedOptions.Optional<double?>("--gco2-kwh", "Grams of CO₂ for a kilowatt-hour where this runs: the report then tells what the run made.", "grams");
    private readonly Option<bool> _restart = new("--restart") { Description = "Discard an unfinished run of the same map instead of continuing it." };
    private readonly Option<bool> _overwrite = new("--overwrite") { Description = "Replace a map that exists." };

    /// <summary>Adds the options to a verb.</summary>
    /// <param name="verb">The verb.</param>
    /// <param name="without">Names of options that have no meaning for it.</param>
    public SceneVerbOptions(Command verb, params string[] without)
    {
        foreach (var option in (Option[])[_model, _adapter, _output, _tile, _tileWidth, _overlap, _blend, _blendSpace, _edge, _augmentation, _window, _bounds, _boundsProjection, _area, _inputCheck, _masks, _maskDilation, _maskMode, _batch, _memory, _deterministic, _onError, _mostDamage, _bands, _scale, _offset, _noData, _noDataRule, .. _loading.All, _content, _quantise, _confidence, _median, _vector, _minimumArea, _simplify, _classes, _stac, _quickLook, _style, _stamp, _keepWork, _gramsPerKilowattHour, _restart, _overwrite])
        {
            if (!without.Contains(option.Name))
            {
                verb.Add(option);
            }
        }
    }

    // The words of the command line.
    private enum MapKind
    {
        Class,
        Prob,
        Value,
    }

    private enum SurenessKind
    {
        None,
        Max,
        Entropy,
        Margin,
    }

    /// <summary>The option <c>--batch</c>.</summary>
    internal static Option<BatchSize?> Batch() => new("--batch") { Description = "Tiles a model call; auto measures the model for up to ten seconds and takes the smallest number within 3 % of the fastest.", HelpName = "tiles|auto", CustomParser = argument => Parsed(argument, text => (BatchSize?)BatchSize.Parse(text)) };

    /// <summary>The option <c>--memory</c>.</summary>
    internal static Option<long?> Memory() => new("--memory") { Description = "What the process may use, such as 2GB or 512MB. Default: what it uses plus half of what is free. Less memory costs batch size, then panels.", HelpName = "size", CustomParser = argument => Parsed(argument, text => (long?)MemorySize.Parse(text).Bytes) };

    /// <summary>Loads the model that the command line names, for <paramref name="jobs"/> scenes at a time.</summary>
    public EoModel LoadModel(ParseResult parsed, int jobs = 1) => EoModel.Load(ModelPath(parsed), BatchOptions.ShareModel(_loading.Read(parsed), jobs));

    /// <summary>The options of loading a model that were given: they concern the machine that maps.</summary>
    public IEnumerable<Option> GivenForLoading(ParseResult parsed) => _loading.All.Where(option => parsed.GetResult(option) is { Implicit: false });

    /// <summary>The model that the command line names.</summary>
    public string ModelPath(ParseResult parsed) => parsed.GetRequiredValue(_model).ToString();

    /// <summary>The adapter that the command line names, if any.</summary>
    public string? AdapterPath(ParseResult parsed) => parsed.GetValue(_adapter) switch
    {
        null or [] => null,
        [var path] => path,
        var several => throw new UsageException($"This verb takes one --adapter; found {several.Length}."),
    };

    /// <summary>Loads the adapter that the command line names, if any.</summary>
    public EoAdapter? LoadAdapter(ParseResult parsed, EoModel model) => AdapterPath(parsed) is { } path ? model.LoadAdapter(path) : null;

    /// <summary>Loads all adapters that the command line names.</summary>
    public AdapterList LoadAdapters(ParseResult parsed, EoModel model) => AdapterList.Load(model, parsed.GetValue(_adapter) ?? []);

    /// <summary>The outputs that can be mapped in one run: the one that the command line names, else every map of the model.</summary>
    public IReadOnlyList<string> Outputs(ParseResult parsed, EoModel model) => parsed.GetValue(_output) is { } output ? [output] : model.MapOutputs;

    /// <summary>The options of a run.</summary>
    public SceneOptions Read(ParseResult parsed, EoAdapter? adapter) => new()
    {
        Adapter = adapter,
        Output = parsed.GetValue(_output),
        Tile = parsed.GetValue(_tile),
        TileWidth = parsed.GetValue(_tileWidth),
        Overlap = parsed.GetValue(_overlap),
        Blend = parsed.GetValue(_blend),
        BlendSpace = parsed.GetValue(_blendSpace),
        Edge = parsed.GetValue(_edge),
        Augmentation = parsed.GetValue(_augmentation),
        Window = Four(parsed, _window) is [var x, var y, var width, var height] ? new PixelWindow(x, y, width, height) : null,
        Bounds = Four(parsed, _bounds) is [var west, var south, var east, var north] ? new MapBounds(west, south, east, north) : null,
        BoundsProjection = parsed.GetValue(_boundsProjection),
        Area = parsed.GetValue(_area),
        InputCheck = parsed.GetValue(_inputCheck),
        Masks = [.. (parsed.GetValue(_masks) ?? []).Select(SceneMask.Parse)],
        MaskDilation = parsed.GetValue(_maskDilation),
        MaskMode = parsed.GetValue(_maskMode),
        Batch = parsed.GetValue(_batch)?.Tiles,
        MeasureBatch = parsed.GetValue(_batch) is { Tiles: null },
        Memory = parsed.GetValue(_memory),
        Deterministic = parsed.GetValue(_deterministic),
        OnError = parsed.GetValue(_onError),
        MostDamage = parsed.GetValue(_mostDamage) / 100,
        Bands = parsed.GetValue(_bands) ?? [],
        Scale = parsed.GetValue(_scale) ?? [],
        Offset = parsed.GetValue(_offset) ?? [],
        Validity = ValidityOptions.Parse(parsed.GetValue(_noData), parsed.GetValue(_noDataRule)),
        Content = (MapContent?)parsed.GetValue(_content),
        Quantise = parsed.GetValue(_quantise),
        Confidence = (ConfidenceBand)parsed.GetValue(_confidence),
        Median = parsed.GetValue(_median),
        Companions = new MapCompanions
        {
            Vector = NameBeside(parsed, _vector),
            Polygons = new PolygonOptions { MinimumArea = parsed.GetValue(_minimumArea), Simplify = parsed.GetValue(_simplify), Classes = parsed.GetValue(_classes) ?? [] },
            Stac = NameBeside(parsed, _stac),
            QuickLook = NameBeside(parsed, _quickLook),
            Style = NameBeside(parsed, _style),
        },
        Stamp = parsed.GetValue(_stamp),
        KeepWork = parsed.GetValue(_keepWork),
        GramsPerKilowattHour = parsed.GetValue(_gramsPerKilowattHour),
        Restart = parsed.GetValue(_restart),
        Overwrite = parsed.GetValue(_overwrite),
        Command = CommandText.Of(parsed),
    };

    // An option whose name of a file may be left out.
    private static Option<string?> Beside(string name, string description) => new(name) { Description = description, HelpName = "file", Arity = ArgumentArity.ZeroOrOne };

    private static string? NameBeside(ParseResult parsed, Option<string?> option) => parsed.GetResult(option) is null ? null : parsed.GetValue(option) ?? MapCompanions.Beside;

    private static T[]? Four<T>(ParseResult parsed, Option<T[]> option) => parsed.GetValue(option) switch
    {
        null or [] => null,
        { Length: 4 } four => four,
        var other => throw new UsageException($"{option.Name} takes four numbers, {option.HelpName}; found {other.Length}."),
    };

    private static T? Parsed<T>(ArgumentResult argument, Func<string, T> parse)
    {
        try
        {
            return parse(argument.Tokens[0].Value);
        }
        catch (ArgumentException failure)
        {
            argument.AddError(failure.Message);
            return default;
        }
    }
}
