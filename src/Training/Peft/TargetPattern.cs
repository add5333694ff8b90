using System.Text.RegularExpressions;

namespace EoOnnx.Training.Peft;

/// <summary>
/// Chooses modules by path as PEFT does: an entry hits the module of that path and every path that ends with <c>.entry</c>;
/// <c>all-linear</c> hits every linear layer; an entry in slashes, <c>/…/</c>, is a regular expression for the whole path. One
/// shorthand is our own: <c>attn.qkv:q,v</c> means the parts <c>attn.qkv.q_linear</c> and <c>attn.qkv.v_linear</c> of a fused layer.
/// </summary>
public sealed class TargetPattern
{
    /// <summary>The entry that hits every linear layer.</summary>
    public const string AllLinear = "all-linear";

    private static readonly TimeSpan RegexLimit = TimeSpan.FromSeconds(1);

    private readonly List<(string Source, Func<string, bool> Hits)> _entries = [];

    /// <summary>A pattern of several entries, any of which may hit.</summary>
    /// <exception cref="TrainingException">An entry is empty, names an unknown part of a fused layer or is no regular expression.</exception>
    public TargetPattern(IEnumerable<string> entries)
    {
        foreach (var entry in entries)
        {
            _entries.AddRange(Expand(entry));
        }
    }

    /// <summary>True when an entry hits the path.</summary>
    public bool Hits(string path) => _entries.Any(entry => entry.Hits(path));

    /// <summary>True when an entry other than <see cref="AllLinear"/> hits the path of a convolution.</summary>
    internal bool HitsConvolution(string path) => _entries.Any(entry => entry.Source != AllLinear && entry.Hits(path));

    /// <summary>Entries that hit none of the paths.</summary>
    internal IEnumerable<string> Missed(IReadOnlyCollection<string> paths) => _entries.Where(entry => !paths.Any(entry.Hits)).Select(entry => entry.Source);

    private static IEnumerable<(string, Func<string, bool>)> Expand(string entry)
    {
        if (string.IsNullOrWhiteSpace(entry))
        {
            throw new TrainingException("A target is empty; give module names such as attn.qkv:q,v, fc1 or all-linear.");
        }

        if (entry == AllLinear)
        {
            return [(entry, path => !FusedProjection.IsPart(path))];
        }

        if (entry.Length > 2 && entry[0] == '/' && entry[^1] == '/')
        {
            try
            {
                var regex = new Regex($"^(?:{entry[1..^1]})$", RegexOptions.CultureInvariant, RegexLimit);
                return [(entry, regex.IsMatch)];
            }
            catch (ArgumentException invalid)
            {
                throw new TrainingException($"The target {entry} is no regular expression: {invalid.Message}", invalid);
            }
        }

        var colon = entry.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return [(entry, path => EndsWith(path, entry))];
        }

        return entry[(colon + 1)..].Split(',').Select(part => part.Trim()).Select(part => FusedProjection.Parts.ContainsKey(part)
            ? (entry, (Func<string, bool>)(path => EndsWith(path, $"{entry[..colon]}.{part}_linear")))
            : throw new TrainingException($"The target {entry} names the part '{part}' of a fused projection; q, k and v are its parts."));
    }

    internal static bool EndsWith(string path, string entry) => path == entry || path.EndsWith($".{entry}", StringComparison.Ordinal);
}
