using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A channel of the model with the band that feeds it.</summary>
/// <param name="Channel">Name of the channel.</param>
/// <param name="Source">The band.</param>
/// <param name="MatchedBy">How they were paired: <c>option</c>, <c>name</c> or <c>order</c>.</param>
/// <param name="IsReflectance">Scale and offset of the band lead to reflectance.</param>
internal readonly record struct MappedBand(string Channel, RasterBand Source, string MatchedBy, bool IsReflectance = false);

/// <summary>A band that may feed a channel.</summary>
/// <param name="Name">What it is called; empty when it has no name.</param>
/// <param name="OtherNames">Names that it is also known by.</param>
internal readonly record struct BandCandidate(string Name, IReadOnlyList<string> OtherNames);

/// <summary>
/// Pairs the model's channels with the scene's bands: by what the user says, else by names with their aliases folded, else by
/// order when the counts agree or the model names none, with a warning. Never guesses when names are there and do not fit.
/// </summary>
internal static class BandMapping
{
    /// <summary>The band of each channel, in the model's order.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="channels">The model's channels.</param>
    /// <param name="requested">The user's list; empty to decide by names.</param>
    /// <param name="warnings">Receives what the user should know.</param>
    /// <exception cref="RasterException">Too few bands, unknown, ambiguous or repeated names; the message holds both lists.</exception>
    public static IReadOnlyList<MappedBand> Resolve(RasterDataset scene, IReadOnlyList<string> channels, IReadOnlyList<string> requested, List<string> warnings) =>
        [.. Match(scene.Name, [.. scene.Bands.Select(band => new BandCandidate(band.Name, band.OtherNames))], channels, requested, warnings)
            .Zip(channels, (match, channel) => new MappedBand(channel, scene.Bands[match.Position], match.MatchedBy))];

    /// <summary>The position of the band of each channel, in the model's order.</summary>
    /// <param name="scene">Name of the scene.</param>
    /// <param name="bands">Its bands.</param>
    /// <param name="channels">The model's channels.</param>
    /// <param name="requested">The user's list; empty to decide by names.</param>
    /// <param name="warnings">Receives what the user should know.</param>
    /// <exception cref="RasterException">Too few bands, unknown, ambiguous or repeated names; the message holds both lists.</exception>
    public static IReadOnlyList<(int Position, string MatchedBy)> Match(
        string scene, IReadOnlyList<BandCandidate> bands, IReadOnlyList<string> channels, IReadOnlyList<string> requested, List<string> warnings)
    {
        if (requested.Count > 0)
        {
            return Requested(scene, bands, channels, requested);
        }

        var found = channels.Select(channel => Named(bands, channel)).ToList();
        if (found.All(positions => positions.Count == 1) && found.Select(positions => positions[0]).Distinct().Count() == channels.Count)
        {
            return [.. found.Select(positions => (positions[0], "name"))];
        }

        if (found.Any(positions => positions.Count > 0))
        {
            var missing = channels.Where((_, i) => found[i].Count == 0).ToList();
            throw new RasterException(missing.Count > 0
                ? Explain(scene, bands, channels, $"{string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} not among them")
                : Explain(scene, bands, channels, "some names fit more than one band"));
        }

        var nameless = channels.Index().All(channel => channel.Item == DefaultManifest.BandId(channel.Index));
        if (bands.Count < channels.Count || (bands.Count > channels.Count && !nameless))
        {
            throw new RasterException(Explain(scene, bands, channels, "no name fits"));
        }

        if (bands.Count > channels.Count)
        {
            warnings.Add(string.Create(CultureInfo.InvariantCulture, $"The model names no bands: of the {bands.Count} bands of {scene} the first {channels.Count} are taken, as QGIS Deepness does. State others with --bands."));
        }
        else if (channels.Count > 1)
        {
            warnings.Add($"The bands of {scene} have no names that the model knows; they are taken in file order as {Listed(channels)}. State the order with --bands.");
        }

        return [.. channels.Select((_, i) => (i, "order"))];
    }

    private static List<(int, string)> Requested(string scene, IReadOnlyList<BandCandidate> bands, IReadOnlyList<string> channels, IReadOnlyList<string> requested)
    {
        if (requested.Count != channels.Count)
        {
            throw new RasterException(Explain(scene, bands, channels, $"--bands names {requested.Count}"));
        }

        var pairs = new int?[channels.Count];
        for (var i = 0; i < requested.Count; i++)
        {
            var parts = requested[i].Split('=', 2, StringSplitOptions.TrimEntries);
            var position = i;
            if (parts.Length == 2)
            {
                var fold = BandNames.Fold(parts[0]);
                position = channels.Index().Where(channel => BandNames.Fold(channel.Item) == fold).Select(channel => channel.Index).DefaultIfEmpty(-1).First();
                if (position < 0)
                {
                    throw new RasterException(Explain(scene, bands, channels, $"--bands names a channel '{parts[0]}'"));
                }
            }

            if (pairs[position] is not null)
            {
                throw new RasterException(Explain(scene, bands, channels, $"--bands gives the channel {channels[position]} twice"));
            }

            pairs[position] = One(scene, bands, channels, parts[^1]);
        }

        return [.. pairs.Select(pair => (pair!.Value, "option"))];
    }

    private static int One(string scene, IReadOnlyList<BandCandidate> bands, IReadOnlyList<string> channels, string text)
    {
        // A name wins over a number: bands may be called "1".
        var named = Named(bands, text);
        if (named.Count == 0 && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= bands.Count)
        {
            return number - 1;
        }

        return named.Count == 1 ? named[0]
            : throw new RasterException(Explain(scene, bands, channels, named.Count == 0 ? $"'{text}' of --bands is not among them" : $"'{text}' of --bands fits {named.Count} of them"));
    }

    // What a band is called counts before what it is also known by.
    private static List<int> Named(IReadOnlyList<BandCandidate> bands, string name)
    {
        var fold = BandNames.Fold(name);
        var called = Positions(band => BandNames.Fold(band.Name) == fold);
        return fold.Length == 0 ? [] : called.Count > 0 ? called : Positions(band => band.OtherNames.Any(other => BandNames.Fold(other) == fold));

        List<int> Positions(Func<BandCandidate, bool> fits) => [.. bands.Index().Where(band => fits(band.Item)).Select(band => band.Index)];
    }

    private static string Explain(string scene, IReadOnlyList<BandCandidate> bands, IReadOnlyList<string> channels, string problem) => string.Create(CultureInfo.InvariantCulture,
        $"{scene} has {bands.Count} bands ({Listed([.. bands.Select((band, i) => band.Name.Length == 0 ? $"{i + 1}" : band.Name)])}); the model expects {channels.Count} ({Listed(channels)}): {problem}. Choose with --bands, for example --bands {Example(bands.Count, channels.Count)} (SceneOptions.Bands).");

    private static string Example(int bands, int channels) => string.Join(',', Enumerable.Range(1, Math.Min(channels, 4)).Select(i => Math.Min(i, bands))) + (channels > 4 ? ",…" : "");

    private static string Listed(IReadOnlyList<string> names) => names.Count <= 24 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(23))}, … {names[^1]}";
}
