using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>The report of a run that fails or is cancelled: in the work area, which stays for the run that continues it.</summary>
internal static class UnfinishedReport
{
    /// <summary>Removes what an earlier run has left.</summary>
    public static CogSink Forget(CogSink sink)
    {
        File.Delete(sink.UnfinishedReportPath);
        return sink;
    }

    /// <summary>Writes the report, when the map has a work area.</summary>
    public static void Leave(IStripSink sink, Func<SceneReport> report, Exception failure)
    {
        if (sink is not CogSink { UnfinishedReportPath: var path } || !Directory.Exists(Path.GetDirectoryName(path)))
        {
            return;
        }

        try
        {
            report().Ended(failure).Save(path);
        }
        catch (Exception second) when (second is IOException or UnauthorizedAccessException)
        {
            // A full disk or a folder that is gone ended the run: the first failure says so, and is the one that is told.
        }
    }
}
