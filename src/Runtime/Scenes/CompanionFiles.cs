using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Makes the files beside a map from the map itself, which is complete but has not got its name yet.</summary>
internal static class CompanionFiles
{
    /// <summary>Makes them all; each appears when it is complete.</summary>
    /// <param name="job">The job that made the map; its companions have names.</param>
    /// <param name="map">The map under its temporary name.</param>
    /// <param name="rows">Its rows in the work area: of many bands, a row is read there at once.</param>
    /// <param name="report">What was done, when these files are made.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The report as it was written.</returns>
    public static SceneReport Write(SceneJob job, string map, string rows, Func<SceneReport> report, CancellationToken cancellation)
    {
        var wanted = job.Companions;
        var picture = Picture(job, map, rows, wanted.QuickLook);
        if ((job.IsVector ? job.Path : wanted.Vector) is { } vector)
        {
            PolygonMap.Write(map, vector, job.Scene.Name, wanted.Polygons, Confidence(job, map, rows), cancellation);
        }

        var done = report() with { Files = [ScenePipeline.PagePath(job.Path), .. wanted.Files] };
        if (wanted.Style is { } style)
        {
            QgisStyle.Write(style, job, done.Values);
        }

        if (wanted.Stac is { } stac)
        {
            MapStacItem.Write(stac, job, map, done, cancellation);
        }

        done.Save(ScenePipeline.ReportPath(job.Path));
        SceneReportPage.Of(done, job.Profile.Metadata, job.Legend, picture).Save(ScenePipeline.PagePath(job.Path));
        return done;
    }

    // The probability of the class: a band of the map, or one that is kept for this only.
    private static MapConfidence Confidence(SceneJob job, string map, string rows) =>
        job.HiddenBands > 0 ? new MapConfidence(rows, job.Profile.BandCount, ClassEncoder.ConfidenceScale) : new MapConfidence(map, 2, ClassEncoder.ConfidenceScale);

    private static byte[] Picture(SceneJob job, string map, string rows, string? wanted)
    {
        var path = wanted ?? AtomicFile.TemporaryName(ScenePipeline.PagePath(job.Path));
        try
        {
            var last = job.Profile.BandCount;
            QuickLook.Write(path, [job.Content switch
            {
                MapContent.Class => QuickLookPanel.Classes(map, job.Legend!.Colors),
                MapContent.Embedding => QuickLookPanel.Components(rows, last, double.IsNaN(job.Profile.NoData!.Value) ? null : job.Profile.NoData),
                MapContent.Probability => QuickLookPanel.Composite(map, last, last, last),
                _ => QuickLookPanel.Composite(map, 1, Math.Min(2, last), Math.Min(3, last)),
            }]);
            return File.ReadAllBytes(path);
        }
        finally
        {
            if (wanted is null)
            {
                AtomicFile.Discard(path);
            }
        }
    }
}
