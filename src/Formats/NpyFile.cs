using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace EoOnnx.Formats;

/// <summary>
/// A <c>.npy</c> file of NumPy: one array of numbers, or of texts. Reading maps the file; the header is text that is matched, never evaluated, and
/// checked against the file's length before anything is allocated. Arrays of objects are pickles and refused.
/// </summary>
/// <remarks>Layout: <c>\x93NUMPY</c>, version, little-endian header length (u16 in version 1, u32 in 2 and 3), a Python dictionary with <c>descr</c>,
/// <c>fortran_order</c> and <c>shape</c>, data. Source: numpy.lib.format.</remarks>
public sealed partial class NpyFile
{
    private const int MaximumHeader = 10_000;   // numpy's own limit
    private const int LongestText = 4_096;
    private static readonly byte[] Magic = [0x93, .. "NUMPY"u8];

    private static readonly Dictionary<string, ElementType> Types = new(StringComparer.Ordinal)
    {
        ["f2"] = ElementType.Float16, ["f4"] = ElementType.Float, ["f8"] = ElementType.Double, ["b1"] = ElementType.Bool,
        ["i1"] = ElementType.Int8, ["i2"] = ElementType.Int16, ["i4"] = ElementType.Int32, ["i8"] = ElementType.Int64,
        ["u1"] = ElementType.UInt8, ["u2"] = ElementType.UInt16, ["u4"] = ElementType.UInt32, ["u8"] = ElementType.UInt64,
    };

    private NpyFile(TensorData? tensor, IReadOnlyList<string>? texts, IReadOnlyList<long> shape) => (Tensor, Texts, Shape) = (tensor, texts, shape);

    /// <summary>The numbers; null when the array holds texts.</summary>
    public TensorData? Tensor { get; }

    /// <summary>The texts, row-major; null when the array holds numbers.</summary>
    public IReadOnlyList<string>? Texts { get; }

    /// <summary>Extent of each axis.</summary>
    public IReadOnlyList<long> Shape { get; }

    /// <summary>Maps a file and reads its header; texts are read at once.</summary>
    /// <exception cref="FileFormatException">The file breaks a rule of the format, is not stored row by row in little-endian order, or holds another kind of element.</exception>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static NpyFile Open(string path)
    {
        var file = MappedFile.Open(path);
        return file.Length <= int.MaxValue ? Parse(path, file.Slice(0, file.Length))
            : throw new FileFormatException($"{path} has {file.Length} bytes; an array may have {int.MaxValue}. Divide it.");
    }

    /// <summary>Reads the bytes of a file; numbers are not copied.</summary>
    /// <param name="path">Its name, for messages.</param>
    /// <param name="bytes">The whole file; must not change.</param>
    /// <exception cref="FileFormatException">As <see cref="Open"/>.</exception>
    public static NpyFile Parse(string path, ReadOnlyMemory<byte> bytes)
    {
        var (start, length) = HeaderRange(path, bytes);
        var header = Encoding.Latin1.GetString(bytes.Slice(start, length).Span);
        var match = Dictionary().Match(header);
        var entries = match.Groups["key"].Captures.Zip(match.Groups["value"].Captures).ToLookup(entry => entry.First.Value, entry => entry.Second.Value, StringComparer.Ordinal);
        if (!match.Success || entries.Count != 3 || entries.Any(entry => entry.Count() != 1) || Shapes().Match(entries["shape"].Single()) is not { Success: true } extents)
        {
            throw new FileFormatException($"{path} has the header {Shown(header)}; expected {{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }}. Write the array again with numpy.save.");
        }

        if (entries["fortran_order"].Single() == "True")
        {
            throw new FileFormatException($"{path} is stored column by column (fortran_order). Write it again with numpy.save(path, numpy.ascontiguousarray(array)).");
        }

        long[] shape = [.. extents.Groups["extent"].Captures.Select(extent => long.Parse(extent.Value, NumberStyles.None, CultureInfo.InvariantCulture))];
        var descr = entries["descr"].Single().Trim('\'');
        return Read(path, bytes[(start + length)..], descr, shape);
    }

