using System.Text.Json.Nodes;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>A reference from a pickle to a block of numbers elsewhere in the file; several tensors may share one.</summary>
/// <param name="Key">Name of the block.</param>
/// <param name="Type">Element type; null for one that EoOnnx has no tensors of (complex, quantized).</param>
/// <param name="TypeName">PyTorch's name of the storage class.</param>
/// <param name="Count">Number of elements of this storage.</param>
/// <param name="First">Element of the block at which this storage starts: only views in old files start elsewhere than at 0.</param>
/// <remarks>Where the numbers were in memory (<c>cpu</c>, <c>cuda:0</c>) is part of the reference too, and of no interest here.</remarks>
internal sealed record StorageReference(string Key, ElementType? Type, string TypeName, long Count, long First)
{
    private static readonly Dictionary<string, ElementType> Types = new(StringComparer.Ordinal)
    {
        ["FloatStorage"] = ElementType.Float, ["DoubleStorage"] = ElementType.Double, ["HalfStorage"] = ElementType.Float16,
        ["BFloat16Storage"] = ElementType.BFloat16, ["LongStorage"] = ElementType.Int64, ["IntStorage"] = ElementType.Int32,
        ["ShortStorage"] = ElementType.Int16, ["CharStorage"] = ElementType.Int8, ["ByteStorage"] = ElementType.UInt8,
        ["BoolStorage"] = ElementType.Bool, ["UntypedStorage"] = ElementType.UInt8,
    };

    /// <summary>Bytes of the block before this storage.</summary>
    public long StartByte => checked(First * ElementSize);

    /// <summary>Bytes of an element; complex numbers of 16 bytes are the largest.</summary>
    public int ElementSize => Type?.SizeInBytes() ?? (TypeName == "ComplexFloatStorage" ? 8 : TypeName == "ComplexDoubleStorage" ? 16 : 1);

    /// <summary>Reads <c>('storage', class, key, device, count[, view])</c>; null when it refers to something else than a storage.</summary>
    /// <exception cref="FileFormatException">It is malformed, or of a size that cannot be.</exception>
    public static StorageReference? Read(PickleValue identifier)
    {
        var items = identifier.Items;
        if (items.Count < 5 || items[0].Text != "storage")
        {
            return null;
        }

        if (items[1] is not PickleRecord { IsReference: true, Name: var typeName } || KeyOf(items[2]) is not { } key || items[4].Integer is not (>= 0 and < (1L << 48) and var count))
        {
            throw new FileFormatException($"the storage reference {identifier} is malformed; expected a storage class, a key and a number of elements.");
        }

        var first = 0L;
        if (items.Count > 5 && items[5] is { IsNone: false } view)
        {
            if (view.Items is not [var viewKey, { Integer: >= 0 and < (1L << 48) and var offset }, { Integer: >= 0 and < (1L << 48) and var size }]
                || KeyOf(viewKey) is null || offset > count || size > count - offset)
            {
                throw new FileFormatException($"the storage '{key}' of {count} elements has the view {view}, which does not lie within it.");
            }

            (first, count) = (offset, size);
        }

        return new StorageReference(key, Types.TryGetValue(typeName, out var type) ? type : null, typeName, count, first);
    }

    private static string? KeyOf(PickleValue value) => value.Text ?? (value.Integer is { } number ? $"{number}" : null);
}

/// <summary>A storage in the tree of values; tensors are made of it.</summary>
internal sealed class PickleStorage(StorageReference reference) : PickleValue
{
    public StorageReference Reference => reference;

    public override string Kind => $"a {reference.TypeName} of {reference.Count}";

    private protected override JsonNode? WriteJson(ref int left) => JsonValue.Create($"<{Kind}>");
}

/// <summary>The bytes of one block.</summary>
/// <param name="Length">How many there are.</param>
/// <param name="Slice">Bytes from an offset, of a length; both lie within the block.</param>
/// <param name="IsMapped">True when a slice costs nothing; false when it unpacks the block.</param>
internal sealed record StorageBytes(long Length, Func<long, long, ReadOnlyMemory<byte>> Slice, bool IsMapped = true);

/// <summary>The blocks of a file.</summary>
internal interface IStorageSource
{
    /// <summary>True when numbers are stored with the most significant byte first.</summary>
    bool IsBigEndian { get; }

    /// <summary>The block of that name.</summary>
    /// <exception cref="FileFormatException">The file has none.</exception>
    StorageBytes Find(StorageReference reference);
}

/// <summary>A file without blocks: a plain pickle.</summary>
internal sealed class NoStorages : IStorageSource
{
    public bool IsBigEndian => false;

    public StorageBytes Find(StorageReference reference) =>
        throw new FileFormatException($"the storage '{reference.Key}' lies outside the pickle, and the file has nothing but the pickle.");
}
