using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Makes the files beside a map from the map itself, which is complete but has not got its name yet.</summary>
internal static class CompanionFiles
{
    private const int Confidence = 2;

    /// <summary>Makes them all; each appears when it is complete.</summary>
    /// <param name="job">The job that made the map; its companions have names.</param>
    /// <param name="map">The map under its temporary name.</param>
    /// <param name="report">What was done, when these files are made.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The report as it was written.</returns>
    public static SceneReport Write(SceneJob job, string map, Func<SceneReport> report, CancellationToken cancellation)
    {
        var wanted = job.Companions;
        var picture = Picture(job, map, wanted.QuickLook);
        if (wanted.Vector is { } vector)
        {
            PolygonMap.Write(map, vector, job.Scene.Name, wanted.Polygons, job.Options.Confidence == ConfidenceBand.Maximum ? Confidence : null, cancellation);
        }

        var done = report() with { Files = [ScenePipeline.PagePath(job.Path), .. wanted.Files] };
        if (wanted.Stac is { } stac)
        {
            MapStacItem.Write(stac, job, map, done);
        }

        done.Save(ScenePipeline.ReportPath(job.Path));
        SceneReportPage.Of(done, job.Profile.Metadata, job.Legend, picture).Save(ScenePipeline.PagePath(job.Path));
        return done;
    }

    private static byte[] Picture(SceneJob job, string map, string? wanted)
    {
        var path = wanted ?? AtomicFile.TemporaryName(ScenePipeline.PagePath(job.Path));
        try
        {
            var last = job.Profile.BandCount;
            QuickLook.Write(path, [job.Content switch
            {
                MapContent.Class => QuickLookPanel.Classes(map, job.Legend!.Colors),
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
