using System.Diagnostics;

namespace EoOnnx.EndToEnd;

/// <summary>How long the steps of a run of the program took when they were seen last: a start, a strip of rows, the making of the file. It follows the load of the machine.</summary>
internal sealed class RunPace
{
    private TimeSpan _start = TimeSpan.FromSeconds(1);
    private TimeSpan _strip;
    private TimeSpan _finish;

    /// <summary>Strips that a journal lists; 0 where there is none.</summary>
    public static int Strips(string journal)
    {
        try
        {
            using var stream = new FileStream(journal, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            using var reader = new StreamReader(stream);
            return reader.ReadToEnd().Count(character => character == '\n');
        }
        catch (Exception failure) when (failure is FileNotFoundException or DirectoryNotFoundException)
        {
            return 0; // not begun, or done
        }
    }

    /// <summary>Waits until a run has stored <paramref name="target"/> strips or ends, and notes how long its steps take.</summary>
    public async Task WatchAsync(Process process, string journal, int target)
    {
        var (clock, last, first, seen) = (Stopwatch.StartNew(), TimeSpan.Zero, TimeSpan.Zero, Strips(journal));
        var (stored, begun) = (seen, seen);
        while (seen < target && !process.HasExited)
        {
            await Task.Delay(1);
            seen = Math.Max(seen, Strips(journal));
            if (seen > stored)
            {
                (stored, last) = (seen, clock.Elapsed);
                (first, _start) = first == TimeSpan.Zero ? (last, last) : (first, _start);
            }
        }

        _strip = stored > begun + 1 ? (last - first) / (stored - begun - 1) : _strip;
        _finish = process.HasExited && stored > begun ? clock.Elapsed - last : _finish;
    }

    /// <summary>The length of the step that follows when <paramref name="target"/> of <paramref name="all"/> strips are stored, of which <paramref name="before"/> were there before the start.</summary>
    public TimeSpan After(int target, int before, int all) => (target == before ? _start : TimeSpan.Zero) + (target == all ? _finish : target == before ? TimeSpan.Zero : _strip);
}