    private static (int Start, int Length) HeaderRange(string path, ReadOnlyMemory<byte> bytes)
    {
        if (bytes.Length < 12 || !bytes.Span.StartsWith(Magic))
        {
            throw new FileFormatException($"{path} is no NPY file: it does not begin with \\x93NUMPY. Write arrays with numpy.save.");
        }

        var version = bytes.Span[Magic.Length];
        var (start, length) = version switch
        {
            1 => (10, (long)BinaryPrimitives.ReadUInt16LittleEndian(bytes.Span[8..])),
            2 or 3 => (12, BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span[8..])),
            _ => throw new FileFormatException($"{path} has version {version} of the NPY format; known are 1, 2 and 3."),
        };
        return length <= Math.Min(MaximumHeader, bytes.Length - start) ? (start, (int)length)
            : throw new FileFormatException($"{path} announces a header of {length} bytes; the file has {bytes.Length} and a header may have {MaximumHeader}.");
    }

    private static NpyFile Read(string path, ReadOnlyMemory<byte> data, string descr, long[] shape)
    {
        var (order, kind) = descr[0] is '<' or '>' or '|' or '=' ? (descr[0], descr[1..]) : ('=', descr);
        if (order == '>')
        {
            throw new FileFormatException($"{path} holds '{descr}', big-endian numbers. Write it again with numpy.save(path, array.astype('<{kind}')).");
        }

        var isText = kind[0] == 'U' && int.TryParse(kind.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var width) && width is >= 1 and <= LongestText;
        if (!isText && !Types.ContainsKey(kind))
        {
            throw new FileFormatException($"{path} holds '{descr}'; read are {string.Join(", ", Types.Keys)} and texts U1 to U{LongestText}.{(kind[0] == 'O' ? " Objects are pickles, which are never loaded: convert the array first, for example with array.astype(str)." : "")}");
        }

        var size = isText ? 4L * int.Parse(kind.AsSpan(1), CultureInfo.InvariantCulture) : Types[kind].SizeInBytes();
        long count;
        try
        {
            count = TensorData.CountOf(shape);
        }
        catch (FileFormatException failure)
        {
            throw new FileFormatException($"{path}: {failure.Message}", failure);
        }

        if (count * size != data.Length)
        {
            throw new FileFormatException($"{path} describes {count} elements of {size} bytes ({descr}, [{string.Join(", ", shape)}]) and has {data.Length} bytes of them. It is truncated or damaged.");
        }

        return isText ? new NpyFile(null, ReadTexts(path, data.Span, (int)count, (int)size), shape) : new NpyFile(TensorData.FromBytes(Types[kind], shape, data), null, shape);
    }

    private static string[] ReadTexts(string path, ReadOnlySpan<byte> data, int count, int size)
    {
        var encoding = new UTF32Encoding(bigEndian: false, byteOrderMark: false, throwOnInvalidCharacters: true);
        var texts = new string[count];
        for (var i = 0; i < count; i++)
        {
            try
            {
                texts[i] = encoding.GetString(data.Slice(i * size, size)).TrimEnd('\0');
            }
            catch (ArgumentException failure)
            {
                throw new FileFormatException($"{path}: text {i} has a code that is no character. The file is damaged.", failure);
            }
        }

        return texts;
    }

    private static string Shown(string header)
    {
        var line = header.Trim();
        return line.Length <= 200 && line.All(letter => letter is >= ' ' and <= '~') ? line : $"of {header.Length} bytes";
    }

    // Every entry ends in a comma or before the brace, so there is one way to match and no backtracking over spaces.
    [GeneratedRegex(@"^\{[ ]*(?:'(?<key>descr|fortran_order|shape)'[ ]*:[ ]*(?<value>'[^'\s]{1,40}'|True|False|\([0-9L, ]{0,600}\))[ ]*(?:,[ ]*|(?=\})))*\}\s*$", RegexOptions.CultureInvariant)]
    private static partial Regex Dictionary();

    // (), (3,), (3, 4): at most 32 axes of at most 18 digits.
    [GeneratedRegex(@"^\((?:[ ]*(?<extent>[0-9]{1,18})L?[ ]*(?:,|(?=\)))){0,32}[ ]*\)$", RegexOptions.CultureInvariant)]
    private static partial Regex Shapes();
}
