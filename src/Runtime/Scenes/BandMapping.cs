using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>A channel of the model with the band that feeds it.</summary>
/// <param name="Channel">Name of the channel.</param>
/// <param name="Source">The band.</param>
/// <param name="MatchedBy">How they were paired: <c>option</c>, <c>name</c> or <c>order</c>.</param>
internal readonly record struct MappedBand(string Channel, RasterBand Source, string MatchedBy);

/// <summary>
/// Pairs the model's channels with the scene's bands: by what the user says, else by names with their aliases folded, else by
/// order when the counts agree, with a warning. Never guesses when names are there and do not fit.
/// </summary>
internal static class BandMapping
{
    /// <summary>The band of each channel, in the model's order.</summary>
    /// <param name="scene">The scene.</param>
    /// <param name="channels">The model's channels.</param>
    /// <param name="requested">The user's list; empty to decide by names.</param>
    /// <param name="warnings">Receives what the user should know.</param>
    /// <exception cref="RasterException">Too few bands, unknown, ambiguous or repeated names; the message holds both lists.</exception>
    public static IReadOnlyList<MappedBand> Resolve(RasterDataset scene, IReadOnlyList<string> channels, IReadOnlyList<string> requested, List<string> warnings)
    {
        if (requested.Count > 0)
        {
            return Requested(scene, channels, requested);
        }

        var found = channels.Select(channel => Named(scene, channel)).ToList();
        if (found.All(bands => bands.Count == 1) && found.Select(bands => bands[0].Index).Distinct().Count() == channels.Count)
        {
            return [.. channels.Zip(found, (channel, bands) => new MappedBand(channel, bands[0], "name"))];
        }

        if (found.Any(bands => bands.Count > 0))
        {
            var missing = channels.Where((_, i) => found[i].Count == 0).ToList();
            throw new RasterException(missing.Count > 0
                ? Explain(scene, channels, $"{string.Join(", ", missing)} {(missing.Count == 1 ? "is" : "are")} not among them")
                : Explain(scene, channels, "some names fit more than one band"));
        }

        if (scene.Bands.Count != channels.Count)
        {
            throw new RasterException(Explain(scene, channels, "no name fits"));
        }

        if (channels.Count > 1)
        {
            warnings.Add($"The bands of {scene.Name} have no names that the model knows; they are taken in file order as {Listed(channels)}. State the order with --bands.");
        }

        return [.. channels.Zip(scene.Bands, (channel, band) => new MappedBand(channel, band, "order"))];
    }

    private static List<MappedBand> Requested(RasterDataset scene, IReadOnlyList<string> channels, IReadOnlyList<string> requested)
    {
        if (requested.Count != channels.Count)
        {
            throw new RasterException(Explain(scene, channels, $"--bands names {requested.Count}"));
        }

        var pairs = new MappedBand?[channels.Count];
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
                    throw new RasterException(Explain(scene, channels, $"--bands names a channel '{parts[0]}'"));
                }
            }

            if (pairs[position] is not null)
            {
                throw new RasterException(Explain(scene, channels, $"--bands gives the channel {channels[position]} twice"));
            }

            pairs[position] = new MappedBand(channels[position], One(scene, channels, parts[^1]), "option");
        }

        return [.. pairs.Select(pair => pair!.Value)];
    }

    private static RasterBand One(RasterDataset scene, IReadOnlyList<string> channels, string text)
    {
        // A name wins over a number: bands may be called "1".
        var named = Named(scene, text);
        if (named.Count == 0 && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= scene.Bands.Count)
        {
            return scene.Bands[number - 1];
        }

        return named.Count == 1 ? named[0]
            : throw new RasterException(Explain(scene, channels, named.Count == 0 ? $"'{text}' of --bands is not among them" : $"'{text}' of --bands fits {named.Count} of them"));
    }

    private static List<RasterBand> Named(RasterDataset scene, string name)
    {
        var fold = BandNames.Fold(name);
        return fold.Length == 0 ? [] : [.. scene.Bands.Where(band => BandNames.Fold(band.Name) == fold)];
    }

    private static string Explain(RasterDataset scene, IReadOnlyList<string> channels, string problem) => string.Create(CultureInfo.InvariantCulture,
        $"{scene.Name} has {scene.Bands.Count} bands ({Listed([.. scene.Bands.Select(band => band.Name.Length == 0 ? $"{band.Index}" : band.Name)])}); the model expects {channels.Count} ({Listed(channels)}): {problem}. Choose with --bands 2,3,4,… (SceneOptions.Bands).");

    private static string Listed(IReadOnlyList<string> names) => names.Count <= 24 ? string.Join(", ", names) : $"{string.Join(", ", names.Take(23))}, … {names[^1]}";
}
