namespace EoOnnx.Raster;

/// <summary>One picture of a quick look: three bands as red, green and blue, one band of classes in their colours, or the main components of many bands.</summary>
public sealed record QuickLookPanel
{
    private QuickLookPanel(string path, IReadOnlyList<int> bands, IReadOnlyList<(byte Red, byte Green, byte Blue)>? colors) =>
        (Path, Bands, Colors) = (path, bands, colors);

    /// <summary>The raster.</summary>
    public string Path { get; }

    internal IReadOnlyList<int> Bands { get; }

    /// <summary>Red, green and blue are the first three principal components of the bands.</summary>
    internal bool ShowsComponents { get; private init; }

    internal ValidityOptions Validity { get; private init; } = new();

    internal IReadOnlyList<(byte Red, byte Green, byte Blue)>? Colors { get; }

    /// <summary>Three bands, each stretched from its 2nd to its 98th percentile.</summary>
    /// <param name="path">The raster.</param>
    /// <param name="red">1-based band shown as red.</param>
    /// <param name="green">1-based band shown as green.</param>
    /// <param name="blue">1-based band shown as blue.</param>
    public static QuickLookPanel Composite(string path, int red, int green, int blue) => new(path, [red, green, blue], null);

    /// <summary>The first three principal components of all bands, each stretched from its 2nd to its 98th percentile: what an embedding tells apart looks apart.</summary>
    /// <param name="path">The raster.</param>
    /// <param name="bands">Number of its bands.</param>
    /// <param name="noData">Value of missing pixels, where the file does not say; null goes by the file.</param>
    public static QuickLookPanel Components(string path, int bands, double? noData = null) =>
        new(path, [.. Enumerable.Range(1, bands)], null) { ShowsComponents = true, Validity = new ValidityOptions { Override = noData } };

    /// <summary>Class numbers of the first band.</summary>
    /// <param name="path">The raster.</param>
    /// <param name="colors">Colour of each class, from 0; missing pixels and classes without a colour are grey.</param>
    public static QuickLookPanel Classes(string path, IReadOnlyList<(byte Red, byte Green, byte Blue)> colors) => new(path, [1], colors);
}

/// <summary>Small PNG pictures of rasters beside each other, for a first look. Reads a row at a time.</summary>
public static class QuickLook
{
    private const int Gap = 8;
    private const byte Missing = 160;
    private const int MostPixels = 1024;

    /// <summary>Size of a panel.</summary>
    /// <param name="scene">Size of its raster.</param>
    /// <param name="maximumEdge">Longest edge of a panel in pixels.</param>
    public static PixelSize SizeOf(PixelSize scene, int maximumEdge = MostPixels)
    {
        var step = StepOf(scene, maximumEdge);
        return new PixelSize((scene.Width + step - 1) / step, (scene.Height + step - 1) / step);
    }

    /// <summary>Writes the panels from left to right, atomically.</summary>
    /// <param name="path">The PNG file.</param>
    /// <param name="panels">Rasters of equal size.</param>
    /// <param name="maximumEdge">Longest edge of a panel in pixels; larger rasters are thinned, not averaged, so that class borders stay sharp.</param>
    /// <exception cref="RasterException">A raster cannot be read, or the sizes differ.</exception>
    public static void Write(string path, IReadOnlyList<QuickLookPanel> panels, int maximumEdge = MostPixels)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(panels.Count, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumEdge, 16);
        using var first = RasterDataset.Open(panels[0].Path);
        var scene = first.Size;
        var (step, panel) = (StepOf(scene, maximumEdge), SizeOf(scene, maximumEdge));
        var picture = new PixelSize((panel.Width * panels.Count) + (Gap * (panels.Count - 1)), panel.Height);
        var pixels = new byte[3 * picture.Width * picture.Height];
        pixels.AsSpan().Fill(byte.MaxValue);
        foreach (var (index, source) in panels.Index())
        {
            using var raster = RasterDataset.Open(source.Path);
            if (raster.Size != scene)
            {
                throw new RasterException($"{raster.Name} is {raster.Size.Width} x {raster.Size.Height}; {first.Name} beside it is {scene.Width} x {scene.Height}. A quick look needs rasters of one size.");
            }

            var (values, valid) = source.ShowsComponents ? Components(raster, source, panel, step) : Thin(raster, source.Bands, panel, step);
            Draw(source, values, valid, panel, pixels, index * (panel.Width + Gap), picture);
        }

