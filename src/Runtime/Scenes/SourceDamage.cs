using System.Globalization;
using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>What a run does about a part of the scene that cannot be read.</summary>
public enum ErrorMode
{
    /// <summary>Stop and name the part; the work area stays.</summary>
    Fail,

    /// <summary>Make it nodata in the map, count it in the report, and stop only when it is too much.</summary>
    NoData,
}

/// <summary>Watches the files of a scene while they are read, and keeps account of what cannot be read. Safe from several threads.</summary>
internal sealed class SourceDamage
{
    private const int ListedParts = 8;
    private readonly SceneJob _job;
    private readonly List<WatchedFile> _files;
    private readonly Lock _gate = new();
    private readonly List<string> _parts = [];
    private int _count;

    public SourceDamage(SceneJob job)
    {
        _job = job;
        _files = [.. (job.Options.Opening?.Files ?? job.Scene.Files).Where(File.Exists).Select(file => new WatchedFile(file))];
    }

    /// <summary>Bytes of the scene's local files.</summary>
    public long SourceBytes => _files.Sum(file => file.Bytes);

    /// <summary>Pixels that could not be read.</summary>
    public long Pixels { get; private set; }

    /// <summary>What the user should know.</summary>
    public IReadOnlyList<string> Warnings => _count == 0 ? []
        : [string.Create(CultureInfo.InvariantCulture, $"{_count} parts of {_job.Scene.Name} could not be read; their {Pixels} pixels are nodata in the map: {string.Join("; ", _parts)}{(_count > ListedParts ? " …" : "")}")];

    /// <summary>Compares the files of the scene with what they were when the run began.</summary>
    /// <exception cref="RasterException">One has changed or is gone.</exception>
    public void CheckFiles()
    {
        foreach (var file in _files)
        {
            var (path, state) = (file.Path, file.Look());
            if (state == WatchedFile.State.Gone)
            {
                throw new RasterException($"{path} has vanished while it was being read; no map is written. Bring it back unchanged and give the same command to continue, or discard what is done with --restart.");
            }

            if (state == WatchedFile.State.Changed)
            {
                throw new RasterException($"{path} has changed while it was being read; no map is written. Make the map of the new file with --restart.");
            }
        }
    }

    /// <summary>Takes note of a part that cannot be read.</summary>
    /// <exception cref="RasterException">The run shall stop: by its options, or because too much is lost.</exception>
    public void Add(PixelWindow part, RasterException failure)
    {
        if (_job.Options.OnError == ErrorMode.Fail)
        {
            throw failure;
        }

        lock (_gate)
        {
            Pixels += part.Area;
            if (_count++ < ListedParts)
            {
                _parts.Add($"{part}");
            }

            var share = (double)Pixels / ((double)_job.Window.Width * _job.Window.Height);
            if (share > _job.Options.MostDamage)
            {
                throw new RasterException(string.Create(CultureInfo.InvariantCulture,
                    $"{Pixels} pixels of {_job.Scene.Name} ({share:P1}) cannot be read, more than the {_job.Options.MostDamage:P1} that --max-bad allows. The last of them: {failure.Message}"), failure);
            }
        }
    }
}
