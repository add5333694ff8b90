using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A band that a scene needs.</summary>
/// <param name="Channel">The channel that it feeds; the mask's word for masks.</param>
/// <param name="Source">The band.</param>
/// <param name="Name">Its name in the scene.</param>
/// <param name="MatchedBy">How the pair was found.</param>
internal sealed record PlannedBand(string Channel, SourceBand Source, string Name, string MatchedBy)
{
    /// <summary>The same for the stack.</summary>
    public StackBand ToStack(RasterDataset raster, ValidityOptions validity) => new(raster, Source.Index, Name)
    {
        IsCategorical = Source.IsCategorical, Scale = Source.Scale, Offset = Source.Offset,
        NoData = Source.IsCategorical ? null : validity.Override ?? Source.NoData, IgnoresNoData = validity.Ignore && !Source.IsCategorical,
    };
}

/// <summary>Which bands of which sources a model takes, decided by names alone.</summary>
internal sealed class SceneSelection
{
    private const double MostResolutionDifference = 0.2;

    private SceneSelection(EoModel model, ModelChannels channels, IReadOnlyList<SceneSource> sources) => (Model, Channels, Sources) = (model, channels, sources);

    public EoModel Model { get; }

    public ModelChannels Channels { get; }

    public IReadOnlyList<SceneSource> Sources { get; }

    /// <summary>The bands that feed the channels, in the channels' order.</summary>
    public IReadOnlyList<PlannedBand> Used { get; private init; } = [];

    /// <summary>The bands that masks name.</summary>
    public IReadOnlyList<PlannedBand> Masks { get; private init; } = [];

    /// <summary>When each frame was recorded; null where it is not known.</summary>
    public IReadOnlyList<DateTimeOffset?> Dates { get; private init; } = [];

    public List<string> Warnings { get; } = [];

    public IReadOnlyList<string> Notes => [.. Sources.SelectMany(source => source.Notes).Distinct()];

    /// <summary>What the scene is made of, for people.</summary>
    public string Name => Sources.Count <= 4 ? string.Join(", ", Sources.Select(source => source.Name)) : $"{Sources[0].Name} and {Sources.Count - 1} more";

    /// <summary>The scene is one raster as it is.</summary>
    public bool IsPlainRaster { get; private init; }

    public string PlainPath => Sources[0].Bands[0].Path;

    /// <summary>Decides.</summary>
    /// <exception cref="RasterException">A source cannot be read or lacks a band.</exception>
    /// <exception cref="ModelException">The model takes something that no scene has.</exception>
    /// <exception cref="ArgumentException">The request contradicts itself or the model.</exception>
    public static SceneSelection Create(EoModel model, SceneRequest request, SceneOptions options, RasterAccess access)
    {
        if ((request.Sources.Count == 0) == (request.Modalities.Count == 0))
        {
            throw new ArgumentException("Name the scene: either its files, or the source of each modality (--modality NAME=FILE), not both.");
        }

        request = InOrder(request);
        var context = new SourceContext(access, request.SentinelOffset);
        return request.Modalities.Count > 0 ? OfModalities(model, request, options, context) : OfSources(model, request, options, context);
    }

    /// <summary>Warns when the grid and the model's training data differ much in resolution.</summary>
    public void CheckResolution(RasterGrid grid)
    {
        if (Channels.Manifest.GroundResolutionMetres is { } trained && grid.PixelMetres is { } metres && Math.Abs((metres / trained) - 1) > MostResolutionDifference)
        {
            Warnings.Add(string.Create(CultureInfo.InvariantCulture, $"The scene has pixels of {metres:0.##} m; the model was trained on {trained:0.##} m. Map it with --resample-to-model, or expect worse results."));
        }
    }

