using EoOnnx.Formats;

namespace EoOnnx.Export;

/// <summary>The bands of a model whose weights fix their number.</summary>
internal static class InputBands
{
    /// <summary>Bands for the manifest: as asked for, else the family's usual ones when their number fits, else numbered ones.</summary>
    /// <exception cref="ExportException">Another number of bands is asked for than the weights take, or one has no known name.</exception>
    public static IReadOnlyList<ManifestBand> Describe(string source, BackboneOptions options, int channels, IReadOnlyList<string> usual)
    {
        if (options.Bands is { } named && named.Count != channels)
        {
            throw new ExportException($"{source} takes {channels} bands; {named.Count} are named ({string.Join(", ", named)}).");
        }

        return options.Bands is null && usual.Count != channels
            ? SpectralBand.Unnamed(options, channels)
            : SpectralBand.Describe(options, options.Bands ?? usual);
    }
}
