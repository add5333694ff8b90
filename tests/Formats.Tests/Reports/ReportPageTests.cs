using System.Text;
using EoOnnx.Tests;

namespace EoOnnx.Formats.Tests.Reports;

public sealed class ReportPageTests : IDisposable
{
    private const string Hostile = "</title><script>alert('x')</script><img src=x onerror=alert(1)> \"quoted\" & 'more' {0} \u0000\u202e]]>";
    private static readonly byte[] Dot = Convert.FromBase64String("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==");
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-report-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_browser_shows_titles_tables_charts_and_pictures_without_an_error_and_loads_nothing_else()
    {
        var path = Path.Combine(_folder, "report.html");
        Everything("Burn scars").Save(path);
        var view = await Chromium.OpenAsync(path, "() => [...document.querySelectorAll('svg')].map(svg => svg.getBBox().width > 100).concat([...document.images].map(image => image.naturalWidth === 1))");
        Assert.Empty(view.Errors);
        Assert.Equal("[true,true,true]", view.Answer);
        Assert.Single(view.Requests, request => !request.StartsWith("data:", StringComparison.Ordinal));
        Assert.InRange(view.ColorCount, 20, int.MaxValue);
        Assert.All(["Burn scars", "Classes", "fire", "12.5 km²", "first warning", "one pixel", "loss"], text => Assert.Contains(text, view.Text, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_hostile_name_stands_on_the_page_as_text_wherever_it_is_put()
    {
        var path = Path.Combine(_folder, "report.html");
        Everything(Hostile).Save(path);
        var view = await Chromium.OpenAsync(path, "() => [document.scripts.length, document.images.length, document.querySelectorAll('[onerror]').length]");
        Assert.Empty(view.Errors);
        Assert.Equal("[0,1,0]", view.Answer);
        Assert.Contains("<script>alert('x')</script><img src=x onerror=alert(1)> \"quoted\" & 'more' {0}", view.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_content_gives_equal_bytes_and_no_part_of_a_page_is_left_after_a_failure()
    {
        Assert.Equal(Everything("a").ToHtml(), Everything("a").ToHtml());
        Assert.Throws<DirectoryNotFoundException>(() => Everything("a").Save(Path.Combine(_folder, "absent", "report.html")));
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folder));
    }

    [Theory]
    [InlineData("red")]
    [InlineData("#12345")]
    [InlineData("#1234567")]
    [InlineData("#123456;background:url(https://example.org)")]
    public void What_is_no_colour_is_refused_by_name(string color)
    {
        Assert.Contains($"'{color}'", Assert.Throws<ArgumentException>(() => new ReportCell("a", color)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new ReportBar("a", 1, "1", color));
        Assert.Throws<ArgumentException>(() => new ReportLine("a", [], color));
    }

    [Fact]
    public void A_row_of_the_wrong_length_a_bar_below_zero_and_a_strange_picture_are_refused()
    {
        Assert.Contains("2 cells", Assert.Throws<ArgumentException>(() => new ReportTable(new ReportColumn("one")).Add("a", "b")).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReportBar("a", -1, "-1"));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ReportBar("a", double.NaN, "?"));
        Assert.Contains("text/html", Assert.Throws<ArgumentException>(() => new ReportPage("a").Image(Dot, "text/html", "")).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_chart_without_points_or_with_equal_ones_or_with_gaps_can_be_drawn()
    {
        Assert.DoesNotContain("NaN", new LineChart("t", "x", "y", []).ToSvg(), StringComparison.Ordinal);
        Assert.DoesNotContain("NaN", new LineChart("t", "x", "y", [new ReportLine("a", [(3, 7), (3, 7)])]).ToSvg(), StringComparison.Ordinal);
        var gap = new LineChart("t", "x", "y", [new ReportLine("a", [(0, 1), (1, double.NaN), (2, 3), (3, 4)])]).ToSvg();
        Assert.DoesNotContain("NaN", gap, StringComparison.Ordinal);
        Assert.Contains("d=\"M80.0 270.0M", gap, StringComparison.Ordinal); // the pen is lifted over the missing point
        Assert.DoesNotContain("NaN", new BarChart("t", [new ReportBar("a", 0, "0")]).ToSvg(), StringComparison.Ordinal);
    }

    private static ReportPage Everything(string name) => new ReportPage(name, "map of " + name)
        .Section("Classes")
        .Text("About " + name)
        .Warnings(["first warning", name])
        .Facts(("scene", name), (name, "value"))
        .Table(new ReportTable(new ReportColumn("class"), new ReportColumn("area", IsNumber: true)).Add(new ReportCell("fire", "#d02030"), "12.5 km²").Add(name, name))
        .Chart(new BarChart("area by class", [new ReportBar("fire", 12.5, "12.5 km²", "#d02030"), new ReportBar(name, 3, name)]))
        .Section("Training " + name)
        .Chart(new LineChart("loss", "step", "cross entropy", [new ReportLine("training", [(0, 1.5), (100, 0.25)]), new ReportLine(name, [(0, 1.7), (50, double.NaN), (60, 0.5), (100, 0.4)])]))
        .Image(Dot, "image/png", "one pixel");
}