    // Picks the sources that are frames, with their dates.
    private static SceneRequest InOrder(SceneRequest request)
    {
        if (request.Frames.Count == 0)
        {
            return request;
        }

        var missing = request.Frames.FirstOrDefault(frame => frame > request.Sources.Count);
        return missing > 0 ? throw new ArgumentException($"--frames names the source {missing}; there are {request.Sources.Count}.")
            : request.Dates.Count > 0 && request.Dates.Count != request.Sources.Count ? throw new ArgumentException($"--dates has {request.Dates.Count} dates for {request.Sources.Count} sources; give one for each.")
            : request with { Sources = [.. request.Frames.Select(frame => request.Sources[frame - 1])], Dates = request.Dates.Count == 0 ? [] : [.. request.Frames.Select(frame => request.Dates[frame - 1])] };
    }

    private static SceneSelection OfSources(EoModel model, SceneRequest request, SceneOptions options, SourceContext context)
    {
        var sources = request.Sources.Select(path => SceneSources.Open(path, context)).ToList();
        var channels = ModelChannels.Of(model, options.Adapter, sources.Sum(source => source.Bands.Count));
        if (channels.Parts.Count > 1)
        {
            throw new ArgumentException($"{model.Path} takes {channels.Parts.Count} modalities; name the source of each: {string.Join(' ', channels.Parts.Select(part => $"--modality {part.Modality}=FILE"))}");
        }

        if (channels.Frames == 1 && request.Frames.Count > 0)
        {
            throw new ArgumentException($"{model.Path} takes one date; --frames is for models of several.");
        }

        var asIs = request is { Grid: null, Resolution: null, ResampleToModel: false };
        var dates = request.Dates.Count > 0 ? [.. request.Dates] : sources.ConvertAll(source => source.Date);
        if (sources is [{ IsPlainRaster: true }] && asIs)
        {
            return new SceneSelection(model, channels, sources) { IsPlainRaster = true, Dates = dates };
        }

        var warnings = new List<string>();
        var series = channels.Frames > 1;
        if (series)
        {
            CheckFrames(model, channels.Frames, sources.Count, request.Dates.Count);
            var known = dates.OfType<DateTimeOffset>().ToList();
            if (request.Frames.Count == 0 && !known.SequenceEqual(known.Order()))
            {
                warnings.Add($"The sources are not given in the order of their dates ({string.Join(", ", known.Select(date => date.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)))}); the model takes them oldest first. Choose another order with --frames.");
            }
        }

        List<PlannedBand> used = series
            ? [.. sources.SelectMany((source, frame) => Match(source.Name, source.Bands, channels.Names.Take(channels.Names.Count / channels.Frames).ToList(), options.Bands, warnings, $" @{frame + 1}"))]
            : Match(string.Join(", ", sources.Select(source => source.Name)), [.. sources.SelectMany(source => source.Bands)], channels.Names, options.Bands, warnings);
        return Finish(new SceneSelection(model, channels, sources) { Used = used, Masks = MasksOf(sources, options), Dates = dates }, warnings);
    }

    private static SceneSelection OfModalities(EoModel model, SceneRequest request, SceneOptions options, SourceContext context)
    {
        var channels = ModelChannels.Of(model, options.Adapter, 0);
        var known = channels.Parts.Where(part => part.Modality is not null).Select(part => part.Modality!).ToList();
        if (request.Modalities.Keys.FirstOrDefault(name => !known.Contains(name, StringComparer.OrdinalIgnoreCase)) is { } unknown)
        {
            throw new ArgumentException(known.Count == 0 ? $"{model.Path} takes one image; give the scene without --modality."
                : $"{model.Path} has no modality '{unknown}'.{Spelling.DidYouMean(unknown, known)} It takes {string.Join(", ", known)}.");
        }

        var given = new Dictionary<string, string>(request.Modalities, StringComparer.OrdinalIgnoreCase);
        var bands = BandsOf(known, options.Bands);
        var warnings = new List<string>();
        var sources = new List<SceneSource>();
        var used = new List<PlannedBand>();
        foreach (var part in channels.Parts)
        {
            var path = given.GetValueOrDefault(part.Modality!) ?? throw new ArgumentException($"{model.Path} needs the modalities {string.Join(", ", known)}; {part.Modality} is not given. Add --modality {part.Modality}=FILE, or export the model without it.");
            sources.Add(SceneSources.Open(path, context));
            used.AddRange(Match(sources[^1].Name, sources[^1].Bands, [.. channels.Names.Skip(part.First).Take(part.Count)], bands.GetValueOrDefault(part.Modality!) ?? [], warnings, $" of {part.Modality}"));
        }

        return Finish(new SceneSelection(model, channels, sources) { Used = used, Masks = MasksOf(sources, options), Dates = [.. sources.Take(1).Select(source => source.Date)] }, warnings);
    }

