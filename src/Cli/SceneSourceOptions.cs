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
    private readonly Option<int[]> _frames = new("--frames") { Description = "For models of several dates: which of the sources is each, from 1. Default: all, as given.", HelpName = "3,1,2", CustomParser = Lists.Integers };
    private readonly SceneGridOptions _grid = new();

    /// <summary>Adds the arguments to a verb.</summary>
    public void AddTo(Command verb)
    {
        verb.Add(_sources);
        verb.Add(_modalities);
        verb.Add(_dates);
        verb.Add(_frames);
        _grid.AddTo(verb);
    }

    /// <summary>What the command line says.</summary>
    public SceneRequest Read(ParseResult parsed) => _grid.Read(parsed) with
    {
        Sources = parsed.GetValue(_sources) ?? [],
        Modalities = (parsed.GetValue(_modalities) ?? []).ToDictionary(),
        Dates = parsed.GetValue(_dates) ?? [],
        Frames = parsed.GetValue(_frames) ?? [],
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
