using System.Buffers.Binary;
using System.Globalization;
using System.Numerics;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>
/// Files of <c>torch.save</c> before PyTorch 1.6: five pickles in a row (magic number, protocol, machine, value, names of the storages), then
/// each storage as a 64-bit number of elements and its bytes. A file with a single pickle and nothing else is read too.
/// </summary>
/// <remarks>Source: <c>_legacy_save</c> in <c>torch/serialization.py</c>. Numbers are little-endian whatever machine wrote them.</remarks>
internal sealed class TorchLegacyFile : IStorageSource
{
    private const int Protocol = 1001;
    private static readonly BigInteger Magic = BigInteger.Parse("1950A86A20F9469CFC6C", NumberStyles.HexNumber, CultureInfo.InvariantCulture);

    private readonly Dictionary<string, StorageBytes> _storages = new(StringComparer.Ordinal);

    private TorchLegacyFile()
    {
    }

    /// <inheritdoc />
    public bool IsBigEndian => false;

    /// <summary>Reads the value of a file that starts with a pickle.</summary>
    /// <returns>The value, and whether it is a file of <c>torch.save</c> or a plain pickle.</returns>
    /// <exception cref="FileFormatException">Truncated, damaged, or a storage of another size than its references say.</exception>
    public static (PickleValue Root, bool IsTorch) Read(MappedFile file)
    {
        long position = 0;
        var first = Next();
        if (first.Root is not PickleInteger { Value: var number } || number != Magic)
        {
            return (PickleWalk.Resolve(first.Root, new TorchObjects(new NoStorages()).MeaningOf), false);
        }

        if (Next().Root is not { Integer: Protocol })
        {
            throw new FileFormatException($"it is a file of torch.save of another protocol than {Protocol}. Load and save it again with a newer PyTorch.");
        }

        Next();   // sizes of C types on the machine that wrote it
        var document = Next();
        var keys = PickleWalk.Resolve(Next().Root, value => value);
        var source = new TorchLegacyFile();
        source.ReadStorages(file, position, document, keys);
        return (PickleWalk.Resolve(document.Root, new TorchObjects(source).MeaningOf), true);

        PickleDocument Next()
        {
            var next = PickleReader.Read(file.Slice(position, Math.Min(file.Length - position, int.MaxValue)));
            position += next.Length;
            return next;
        }
    }

    /// <inheritdoc />
    public StorageBytes Find(StorageReference reference) => _storages.TryGetValue(reference.Key, out var bytes)
        ? bytes
        : throw new FileFormatException($"the file lacks the storage '{reference.Key}'. It is damaged.");

    private void ReadStorages(MappedFile file, long position, PickleDocument document, PickleValue keys)
    {
        var elementSizes = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var record in document.Persistent)
        {
            if (StorageReference.Read(record.Arguments[0]) is { } reference)
            {
                elementSizes[reference.Key] = reference.ElementSize;
            }
        }

        foreach (var item in keys.Items)
        {
            var key = item.Text ?? throw new FileFormatException($"the list of storages holds {item.Kind}; expected names.");
            if (!elementSizes.TryGetValue(key, out var size))
            {
                throw new FileFormatException($"the storage '{key}' is listed, but nothing in the file says what it holds.");
            }

            var count = BinaryPrimitives.ReadInt64LittleEndian(file.Slice(position, sizeof(long)).Span);
            position += sizeof(long);
            if (count < 0 || count > (file.Length - position) / size)
            {
                throw new FileFormatException($"the storage '{key}' has {count} elements of {size} bytes at byte {position}; the file has {file.Length} bytes. The file is truncated or damaged.");
            }

            var start = position;
            if (!_storages.TryAdd(key, new StorageBytes(count * size, (offset, length) => file.Slice(start + offset, length))))
            {
                throw new FileFormatException($"the storage '{key}' is listed twice.");
            }

            position += count * size;
        }

        GC.KeepAlive(file);
    }
}