    // S2L2A:B02, B03, DEM:1 — a name begins the list of its modality; the other modalities are matched by name.
    private static Dictionary<string, List<string>> BandsOf(List<string> modalities, IReadOnlyList<string> requested)
    {
        var lists = new Dictionary<string, List<string>>(StringComparer.OrdinalIgnoreCase);
        List<string>? current = null;
        foreach (var text in requested)
        {
            var (name, band) = text.IndexOf(':', StringComparison.Ordinal) is > 0 and var colon ? (text[..colon].Trim(), text[(colon + 1)..]) : (null, text);
            if (name is not null && !modalities.Contains(name, StringComparer.OrdinalIgnoreCase))
            {
                throw new ArgumentException($"--bands names a modality '{name}'.{Spelling.DidYouMean(name, modalities)} The model takes {string.Join(", ", modalities)}.");
            }

            if (name is not null)
            {
                current = lists.TryGetValue(name, out var list) ? list : lists[name] = [];
            }

            (current ?? throw new ArgumentException($"The model takes {string.Join(", ", modalities)}; say whose bands they are: --bands {modalities[0]}:{text},…")).Add(band);
        }

        return lists;
    }

    private static SceneSelection Finish(SceneSelection plan, List<string> warnings)
    {
        plan.Warnings.AddRange([.. plan.Sources.SelectMany(source => source.Warnings), .. warnings.Distinct()]);
        return plan;
    }

    private static List<PlannedBand> Match(string name, IReadOnlyList<SourceBand> bands, IReadOnlyList<string> channels, IReadOnlyList<string> requested, List<string> warnings, string suffix = "") =>
        [.. BandMapping.Match(name, [.. bands.Select(band => band.Candidate)], channels, requested, warnings)
            .Zip(channels, (match, channel) => new PlannedBand(channel, bands[match.Position], NameOf(bands[match.Position]) + suffix, match.MatchedBy))];

    private static string NameOf(SourceBand band) => band.Name.Length > 0 ? band.Name : string.Create(CultureInfo.InvariantCulture, $"{RemoteAccess.Redact(Path.GetFileName(band.Path.Split('?')[0]))} {band.Index}");

    // A band of the scene that a mask names comes along; files that masks name are opened by the masks themselves.
    private static List<PlannedBand> MasksOf(IReadOnlyList<SceneSource> sources, SceneOptions options) =>
        [.. options.Masks.Select(mask => mask.Source).Distinct()
            .Select(name => sources.SelectMany(source => source.Bands).FirstOrDefault(band => BandNames.Fold(band.Name) == BandNames.Fold(name)) is { } band ? new PlannedBand(name, band with { IsCategorical = true }, band.Name, "mask") : null).OfType<PlannedBand>()];

    private static void CheckFrames(EoModel model, int frames, int sources, int dates)
    {
        if (sources != frames)
        {
            throw new ArgumentException($"{model.Path} takes {frames} dates; {sources} {(sources == 1 ? "source was" : "sources were")} given. Name one file, folder or item for each date, oldest first.");
        }

        if (dates > 0 && dates != frames)
        {
            throw new ArgumentException($"--dates has {dates} dates for {frames} sources; give one for each.");
        }
    }
}
