using System.Text;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>
/// The format of <c>torch.save</c> since PyTorch 1.6: a zip archive with one folder of any name that holds <c>data.pkl</c>, the storages
/// <c>data/0</c>, <c>data/1</c>, … and, in newer files, <c>byteorder</c>.
/// </summary>
internal sealed class TorchZipFile : IStorageSource
{
    private const string PickleName = "data.pkl";

    private readonly ZipIndex _archive;
    private readonly string _folder;
    private readonly Dictionary<string, StorageBytes> _storages = new(StringComparer.Ordinal);

    private TorchZipFile(ZipIndex archive, string folder, bool isBigEndian) => (_archive, _folder, IsBigEndian) = (archive, folder, isBigEndian);

    /// <inheritdoc />
    public bool IsBigEndian { get; }

    /// <summary>Reads the value of a file.</summary>
    /// <exception cref="FileFormatException">The archive or the pickle is damaged, or the archive is not PyTorch's.</exception>
    public static PickleValue Read(MappedFile file)
    {
        var archive = ZipIndex.Open(file);
        var pickles = archive.Names.Where(name => name == PickleName || name.EndsWith('/' + PickleName, StringComparison.Ordinal)).Take(2).ToList();
        if (pickles.Count != 1)
        {
            throw new FileFormatException(pickles.Count == 0
                ? $"it is a zip archive without {PickleName} (it has {string.Join(", ", archive.Names.Take(5))}): not a file of torch.save."
                : $"it has more than one {PickleName}: {string.Join(" and ", pickles)}.");
        }

        var folder = pickles[0][..^PickleName.Length];
        var source = new TorchZipFile(archive, folder, ReadByteOrder(archive, folder + "byteorder"));
        var pickle = archive.Read(pickles[0]);
        var document = PickleReader.Read(pickle.Slice(0, pickle.Length));
        return PickleWalk.Resolve(document.Root, new TorchObjects(source).MeaningOf);
    }

    /// <inheritdoc />
    public StorageBytes Find(StorageReference reference)
    {
        if (!_storages.TryGetValue(reference.Key, out var bytes))
        {
            _storages[reference.Key] = bytes = _archive.Read($"{_folder}data/{reference.Key}");
        }

        return bytes;
    }

    private static bool ReadByteOrder(ZipIndex archive, string name)
    {
        if (!archive.Contains(name))
        {
            return false;
        }

        var bytes = archive.Read(name);
        var order = bytes.Length <= 16 ? Encoding.ASCII.GetString(bytes.Slice(0, bytes.Length).Span).Trim() : $"{bytes.Length} bytes";
        return order switch
        {
            "little" => false,
            "big" => true,
            _ => throw new FileFormatException($"its byte order is '{order}'; expected little or big."),
        };
    }
}
