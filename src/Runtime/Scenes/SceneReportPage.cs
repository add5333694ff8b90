using System.Globalization;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>The report of a map for people: picture, areas, counts, bands, origin, times and memory on one page.</summary>
internal static class SceneReportPage
{
    /// <summary>The page.</summary>
    /// <param name="report">What was done.</param>
    /// <param name="tags">Tags of the map: where it comes from.</param>
    /// <param name="legend">Its classes; null for maps of values.</param>
    /// <param name="picture">A small picture of the map, PNG.</param>
    public static ReportPage Of(SceneReport report, IReadOnlyDictionary<string, string> tags, ClassLegend? legend, byte[] picture)
    {
        var (plan, pixels, seconds) = (report.Plan, report.Pixels, report.Seconds);
        var page = new ReportPage(Path.GetFileName(report.Map), report.Embedding is null ? $"{report.Content} map of {Path.GetFileName(report.Source)}" : $"Embedding of {Path.GetFileName(report.Source)}");
        page.Warnings(report.Warnings).Image(picture, "image/png", Caption(report));
        if (report.Classes.Count > 0)
        {
            AddClasses(page, report, legend!);
        }

        if (report.Values.Count > 0)
        {
            var values = new ReportTable(new("band"), new("unit"), new("smallest", IsNumber: true), new("mean", IsNumber: true), new("largest", IsNumber: true));
            foreach (var value in report.Values)
            {
                values.Add(value.Name, value.Unit ?? "", Text($"{value.Low:G6}"), Text($"{value.Mean:G6}"), Text($"{value.High:G6}"));
            }

            page.Section("Values").Table(values);
        }

        if (report.Place is { } place)
        {
            page.Section("Place").Facts(
                ("coordinates", place.Crs ?? "a system without a code"), ("west, east", Text($"{place.West:G9}, {place.East:G9}")), ("south, north", Text($"{place.South:G9}, {place.North:G9}")),
                ("pixel", Text($"{place.PixelWidth:G6} x {place.PixelHeight:G6}")));
        }

        page.Section("Pixels").Facts(
            ("total", Text($"{pixels.Total:N0}")), ("predicted", Text($"{pixels.Predicted:N0}{(pixels.SquareKilometres is { } area ? Text($" ({area:N3} km²)") : "")}")),
            ("nodata", Text($"{pixels.NoData:N0}")), ("masked", Text($"{pixels.Masked:N0}")), ("unreadable", Text($"{pixels.Unreadable:N0}")));
        var bands = new ReportTable(new("channel"), new("band", IsNumber: true), new("name"), new("matched by"), new("scale", IsNumber: true), new("offset", IsNumber: true), new("mean", IsNumber: true), new("deviation", IsNumber: true));
        foreach (var channel in report.Channels)
        {
            bands.Add(channel.Channel, Text($"{channel.Band}"), channel.Name, channel.MatchedBy, Text($"{channel.Scale:G6}"), Text($"{channel.Offset:G6}"), Text($"{channel.Mean:F3}"), Text($"{channel.StandardDeviation:F3}"));
        }

        page.Section("Bands").Text("Mean and deviation are those after standardisation: about 0 and 1 for data like the training data.").Table(bands);
        page.Section("Origin").Facts([("scene", report.Source), .. report.Command is { } command ? [("command", command)] : Array.Empty<(string, string)>(), ("model", report.Model), ("adapter", report.Adapter ?? "none"), .. tags.Select(tag => (tag.Key, tag.Value))]);
        page.Section("Run").Facts([
            ("tiles", Text($"{plan.Tiles:N0} of {plan.TileSize} px, overlap {plan.OverlapSize} ({plan.Blend}), {plan.Skipped:N0} without data, {plan.Batch} a call, {plan.Panels} panels")),
            .. plan.ResumedRows > 0 ? [("continued at row", Text($"{plan.ResumedRows:N0}"))] : Array.Empty<(string, string)>(),
            ("speed", Text($"{report.Rate.PixelsPerSecond:N0} px/s, {report.Rate.TilesPerSecond:F1} tiles/s, model busy {report.Rate.ModelShare * 100:F0} % of the time")),
            .. report.Io is { Bytes: { } bytes } ? [("read", Text($"{bytes / 1048576.0:N1} MiB, the scene's files have {report.Io.SourceBytes / 1048576.0:N1} MiB; {report.Io.Calls:N0} calls{(report.Io.Requests > 0 ? Text($", {report.Io.Requests:N0} requests to servers for {report.Io.DownloadedBytes / 1048576.0:N1} MiB") : "")}"))] : Array.Empty<(string, string)>(),
            .. report.Energy is { } energy ? [("energy", Text($"{energy.Joules / 3600:N2} Wh, {energy.Method}{(energy.Co2Grams is { } grams ? Text($"; {grams:N2} g CO₂") : "")}"))] : Array.Empty<(string, string)>()]);
        page.Chart(new BarChart("Seconds by stage; stages overlap",
            [Bar("open", seconds.Open), Bar("read", seconds.Read), Bar("prepare", seconds.Prepare), Bar("model", seconds.Model), Bar("blend", seconds.Blend), Bar("write", seconds.Write), Bar("finish", seconds.Finish), Bar("total", seconds.Total)]));
        var memory = new ReportTable(new("memory for"), new("MiB", IsNumber: true));
        foreach (var part in report.Memory.Plan.Parts)
        {
            memory.Add(part.Name, Text($"{part.Bytes / 1048576.0:N1}"));
        }

        return page.Section("Memory").Table(memory.Add("all", Text($"{report.Memory.Plan.TotalBytes / 1048576.0:N1}")))
            .Text(Text($"Of {report.Memory.Plan.BudgetBytes >> 20:N0} MiB allowed; the process took {report.Memory.PeakBytes / 1048576.0:N0} MiB at most."));
    }

