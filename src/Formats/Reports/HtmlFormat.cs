using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Unicode;

namespace EoOnnx.Formats;

/// <summary>A piece of finished HTML: only <see cref="HtmlFormat.Of"/> makes one from text.</summary>
/// <param name="Text">The HTML.</param>
internal readonly record struct Markup(string Text)
{
    /// <summary>Several pieces behind each other.</summary>
    public static Markup Join(IEnumerable<Markup> pieces) => new(string.Concat(pieces.Select(piece => piece.Text)));
}

/// <summary>
/// Makes HTML of interpolated strings: what stands in the literal is markup, what is put in is text and is escaped, so that no name
/// of a file, class or band can become markup. Numbers are written in the invariant culture.
/// </summary>
internal sealed class HtmlFormat : IFormatProvider, ICustomFormatter
{
    private static readonly HtmlFormat Instance = new();
    private static readonly HtmlEncoder Encoder = HtmlEncoder.Create(UnicodeRanges.All);

    /// <summary>The HTML of an interpolated string.</summary>
    public static Markup Of(FormattableString text) => new(text.ToString(Instance));

    /// <inheritdoc/>
    public object? GetFormat(Type? formatType) => formatType == typeof(ICustomFormatter) ? this : null;

    /// <inheritdoc/>
    public string Format(string? format, object? arg, IFormatProvider? formatProvider) => arg switch
    {
        Markup markup => markup.Text,
        IFormattable number => Encoder.Encode(number.ToString(format, CultureInfo.InvariantCulture)),
        _ => Encoder.Encode(arg?.ToString() ?? ""),
    };
}
