using System.Reflection;
using System.Text;

namespace EoOnnx.Formats;

/// <summary>
/// A report for people: one HTML file that needs nothing else. It holds no script and may load nothing (its content security policy
/// says so to the browser), and whatever is added is text: names out of files cannot become markup. Same content, same bytes.
/// </summary>
public sealed class ReportPage
{
    private readonly StringBuilder _body = new();
    private readonly string _title;
    private bool _inSection;

    /// <summary>A page.</summary>
    /// <param name="title">What it reports on; also the title of the window.</param>
    /// <param name="subtitle">A line below; empty for none.</param>
    public ReportPage(string title, string subtitle = "")
    {
        _title = title;
        Add($"<header><h1>{title}</h1>");
        if (subtitle.Length > 0)
        {
            Add($"<p>{subtitle}</p>");
        }

        Add($"</header>\n");
    }

    /// <summary>Starts a section; what follows belongs to it.</summary>
    public ReportPage Section(string heading)
    {
        EndSection();
        _inSection = true;
        return Add($"<section><h2>{heading}</h2>\n");
    }

    /// <summary>Adds a paragraph.</summary>
    public ReportPage Text(string paragraph) => Add($"<p>{paragraph}</p>\n");

    /// <summary>Adds things the reader should know, each on a line of its own; nothing when there are none.</summary>
    public ReportPage Warnings(IEnumerable<string> warnings)
    {
        var lines = warnings.Select(warning => HtmlFormat.Of($"<li>{warning}</li>")).ToList();
        return lines.Count == 0 ? this : Add($"<ul class=\"warnings\">{Markup.Join(lines)}</ul>\n");
    }

    /// <summary>Adds names with their values below each other.</summary>
    public ReportPage Facts(params IEnumerable<(string Name, string Value)> facts) =>
        Add($"<dl>{Markup.Join(facts.Select(fact => HtmlFormat.Of($"<dt>{fact.Name}</dt><dd>{fact.Value}</dd>")))}</dl>\n");

    /// <summary>Adds a table.</summary>
    public ReportPage Table(ReportTable table)
    {
        ArgumentNullException.ThrowIfNull(table);
        return Add($"{table.ToMarkup()}\n");
    }

    /// <summary>Adds a chart, drawn as SVG.</summary>
    public ReportPage Chart(IReportChart chart)
    {
        ArgumentNullException.ThrowIfNull(chart);
        return Add($"<figure>{new Markup(chart.ToSvg())}<figcaption>{chart.Title}</figcaption></figure>\n");
    }

    /// <summary>Adds a picture; its bytes become part of the page.</summary>
    /// <param name="content">The file.</param>
    /// <param name="mediaType">Its type: <c>image/png</c>, <c>image/jpeg</c> or <c>image/svg+xml</c>.</param>
    /// <param name="caption">What it shows.</param>
    /// <exception cref="ArgumentException">It is no type of pictures.</exception>
    public ReportPage Image(ReadOnlySpan<byte> content, string mediaType, string caption)
    {
        if (mediaType is not ("image/png" or "image/jpeg" or "image/svg+xml"))
        {
            throw new ArgumentException($"'{mediaType}' is no picture that a report shows; expected image/png, image/jpeg or image/svg+xml.", nameof(mediaType));
        }

        var data = new Markup(Convert.ToBase64String(content)); // its alphabet needs no escaping
        return Add($"<figure><img alt=\"{caption}\" src=\"data:{mediaType};base64,{data}\"><figcaption>{caption}</figcaption></figure>\n");
    }

    /// <summary>The page.</summary>
    public string ToHtml()
    {
        EndSection();
        return HtmlFormat.Of($"""
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <title>{_title}</title>
            <link rel="icon" href="data:,">
            <style>{new Markup(Style)}</style>
            </head>
            <body>
            {new Markup(_body.ToString())}</body>
            </html>

            """).Text;
    }

    /// <summary>Writes the page, atomically.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full; an earlier file is unchanged.</exception>
    public void Save(string path) => AtomicFile.WriteText(path, ToHtml());

    private static readonly string Style = ReadStyle();

    private static string ReadStyle()
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream("EoOnnx.Formats.Reports.report.css")!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }

    private void EndSection()
    {
        if (_inSection)
        {
            Add($"</section>\n");
            _inSection = false;
        }
    }

    private ReportPage Add(FormattableString html)
    {
        _body.Append(HtmlFormat.Of(html).Text);
        return this;
    }
}
