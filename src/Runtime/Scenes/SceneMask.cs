using System.Globalization;

namespace EoOnnx.Runtime;

/// <summary>What masked pixels are for the model.</summary>
public enum MaskMode
{
    /// <summary>The model sees them; the map has nodata there.</summary>
    Output,

    /// <summary>They are missing for the model, too.</summary>
    Input,
}

/// <summary>Which pixels of a band shall not be mapped.</summary>
public sealed class SceneMask
{
    private static readonly int[] CloudsOfSceneClassification = [0, 1, 3, 8, 9, 10];
    private readonly Func<float, bool> _hides;

    private SceneMask(string text, string source, Func<float, bool> hides) => (Text, Source, _hides) = (text, source, hides);

    /// <summary>The text it was read from.</summary>
    public string Text { get; }

    /// <summary>A band of the scene by name, or a raster file on a grid of its own; its first band counts.</summary>
    public string Source { get; }

    /// <summary>
    /// Reads <c>scl</c> or <c>scl:0,1,3</c> (Sentinel-2 scene classification; alone: no data, saturated, shadow, cloud, cirrus),
    /// <c>bits:QA_PIXEL:1,3,4</c> (any of these bits set), <c>value:FILE=0,255</c> (any of these values) or <c>range:CLD&gt;40</c>
    /// (also &lt;, &gt;=, &lt;=).
    /// </summary>
    /// <exception cref="ArgumentException">The text is none of these.</exception>
    public static SceneMask Parse(string text)
    {
        var (kind, rest) = text.Split(':', 2) is [var first, var second] ? (first, second) : (text, "");
        switch (kind.ToLowerInvariant())
        {
            case "scl":
                return OfValues(text, "SCL", rest.Length == 0 ? CloudsOfSceneClassification : Numbers(text, rest));
            case "bits" when rest.LastIndexOf(':') is var colon && colon > 0:
                var bits = Numbers(text, rest[(colon + 1)..]);
                var pattern = bits.All(bit => bit < 31) ? bits.Aggregate(0, (all, bit) => all | (1 << bit)) : throw Bad(text);
                return new SceneMask(text, rest[..colon], value => ((int)value & pattern) != 0);
            case "value" when rest.LastIndexOf('=') is var equals && equals > 0:
                return OfValues(text, rest[..equals], Numbers(text, rest[(equals + 1)..]));
            case "range" when rest.LastIndexOfAny(['<', '>']) is var sign && sign > 0:
                var inclusive = sign + 1 < rest.Length && rest[sign + 1] == '=';
                if (!float.TryParse(rest.AsSpan(sign + (inclusive ? 2 : 1)), NumberStyles.Float, CultureInfo.InvariantCulture, out var limit))
                {
                    throw Bad(text);
                }

                return new SceneMask(text, rest[..sign], (rest[sign], inclusive) switch
                {
                    ('>', false) => value => value > limit,
                    ('>', true) => value => value >= limit,
                    ('<', false) => value => value < limit,
                    _ => value => value <= limit,
                });
            default:
                throw Bad(text);
        }
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => Text;

    /// <summary>The same mask with the full path of its file; bands stay names.</summary>
    /// <param name="folder">What a relative path is relative to.</param>
    public SceneMask Located(string folder)
    {
        // The source stands behind the first colon of the text.
        var start = Text.IndexOf(':', StringComparison.Ordinal) + 1;
        var file = Path.GetFullPath(Source, folder);
        return File.Exists(file) && Text.AsSpan(start).StartsWith(Source, StringComparison.Ordinal) ? Parse(string.Concat(Text.AsSpan(0, start), file, Text.AsSpan(start + Source.Length))) : this;
    }

    /// <summary>True when a pixel with this value shall not be mapped.</summary>
    public bool Hides(float value) => _hides(value);

    private static SceneMask OfValues(string text, string source, int[] values)
    {
        var set = values.ToHashSet();
        return new SceneMask(text, source, value => value == (int)value && set.Contains((int)value));
    }

    private static int[] Numbers(string text, string list) =>
        [.. list.Split(',').Select(item => int.TryParse(item, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : throw Bad(text))];

    private static ArgumentException Bad(string text) =>
        new($"'{text}' is no mask; expected scl, scl:0,1,3, bits:QA_PIXEL:1,3,4, value:FILE=0,255 or range:CLD>40.");
}
