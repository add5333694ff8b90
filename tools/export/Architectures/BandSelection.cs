using EoOnnx.Formats;

namespace EoOnnx.Export.Architectures;

/// <summary>
/// The input channels that a model is exported for, matched by name with those of its pretraining: known bands keep their weights, others
/// get random ones, as TerraTorch's <c>select_patch_embed_weights</c> does.
/// </summary>
internal sealed class BandSelection
{
    private readonly IReadOnlyList<int?> _sources;

    private BandSelection(IReadOnlyList<ManifestBand> bands, IReadOnlyList<int?> sources, IReadOnlyList<string> warnings) =>
        (Bands, _sources, Warnings) = (bands, sources, warnings);

    /// <summary>The chosen bands, with the statistics of pretraining where the band was in it.</summary>
    public IReadOnlyList<ManifestBand> Bands { get; }

    /// <summary>One sentence when there are bands without trained weights.</summary>
    public IReadOnlyList<string> Warnings { get; }

    /// <summary>Matches names with the bands of pretraining. Any alias of <see cref="SpectralBand"/> counts.</summary>
    /// <param name="source">Where the weights come from, for messages.</param>
    /// <param name="wanted">Names in the order of the input; null takes all bands of pretraining.</param>
    /// <param name="trained">The bands of pretraining, in the order of the weights.</param>
    /// <exception cref="ExportException">A band is listed twice, or a name looks like a misspelt band.</exception>
    public static BandSelection Match(string source, IReadOnlyList<string>? wanted, IReadOnlyList<ManifestBand> trained)
    {
        if (wanted is null)
        {
            return new BandSelection(trained, [.. Enumerable.Range(0, trained.Count).Select(i => (int?)i)], []);
        }

        if (wanted.GroupBy(Canonical, StringComparer.OrdinalIgnoreCase).FirstOrDefault(group => group.Count() > 1) is { } twice)
        {
            throw new ExportException($"The band {twice.Key} is listed {twice.Count()} times ({string.Join(", ", twice)}); list every band once.");
        }

        var sources = wanted.Select(name => Index(source, name, trained)).ToList();
        var bands = wanted.Select((name, i) => sources[i] is { } index ? trained[index] : Untrained(name)).ToList();
        var unknown = wanted.Where((_, i) => sources[i] is null).ToList();
        return new BandSelection(bands, sources, unknown.Count == 0 ? [] :
            [$"{source} has no weights for {string.Join(", ", unknown)}; random ones were drawn, so train them. It knows {string.Join(", ", trained.Select(band => band.Id))}. Statistics of these bands are not known either: give --means and --deviations."]);
    }

    /// <summary>The chosen bands with the statistics that the options state instead of those of pretraining.</summary>
    /// <exception cref="ExportException">The options state another number of values.</exception>
    public IReadOnlyList<ManifestBand> Describe(BackboneOptions options)
    {
        foreach (var (option, count) in new[] { ("--means", options.Means?.Count), ("--deviations", options.Deviations?.Count) })
        {
            if (count is { } found && found != Bands.Count)
            {
                throw new ExportException($"{option} lists {found} values for {Bands.Count} bands ({string.Join(", ", Bands.Select(band => band.Id))}); give one a band.");
            }
        }

        return [.. Bands.Select((band, i) => band with { Mean = options.Means?[i] ?? band.Mean, StandardDeviation = options.Deviations?[i] ?? band.StandardDeviation })];
    }

