using EoOnnx.Raster;

namespace EoOnnx.Runtime.Tests.Scenes;

/// <summary>
/// How QGIS Deepness maps an entire layer without nodata, in its own order: the layer grows to the right and to the top until whole tiles fit, what lies
/// outside is 0, each tile writes all but half the overlap, later tiles overwrite earlier ones, and the canvas is one of bytes.
/// Source: Deepness 0.6.5, processing/extent_utils.py, tile_params.py, processing_utils.py, map_processor/map_processor_{segmentation,regression,superresolution}.py.
/// </summary>
/// <param name="model">The model; run on tiles that are cut here.</param>
/// <param name="tile">Its tile edge.</param>
/// <param name="overlap">Pixels that neighbours share.</param>
/// <param name="batch">Tiles a call.</param>
internal sealed class DeepnessSimulation(EoModel model, int tile, int overlap, int batch = 1)
{
    private int Stride => tile - overlap;

    public float[] Mean { get; init; } = [0, 0, 0];

    public float[] Deviation { get; init; } = [1, 1, 1];

    /// <summary>For each output, one more than the class of each pixel; 0 where no tile has written.</summary>
    public byte[][] Segment(byte[] pixels, PixelSize scene, float threshold, int median = 0) => Map(pixels, scene, answer =>
    {
        var (channels, area) = (answer.Channels, answer.Edge * answer.Edge);
        return [.. Enumerable.Range(0, area).Select(i =>
        {
            var cut = Enumerable.Range(0, channels).Select(channel => answer.Values[(channel * area) + i] is var value && value < threshold ? 0 : value).ToArray();
            return (byte)((channels == 1 ? cut[0] != 0 ? 1 : 0 : Array.IndexOf(cut, cut.Max())) + 1);
        })];
    }, median);

    /// <summary>For each output, the values of each pixel as a canvas of bytes holds them.</summary>
    public byte[][] Regress(byte[] pixels, PixelSize scene, float scaling) =>
        Map(pixels, scene, answer => [.. answer.Values[..(answer.Edge * answer.Edge)].Select(value => (byte)(value * scaling))], median: 0);

    /// <summary>[channel, row, column] on the finer grid; neighbours must share nothing, or Deepness fails. No key of the file says the scaling: it stands in a field of the window.</summary>
    public byte[] SuperResolve(byte[] pixels, PixelSize scene, int factor, float scaling = 1)
    {
        Assert.Equal(0, overlap);
        byte[]? map = null;
        foreach (var (left, top, answers) in Answers(pixels, scene))
        {
            var answer = answers[0];
            map ??= new byte[answer.Channels * scene.Area * factor * factor];
            for (var i = 0; i < answer.Values.Length; i++)
            {
                var (channel, y, x) = (i / answer.Edge / answer.Edge, ((top - Above(scene)) * factor) + (i / answer.Edge % answer.Edge), (left * factor) + (i % answer.Edge));
                if (x < scene.Width * factor && y >= 0)
                {
                    map[(((channel * scene.Height * factor) + y) * scene.Width * factor) + x] = (byte)(answer.Values[i] * scaling);
                }
            }
        }

        return map!;
    }

    private byte[][] Map(byte[] pixels, PixelSize scene, Func<Answer, byte[]> tileResult, int median)
    {
        var (width, height) = (Extended(scene.Width), Extended(scene.Height));
        byte[][]? canvas = null;
        foreach (var (left, top, answers) in Answers(pixels, scene))
        {
            canvas ??= [.. answers.Select(_ => new byte[width * height])];
            for (var output = 0; output < answers.Count; output++)
            {
                var (edge, values) = (answers[output].Edge, tileResult(answers[output]));
                var offset = (tile - edge) / 2;
                var half = Math.Max((overlap / 2) - (2 * offset), 0);
                var (firstX, endX) = Written(left, width, half, offset);
                var (firstY, endY) = Written(top, height, half, offset);
                for (var y = firstY; y < endY; y++)
                {
                    values.AsSpan(((y - top - offset) * edge) + firstX - left - offset, endX - firstX).CopyTo(canvas[output].AsSpan((y * width) + firstX));
                }
            }
        }

        return [.. canvas!.Select(map => Cropped(Blurred(map, width, height, (median / 2 * 2) + 1), width, scene, Above(scene)))];
    }

    // tile_params.py, get_slice_on_full_image_for_copying.
    private (int First, int End) Written(int start, int length, int half, int offset) =>
        (start + (start == 0 ? 0 : half) + offset, start + tile - (start + tile == length ? 0 : half) - offset);

    private int Extended(int length) => length <= tile ? tile : tile + ((length - tile + Stride - 1) / Stride * Stride);

    // extent_utils.py, calculate_extended_processing_extent: the largest y, which is the north, moves.
    private int Above(PixelSize scene) => Extended(scene.Height) - scene.Height;

    private IEnumerable<(int Left, int Top, IReadOnlyList<Answer> Answers)> Answers(byte[] pixels, PixelSize scene)
    {
        var places = (from top in Starts(scene.Height) from left in Starts(scene.Width) select (Left: left, Top: top)).ToList();
        foreach (var group in places.Chunk(batch))
        {
            var images = group.SelectMany(place => Cut(pixels, scene, place.Left, place.Top)).ToArray();
            var scores = model.Run(images, [group.Length, Mean.Length, tile, tile], [.. model.Outputs.Select(output => output.Name)]);
            for (var i = 0; i < group.Length; i++)
            {
                yield return (group[i].Left, group[i].Top, [.. scores.Select(score =>
                {
                    var values = score.ToSingles();
                    var length = values.Length / group.Length;
                    return new Answer(values[(i * length)..((i + 1) * length)], score.Shape.Length == 4 ? (int)score.Shape[1] : 1, (int)score.Shape[^1]);
                })]);
            }
        }
    }

    private IEnumerable<int> Starts(int length) => Enumerable.Range(0, ((Extended(length) - tile) / Stride) + 1).Select(i => i * Stride);

    private IEnumerable<float> Cut(byte[] pixels, PixelSize scene, int left, int top) => Enumerable.Range(0, Mean.Length * tile * tile).Select(i =>
    {
        var (band, y, x) = (i / tile / tile, top - Above(scene) + (i / tile % tile), left + (i % tile));
        var stored = x < scene.Width && y >= 0 ? pixels[(((band * scene.Height) + y) * scene.Width) + x] : 0;
        return ((float)(stored * 1.0 / 255.0) - Mean[band]) / Deviation[band];
    });

    // cv2.medianBlur of the whole canvas, whose edge pixels repeat.
    private static byte[] Blurred(byte[] canvas, int width, int height, int window) => window == 1 ? canvas : [.. Enumerable.Range(0, canvas.Length).Select(i =>
        Enumerable.Range(0, window * window).Select(j => canvas[(Math.Clamp((i / width) + (j / window) - (window / 2), 0, height - 1) * width) + Math.Clamp((i % width) + (j % window) - (window / 2), 0, width - 1)])
            .Order().ElementAt(window * window / 2))];

    private static byte[] Cropped(byte[] canvas, int width, PixelSize scene, int above) => [.. Enumerable.Range(0, (int)scene.Area).Select(i => canvas[(((i / scene.Width) + above) * width) + (i % scene.Width)])];

    private sealed record Answer(float[] Values, int Channels, int Edge);
}
