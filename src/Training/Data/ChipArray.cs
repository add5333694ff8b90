using System.IO.Compression;
using EoOnnx.Formats;
using EoOnnx.Raster;

namespace EoOnnx.Training.Data;

/// <summary>
/// A chip's file of NumPy: <c>.npy</c>, or <c>.npz</c> with one array, or with images and labels under their usual names. [row, column],
/// [band, row, column], [row, column, band] when the last axis is the shortest, or [date, band, row, column]. NaN is missing.
/// </summary>
internal sealed class ChipArray : ChipRaster
{
    private const long LargestArray = 1L << 30;
    private static readonly string[] ImageNames = ["image", "images", "img", "x", "data", "arr_0"], LabelNames = ["label", "labels", "mask", "masks", "target", "y"];

    private readonly float[] _values;
    private readonly bool _bandsLast;

    private ChipArray(string path, TensorData data)
    {
        var shape = data.Shape;
        _bandsLast = shape.Length == 3 && shape[2] < shape[0] && shape[2] < shape[1];
        if (shape.Length is < 2 or > 4 || data.Count == 0)
        {
            throw new TrainingDataException($"{path} is an array [{string.Join(", ", shape)}]; expected [row, column], [band, row, column], [row, column, band] or [date, band, row, column].");
        }

        (Path, Type, Bands) = (path, data.Type.ToString(), (int)(_bandsLast ? shape[2] : shape.Length == 4 ? shape[0] * shape[1] : shape.Length == 3 ? shape[0] : 1));
        Size = _bandsLast ? new PixelSize((int)shape[1], (int)shape[0]) : new PixelSize((int)shape[^1], (int)shape[^2]);
        _values = data.ToSingles();
    }

    public override string Path { get; }

    public override PixelSize Size { get; }

    public override int Bands { get; }

    public override IReadOnlyList<string> BandNames => [.. Enumerable.Repeat("", Bands)];

    public override string Type { get; }

    /// <summary>Whether a file is of NumPy, by its extension.</summary>
    public static bool IsArray(string path) => System.IO.Path.GetExtension(path).ToUpperInvariant() is ".NPY" or ".NPZ";

    /// <summary>Reads a file.</summary>
    /// <exception cref="EoOnnxException">It is damaged, holds no numbers, or has other axes.</exception>
    public static new ChipArray Open(string path, bool labels)
    {
        var array = path.EndsWith(".npz", StringComparison.OrdinalIgnoreCase) ? Member(path, labels) : NpyFile.Open(path);
        return new ChipArray(path, array.Tensor ?? throw new TrainingDataException($"{path} holds texts; an image is an array of numbers."));
    }

    public override void Read(PixelWindow window, ReadOnlySpan<int> bands, ValidityOptions validity, float replacement, Span<float> destination)
    {
        var (next, plane) = (0, Size.Width * Size.Height);
        foreach (var band in bands)
        {
            var (start, step) = _bandsLast ? (band - 1, Bands) : ((band - 1) * plane, 1);
            for (var row = window.Y; row < window.Bottom; row++)
            {
                for (var column = window.X; column < window.Right; column++)
                {
                    var value = _values[start + (((row * Size.Width) + column) * step)];
                    destination[next++] = float.IsNaN(value) || value == (float?)validity.Override ? replacement : value;
                }
            }
        }
    }

    public override void Dispose()
    {
    }

    private static NpyFile Member(string path, bool labels)
    {
        try
        {
            using var archive = ZipFile.OpenRead(path);
            var members = archive.Entries.Where(entry => entry.FullName.EndsWith(".npy", StringComparison.Ordinal)).ToDictionary(entry => entry.FullName[..^4], StringComparer.Ordinal);
            var name = members.Count == 1 ? members.Keys.Single() : (labels ? LabelNames : ImageNames).FirstOrDefault(members.ContainsKey) ?? throw new TrainingDataException(
                $"{path} has the arrays {string.Join(", ", members.Keys)}; expected one, or one called {string.Join(", ", labels ? LabelNames : ImageNames)}.");
            var entry = members[name].Length <= LargestArray ? members[name] : throw new TrainingDataException($"{path} announces {members[name].Length} bytes of '{name}'; a chip has at most {LargestArray}. Divide it.");
            var bytes = new byte[entry.Length];
            using var content = entry.Open();
            content.ReadExactly(bytes);
            return NpyFile.Parse($"{path}:{entry.FullName}", bytes);
        }
        catch (Exception failure) when (failure is InvalidDataException or EndOfStreamException or ArgumentException)
        {
            throw new TrainingDataException($"{path} is no archive of arrays: {failure.Message} Write it again with numpy.savez.", failure);
        }
    }
}