    private static string Caption(SceneReport report)
    {
        var cell = report.Embedding?.Cell ?? 1;
        var size = new PixelSize((report.Plan.Width + cell - 1) / cell, (report.Plan.Height + cell - 1) / cell);
        var shown = QuickLook.SizeOf(size);
        return (shown == size ? Text($"{size.Width} x {size.Height} pixels") : Text($"{size.Width} x {size.Height} pixels, thinned to {shown.Width} x {shown.Height}"))
            + (report.Place is { } place ? Text($" of {place.PixelWidth:G6} x {place.PixelHeight:G6}, north is up") : "")
            + (report.Embedding is not null ? "; red, green and blue are the first three principal components" : report.Content == MapContent.Value ? "; dark is low and bright is high, from the 2nd to the 98th percentile" : report.Content == MapContent.Probability ? "; the last class, bright where it is probable" : "")
            + (report.Pixels.NoData > 0 ? "; grey has no data" : "");
    }

    private static void AddClasses(ReportPage page, SceneReport report, ClassLegend legend)
    {
        var table = new ReportTable(new("class", IsNumber: true), new("name"), new("pixels", IsNumber: true), new("share", IsNumber: true), new("km²", IsNumber: true), new("mean confidence", IsNumber: true));
        var bars = new List<ReportBar>();
        foreach (var item in report.Classes)
        {
            var share = 100.0 * item.Pixels / Math.Max(1, report.Pixels.Predicted);
            var (red, green, blue) = legend.Colors[item.Id];
            var color = Text($"#{red:x2}{green:x2}{blue:x2}");
            table.Add(Text($"{item.Id}"), new ReportCell(item.Name, color), Text($"{item.Pixels:N0}"), Text($"{share:F2} %"), item.SquareKilometres is { } area ? Text($"{area:N3}") : "", item.Confidence is { } sure ? Text($"{sure:F3}") : "");
            bars.Add(new ReportBar(item.Name, item.SquareKilometres ?? item.Pixels, item.SquareKilometres is { } placed ? Text($"{placed:N3} km²") : Text($"{item.Pixels:N0} px"), color));
        }

        page.Section("Classes").Table(table).Chart(new BarChart(report.Pixels.SquareKilometres is null ? "Pixels by class" : "Area by class", bars));
    }

    private static ReportBar Bar(string stage, double seconds) => new(stage, Math.Max(0, seconds), Text($"{seconds:F2} s"));

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
