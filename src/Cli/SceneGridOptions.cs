using System.CommandLine;
using EoOnnx.Runtime;

namespace EoOnnx.Cli;

/// <summary>The options of a scene that do not name its sources: the same for one scene and for many.</summary>
internal sealed class SceneGridOptions
{
    private readonly Option<double?> _resolution = SharedOptions.Optional<double?>("--resolution", "Edge of a pixel of the map, in units of its coordinate reference system. Default: that of the finest band used.", "units");
    private readonly Option<bool> _resampleToModel = new("--resample-to-model") { Description = "Map at the ground resolution that the model was trained on." };
    private readonly Option<string?> _grid = SharedOptions.Optional<string>("--grid", "Map in another coordinate reference system, or in the UTM zone of the scene; also for rotated scenes and those placed by control points.", "EPSG:n|utm");
    private readonly Option<SentinelOffset> _offset = SharedOptions.WithDefault("--s2-offset", SentinelOffset.Auto, "Take 1000 off Sentinel-2's numbers: as the product says, always, or never.", "auto|yes|no");
    private readonly Option<bool> _allowExternalVrt = AllowExternalVrt();

    /// <summary>Adds the options to a verb.</summary>
    public void AddTo(Command verb)
    {
        _grid.Aliases.Add("--warp");
        foreach (var option in (Option[])[_resolution, _resampleToModel, _grid, _offset, _allowExternalVrt])
        {
            verb.Add(option);
        }
    }

    /// <summary>What the command line says.</summary>
    public SceneRequest Read(ParseResult parsed) => new()
    {
        Resolution = parsed.GetValue(_resolution),
        ResampleToModel = parsed.GetValue(_resampleToModel),
        Grid = parsed.GetValue(_grid),
        SentinelOffset = parsed.GetValue(_offset),
        AllowExternalVrt = parsed.GetValue(_allowExternalVrt),
    };

    /// <summary>The options given that a worker must allow itself.</summary>
    public IEnumerable<Option> GivenForReading(ParseResult parsed) => parsed.GetResult(_allowExternalVrt) is { Implicit: false } ? [_allowExternalVrt] : [];

    /// <summary>The option of whoever opens scenes.</summary>
    public static Option<bool> AllowExternalVrt() => new("--allow-external-vrt") { Description = "Let VRT files read outside their own folder." };
}