        PngWriter.Write(path, picture, pixels);
    }

    private static int StepOf(PixelSize scene, int maximumEdge) => (Math.Max(scene.Width, scene.Height) + maximumEdge - 1) / maximumEdge;

    private static (float[] Values, byte[] Valid) Thin(RasterDataset raster, IReadOnlyList<int> bands, PixelSize panel, int step)
    {
        var plane = panel.Width * panel.Height;
        var (values, valid) = (new float[bands.Count * plane], new byte[plane]);
        var (row, rowValid) = (new float[bands.Count * raster.Size.Width], new byte[raster.Size.Width]);
        using var reader = raster.OpenReader();
        int[] list = [.. bands];
        for (var y = 0; y < panel.Height; y++)
        {
            var window = new PixelWindow(0, y * step, raster.Size.Width, 1);
            reader.Read(window, list, row);
            reader.ReadValidity(window, list, row, new ValidityOptions(), rowValid);
            for (var x = 0; x < panel.Width; x++)
            {
                valid[(y * panel.Width) + x] = rowValid[x * step];
                for (var band = 0; band < bands.Count; band++)
                {
                    values[(band * plane) + (y * panel.Width) + x] = row[(band * raster.Size.Width) + (x * step)];
                }
            }
        }

        return (values, valid);
    }

    // The directions come from a sample of rows; then each row is read again and projected, so that memory holds one row of all bands.
    private static (float[] Values, byte[] Valid) Components(RasterDataset raster, QuickLookPanel source, PixelSize panel, int step)
    {
        const int channels = 3, mostSamples = 4096;
        var (count, width, plane) = (source.Bands.Count, raster.Size.Width, panel.Width * panel.Height);
        var (row, rowValid, vector, position) = (new float[count * width], new byte[width], new float[count], new float[channels]);
        var (values, valid) = (new float[channels * plane], new byte[plane]);
        int[] list = [.. source.Bands];
        using var reader = raster.OpenReader();
        var (samples, skip) = (new List<float>(), Math.Max(1, plane / mostSamples));
        for (var pixel = skip / 2; pixel < plane; pixel += skip)
        {
            if (pixel / panel.Width != (pixel - skip) / panel.Width || pixel < skip)
            {
                ReadRow(pixel / panel.Width);
            }

            if (rowValid[pixel % panel.Width * step] != 0)
            {
                Gather(pixel % panel.Width);
                samples.AddRange(vector);
            }
        }

        var components = PrincipalComponents.Of(System.Runtime.InteropServices.CollectionsMarshal.AsSpan(samples), count, channels);
        for (var y = 0; y < panel.Height; y++)
        {
            ReadRow(y);
            for (var x = 0; x < panel.Width; x++)
            {
                Gather(x);
                components.Project(vector, position);
                valid[(y * panel.Width) + x] = rowValid[x * step];
                for (var channel = 0; channel < channels; channel++)
                {
                    values[(channel * plane) + (y * panel.Width) + x] = position[channel];
                }
            }
        }

        return (values, valid);

        void ReadRow(int y)
        {
            var window = new PixelWindow(0, y * step, width, 1);
            reader.Read(window, list, row);
            reader.ReadValidity(window, list, row, source.Validity, rowValid);
        }

        void Gather(int x)
        {
            for (var band = 0; band < count; band++)
            {
                vector[band] = row[(band * width) + (x * step)];
            }
        }
    }

    private static void Draw(QuickLookPanel source, float[] values, byte[] valid, PixelSize panel, byte[] pixels, int left, PixelSize picture)
    {
        var (plane, area) = (panel.Width * panel.Height, picture.Width * picture.Height);
        var ranges = source.Colors is null ? Enumerable.Range(0, values.Length / plane).Select(band => Range(values.AsSpan(band * plane, plane), valid)).ToArray() : [];
        for (var i = 0; i < plane; i++)
        {
            var target = (i / panel.Width * picture.Width) + left + (i % panel.Width);
            for (var channel = 0; channel < 3; channel++)
            {
                pixels[(channel * area) + target] = valid[i] == 0 ? Missing
                    : source.Colors is { } colors ? Channel(colors, values[i], channel)
                    : Stretch(values[(channel * plane) + i], ranges[channel]);
            }
        }
    }

    private static byte Channel(IReadOnlyList<(byte Red, byte Green, byte Blue)> colors, float value, int channel) =>
        value >= 0 && value < colors.Count && colors[(int)value] is var color ? channel == 0 ? color.Red : channel == 1 ? color.Green : color.Blue : Missing;

    private static byte Stretch(float value, (float Low, float High) range) =>
        range.High > range.Low ? (byte)Math.Clamp(255 * (value - range.Low) / (range.High - range.Low), 0, 255) : (byte)127;

    private static (float Low, float High) Range(ReadOnlySpan<float> values, byte[] valid)
    {
        var kept = new List<float>(values.Length);
        for (var i = 0; i < values.Length; i++)
        {
            if (valid[i] != 0)
            {
                kept.Add(values[i]);
            }
        }

        kept.Sort();
        return kept.Count == 0 ? (0, 0) : (kept[(int)(0.02 * (kept.Count - 1))], kept[(int)(0.98 * (kept.Count - 1))]);
    }
}