    /// <summary>The bands that weights were made for.</summary>
    /// <param name="source">Where the weights come from, for messages.</param>
    /// <param name="channels">How many bands the weights take.</param>
    /// <param name="stated">Names that the options state; null takes the family's where their number fits, else numbers.</param>
    /// <param name="family">The bands of the family's pretraining, for their statistics.</param>
    /// <exception cref="ExportException">Another number of names is stated.</exception>
    public static IReadOnlyList<ManifestBand> Trained(string source, int channels, IReadOnlyList<string>? stated, IReadOnlyList<ManifestBand> family)
    {
        if (stated is null)
        {
            return family.Count == channels ? family : [.. Enumerable.Range(1, channels).Select(i => new ManifestBand($"band {i}"))];
        }

        return stated.Count == channels
            ? [.. stated.Select(name => family.FirstOrDefault(band => string.Equals(band.Id, Canonical(name), StringComparison.OrdinalIgnoreCase)) ?? Untrained(name))]
            : throw new ExportException($"--trained-bands lists {stated.Count} bands ({string.Join(", ", stated)}); the weights of {source} take {channels}.");
    }

    /// <summary>The weights of a patch embedding for the chosen bands.</summary>
    /// <param name="weight">The trained weights.</param>
    /// <param name="name">Their name, which with the seed decides the random values.</param>
    /// <param name="channelAxis">The axis of the channels in <paramref name="view"/>.</param>
    /// <param name="view">A shape of the trained weights that has an axis of channels; its first axis are the outputs.</param>
    /// <param name="seed">Seed of the weights of unknown bands.</param>
    /// <returns>A tensor of the shape <paramref name="view"/> with another number of channels.</returns>
    /// <remarks>Unknown bands: Xavier-uniform, bound √(6 / (inputs + outputs)), over the embedding flattened to a matrix.</remarks>
    public TensorData Apply(TensorData weight, string name, int channelAxis, long[] view, long seed)
    {
        if (_sources.Count == view[channelAxis] && _sources.Select((source, i) => source == i).All(same => same))
        {
            return weight.Reshape(view);
        }

        long[] shape = [.. view];
        shape[channelAxis] = _sources.Count;
        var (outer, inner) = (TensorData.CountOf(view.AsSpan(0, channelAxis)), (int)TensorData.CountOf(view.AsSpan(channelAxis + 1)));
        var inputs = TensorData.CountOf(shape) / shape[0];
        var result = _sources.Any(source => source is null)
            ? RandomTensors.Uniform(seed, name, shape, Math.Sqrt(6.0 / (inputs + shape[0]))).ToSingles()
            : new float[TensorData.CountOf(shape)];
        var trained = weight.ToSingles();
        for (var row = 0; row < outer; row++)
        {
            for (var channel = 0; channel < _sources.Count; channel++)
            {
                if (_sources[channel] is { } source)
                {
                    trained.AsSpan((int)((row * view[channelAxis]) + source) * inner, inner).CopyTo(result.AsSpan(((row * _sources.Count) + channel) * inner, inner));
                }
            }
        }

        return TensorData.FromValues<float>(shape, result);
    }

    private static string Canonical(string name) => SpectralBand.TryFind(name)?.Name ?? name.Trim();

    private static int? Index(string source, string name, IReadOnlyList<ManifestBand> trained)
    {
        var canonical = Canonical(name);
        for (var i = 0; i < trained.Count; i++)
        {
            if (string.Equals(trained[i].Id, canonical, StringComparison.OrdinalIgnoreCase))
            {
                return i;
            }
        }

        // A real band of another sensor gets new weights; a word that is nearly a band of this model is a mistake.
        return SpectralBand.TryFind(name) is null && Spelling.Nearest(canonical.ToUpperInvariant(), trained.Select(band => band.Id)) is { } near
            ? throw new ExportException($"The band '{name}' is not known. Did you mean '{near}'? {source} knows {string.Join(", ", trained.Select(band => band.Id))}, also by Sentinel-2 numbers such as B02 and B8A and Landsat numbers such as L8_B5.")
            : null;
    }

    private static ManifestBand Untrained(string name) => SpectralBand.TryFind(name) is { } band
        ? new ManifestBand(band.Name, WavelengthMicrometres: band.WavelengthMicrometres)
        : new ManifestBand(name.Trim());
}
