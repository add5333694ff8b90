using System.CommandLine;
using System.CommandLine.Parsing;
using EoOnnx.Runtime;

namespace EoOnnx.Cli;

/// <summary>The arguments that say what a scene is made of; the same for every verb that maps scenes.</summary>
internal sealed class SceneSourceOptions
{
    private readonly Argument<string[]> _sources = new("scene")
    {
        Description = "The scene: rasters or a folder of them, a Sentinel-2 product (.SAFE, .zip), a Landsat or HLS folder, a STAC item, a URL (https, s3, gs, az). Several files are one scene, or one date each for models of several dates.",
        Arity = ArgumentArity.ZeroOrMore,
    };

    private readonly Option<KeyValuePair<string, string>[]> _modalities = new("--modality")
    {
        Description = "For models of several modalities: the source of one, repeatable: S2L2A=scene.tif, DEM=dem.tif.",
        HelpName = "name=source",
        CustomParser = Pairs,
    };

    private readonly Option<DateTimeOffset[]> _dates = new("--dates") { Description = "Dates of the sources, for models that take them. Default: what the sources say.", HelpName = "2024-05-01,…", CustomParser = Lists.Dates };
    private readonly Option<double?> _resolution = SharedOptions.Optional<double?>("--resolution", "Edge of a pixel of the map, in units of its coordinate reference system. Default: that of the finest band used.", "units");
    private readonly Option<bool> _resampleToModel = new("--resample-to-model") { Description = "Map at the ground resolution that the model was trained on." };
    private readonly Option<string?> _grid = SharedOptions.Optional<string>("--grid", "Map in another coordinate reference system, or in the UTM zone of the scene; also for rotated scenes and those placed by control points.", "EPSG:n|utm");
    private readonly Option<SentinelOffset> _offset = SharedOptions.WithDefault("--s2-offset", SentinelOffset.Auto, "Take 1000 off Sentinel-2's numbers: as the product says, always, or never.", "auto|yes|no");
    private readonly Option<bool> _allowExternalVrt = new("--allow-external-vrt") { Description = "Let VRT files read outside their own folder." };

    /// <summary>Adds the arguments to a verb.</summary>
    public void AddTo(Command verb)
    {
        _grid.Aliases.Add("--warp");
        verb.Add(_sources);
        foreach (var option in (Option[])[_modalities, _dates, _resolution, _resampleToModel, _grid, _offset, _allowExternalVrt])
        {
            verb.Add(option);
        }
    }

    /// <summary>What the command line says.</summary>
    public SceneRequest Read(ParseResult parsed) => new()
    {
        Sources = parsed.GetValue(_sources) ?? [],
        Modalities = (parsed.GetValue(_modalities) ?? []).ToDictionary(),
        Dates = parsed.GetValue(_dates) ?? [],
        Resolution = parsed.GetValue(_resolution),
        ResampleToModel = parsed.GetValue(_resampleToModel),
        Grid = parsed.GetValue(_grid),
        SentinelOffset = parsed.GetValue(_offset),
        AllowExternalVrt = parsed.GetValue(_allowExternalVrt),
    };

    private static KeyValuePair<string, string>[] Pairs(ArgumentResult argument)
    {
        var pairs = new Dictionary<string, string>(StringComparer.OrdinalIgnoreCase);
        foreach (var token in argument.Tokens)
        {
            if (token.Value.Split('=', 2) is not [{ Length: > 0 } name, { Length: > 0 } source] || !pairs.TryAdd(name, source))
            {
                argument.AddError($"'{token.Value}' is no modality, or it is given twice; expected NAME=SOURCE, for example S2L2A=scene.tif.");
            }
        }

        return [.. pairs];
    }
}
