using System.CommandLine;
using System.CommandLine.Parsing;
using EoOnnx.Runtime;

namespace EoOnnx.Cli;

/// <summary>The options that say which scenes are mapped and where their maps go.</summary>
internal sealed class BatchVerbOptions
{
    private readonly Argument<string[]> _inputs = new("inputs") { Description = "Folders, scenes of any kind that infer takes, patterns such as 'scenes/**/*.tif' or 'scenes/*/', STAC items, item collections or collections (.json files or URLs).", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<FileInfo?> _list = SharedOptions.OptionalFile("--list", "A text file that names one input a line, relative to itself; # begins a comment. A .csv file with a header: a line with all sources of a scene, and its dates.");
    private readonly Option<string> _folder = SharedOptions.Required<string>("--out-dir", "The folder of the maps, of summary.csv, summary.json and batch.jsonl.", "folder");
    private readonly Option<string> _name = SharedOptions.WithDefault("--name", "{stem}.tif", "Names of the maps: {stem} is the scene's name, {folder} its folder below the listed one.", "pattern");
    private readonly Option<string[]> _patterns = new("--pattern") { Description = $"Files of a folder that are scenes. Default: {string.Join(',', SceneListOptions.DefaultPatterns)}.", HelpName = "*.tif,…", CustomParser = Lists.Texts };
    private readonly Option<bool> _recursive = new("--recursive") { Description = "Search folders below, too." };
    private readonly Option<Shard> _shard = new("--shard")
    {
        Description = "Map only part i of n, for n machines without a queue. A scene's part follows from its name alone.",
        HelpName = "i/n",
        DefaultValueFactory = _ => Shard.Whole,
        CustomParser = ReadShard,
    };

    private readonly Option<bool> _retryFailed = new("--retry-failed") { Description = $"Map only the scenes that failed last, as {BatchJournal.FileName} in --out-dir says." };
    private readonly SceneGridOptions _grid = new();

    /// <summary>Adds the options to a verb.</summary>
    public BatchVerbOptions(Command verb)
    {
        verb.Add(_inputs);
        foreach (var option in (Option[])[_list, _folder, _name, _patterns, _recursive, _shard, _retryFailed])
        {
            verb.Add(option);
        }

        _grid.AddTo(verb);
    }

    /// <summary>The options given that concern the machine that maps.</summary>
    public IEnumerable<Option> GivenForReading(ParseResult parsed) => _grid.GivenForReading(parsed);

    /// <summary>The folder of the maps.</summary>
    public string Folder(ParseResult parsed) => Path.GetFullPath(parsed.GetRequiredValue(_folder));

    /// <summary>The scenes of this machine with their maps; two scenes with one map are refused.</summary>
    public async Task<IReadOnlyList<BatchScene>> ReadAsync(ParseResult parsed, CancellationToken cancellation)
    {
        var folder = Folder(parsed);
        var options = new SceneListOptions { Recursive = parsed.GetValue(_recursive), Excluded = folder, Request = _grid.Read(parsed), Patterns = parsed.GetValue(_patterns) is { Length: > 0 } patterns ? patterns : SceneListOptions.DefaultPatterns };
        var naming = new MapNaming { Folder = folder, Pattern = parsed.GetRequiredValue(_name) };
        var (inputs, list) = (parsed.GetValue(_inputs) ?? [], parsed.GetValue(_list));
        if (inputs.Length == 0 && list is null)
        {
            throw new UsageException("batch needs scenes: name a folder, scenes, a pattern or a STAC document, or a file that lists them with --list. See 'eoonnx batch --help'.");
        }

        var scenes = new List<SceneEntry>();
        if (list is not null)
        {
            scenes.AddRange(await SceneList.ReadFileAsync(list.FullName, options, cancellation));
        }

        if (inputs.Length > 0)
        {
            scenes.AddRange(await SceneList.ReadAsync(inputs, options, cancellation));
        }

        var shard = parsed.GetValue(_shard);
        BatchScene[] planned = [.. naming.Apply(SceneList.Distinct(scenes)).Where(scene => shard.Holds(scene.Name))];
        return parsed.GetValue(_retryFailed) ? new BatchJournal(folder).Failed(planned) : planned;
    }

    /// <summary>Reads <c>i/n</c>.</summary>
    public static Shard ReadShard(ArgumentResult argument)
    {
        try
        {
            return Shard.Parse(argument.Tokens[0].Value);
        }
        catch (ArgumentException failure)
        {
            argument.AddError(failure.Message);
            return Shard.Whole;
        }
    }
}
