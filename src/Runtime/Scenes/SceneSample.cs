using EoOnnx.Raster;

namespace EoOnnx.Runtime;

/// <summary>Valid pixels of small windows that are spread over the scene, as they are stored.</summary>
internal sealed class SceneSample
{
    private const int FewestAnAxis = 2, MostAnAxis = 4, BlocksAWindow = 8, Edge = 64;

    private SceneSample(IReadOnlyList<List<float>> values) => (Values, Means) = (values, [.. values.Select(channel => channel.Count == 0 ? double.NaN : channel.Average(value => (double)value))]);

    /// <summary>Values of each channel, pixel by pixel.</summary>
    public IReadOnlyList<List<float>> Values { get; }

    public IReadOnlyList<double> Means { get; }

    public int Count => Values[0].Count;

    /// <summary>Reads four to sixteen windows, each where a block of the file begins: little of the scene is decoded for it.</summary>
    public static SceneSample Read(SceneJob job, CancellationToken cancellation)
    {
        int[] bands = [.. job.Bands.Select(band => band.Source.Index)];
        var values = job.Bands.Select(_ => new List<float>()).ToList();
        using var reader = job.Scene.OpenReader();
        var block = job.Bands[0].Source.BlockSize;
        var blocks = ((job.Window.Width / block.Width) + 1L) * ((job.Window.Height / block.Height) + 1);
        var across = Math.Clamp((int)Math.Sqrt(blocks / BlocksAWindow), FewestAnAxis, MostAnAxis);
        foreach (var window in Enumerable.Range(0, across * across).Select(i => Window(job.Window, block, i % across, i / across, across)).Distinct())
        {
            cancellation.ThrowIfCancellationRequested();
            var (pixels, valid) = (new float[window.Area * bands.Length], new byte[window.Area]);
            try
            {
                reader.Read(window, bands, pixels.AsSpan());
                reader.ReadValidity<float>(window, bands, pixels, job.Options.Validity, valid);
            }
            catch (RasterException) when (job.Options.OnError == ErrorMode.NoData)
            {
                continue; // the run itself counts what cannot be read
            }

            for (var i = 0; i < valid.Length; i++)
            {
                for (var channel = 0; channel < bands.Length && valid[i] != 0; channel++)
                {
                    values[channel].Add(pixels[(channel * valid.Length) + i]);
                }
            }
        }

        return new SceneSample(values);
    }

    /// <summary>The sample without pixels that hold a value in all channels.</summary>
    public SceneSample Without(double value)
    {
        var kept = Enumerable.Range(0, Count).Where(i => Values.Any(channel => channel[i] != value)).ToList();
        return new SceneSample([.. Values.Select(channel => kept.Select(i => channel[i]).ToList())]);
    }

    private static PixelWindow Window(PixelWindow scene, PixelSize block, int column, int row, int across)
    {
        var (x, width) = Span(scene.X, scene.Width, block.Width, column, across);
        var (y, height) = Span(scene.Y, scene.Height, block.Height, row, across);
        return new PixelWindow(x, y, width, height);
    }

    private static (int Start, int Length) Span(int start, int length, int block, int index, int across)
    {
        var middle = start + (int)(length * (index + 0.5) / across);
        var first = Math.Clamp(middle / block * block, start, start + length - 1);
        first = middle - first > block / 2 && block > 4 * Edge ? middle : first; // giant blocks are cut anywhere
        return (first, Math.Min(Edge, start + length - first));
    }
}
