using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints.Torch;

/// <summary>
/// The meaning of the classes and functions that weights are made of: tensors, parameters, ordered dictionaries, NumPy numbers and arrays.
/// It is a fixed list of names; everything else stays a <see cref="PickleRecord"/>.
/// </summary>
/// <remarks>Source: <c>torch/_utils.py</c> and <c>torch/serialization.py</c> for the order of the arguments.</remarks>
internal sealed class TorchObjects(IStorageSource storages)
{
    private static readonly Dictionary<string, ElementType> ElementTypesByName = new(StringComparer.Ordinal)
    {
        ["float32"] = ElementType.Float, ["float"] = ElementType.Float, ["float64"] = ElementType.Double, ["double"] = ElementType.Double,
        ["float16"] = ElementType.Float16, ["half"] = ElementType.Float16, ["bfloat16"] = ElementType.BFloat16, ["int64"] = ElementType.Int64,
        ["int32"] = ElementType.Int32, ["int16"] = ElementType.Int16, ["int8"] = ElementType.Int8, ["uint8"] = ElementType.UInt8,
        ["uint16"] = ElementType.UInt16, ["uint32"] = ElementType.UInt32, ["uint64"] = ElementType.UInt64, ["bool"] = ElementType.Bool,
        ["float8_e4m3fn"] = ElementType.Float8E4M3, ["float8_e5m2"] = ElementType.Float8E5M2,
    };

    /// <summary>The meaning of a value whose children already have theirs.</summary>
    /// <exception cref="FileFormatException">A tensor leaves its storage, a key occurs twice, an argument is missing.</exception>
    public PickleValue MeaningOf(PickleValue value)
    {
        if (value is PickleMapping mapping)
        {
            mapping.Index();
            return mapping;
        }

        return value is PickleRecord { IsReference: false } record ? MeaningOf(record) : value;
    }

    private PickleValue MeaningOf(PickleRecord record)
    {
        var arguments = record.Arguments;
        return (record.Module, record.Name) switch
        {
            (PickleReader.PersistentModule, _) => Persistent(record, arguments[0]),
            ("torch._utils", "_rebuild_tensor" or "_rebuild_tensor_v2") => Tensor(record, arguments, typeAt: null),
            ("torch._utils", "_rebuild_tensor_v3") => Tensor(record, arguments, typeAt: 6),
            ("torch._utils", "_rebuild_parameter" or "_rebuild_parameter_with_state") => arguments is [PickleTensor data, ..] ? data : record,
            ("torch._tensor", "_rebuild_from_type_v2") => FromType(record, arguments),
            ("torch", "Size") => arguments is [PickleSequence sizes] ? new PickleSequence(PickleSequenceKind.Tuple, [.. sizes.Items]) : record,
            ("torch", "device") => Device(record, arguments),
            ("collections", "OrderedDict" or "defaultdict" or "Counter") => Dictionary(record, arguments),
            ("builtins" or "__builtin__", "set" or "frozenset") => arguments is [PickleSequence items] ? new PickleSequence(PickleSequenceKind.Set, [.. items.Items]) : record,
            ("_codecs", "encode") => NumpyObjects.Latin1(arguments) ?? record,
            ("numpy.core.multiarray" or "numpy._core.multiarray", "scalar") => NumpyObjects.Scalar(arguments) ?? record,
            ("numpy.core.multiarray" or "numpy._core.multiarray", "_reconstruct") => NumpyObjects.ArrayOf(record.State) ?? record,
            _ => record,
        };
    }

    private static PickleValue Persistent(PickleRecord record, PickleValue identifier) =>
        StorageReference.Read(identifier) is { } storage ? new PickleStorage(storage)
        : identifier.Items is [{ Text: "module" }, var module, ..] ? module   // legacy files keep the source of a class beside its name
        : record;

    private PickleValue Tensor(PickleRecord record, IReadOnlyList<PickleValue> arguments, int? typeAt)
    {
        if (arguments.Count < 4 || arguments[0] is not PickleStorage { Reference: var storage } || arguments[1].Integer is not { } offset)
        {
            throw new FileFormatException($"the tensor {record} is malformed; expected a storage, an offset, extents and strides.");
        }

        var type = typeAt is { } at ? NameOf(arguments, at) is { } name && ElementTypesByName.TryGetValue(name, out var named) ? named : null : storage.Type;
        if (type is not { } known)
        {
            return record;   // complex, quantized: the rest of the file is readable all the same
        }

        var (shape, strides) = (Numbers(arguments[2]), Numbers(arguments[3]));
        return shape is null || strides is null
            ? throw new FileFormatException($"the tensor {record} is malformed; expected its extents and strides as tuples of whole numbers.")
            : new PickleTensor(StridedTensor.Create(storages.Find(storage), storage, known, offset, shape, strides, storages.IsBigEndian));
    }

    private static string? NameOf(IReadOnlyList<PickleValue> arguments, int index) =>
        index < arguments.Count && arguments[index] is PickleRecord { IsReference: true, Module: "torch" } type ? type.Name : null;

    private static long[]? Numbers(PickleValue value)
    {
        if (value is not PickleSequence || value.Items.Count > 64)
        {
            return null;
        }

        var numbers = new long[value.Items.Count];
        for (var i = 0; i < numbers.Length; i++)
        {
            if (value.Items[i].Integer is not { } number)
            {
                return null;
            }

            numbers[i] = number;
        }

        return numbers;
    }

    // (function, type, arguments, state): a tensor with attributes of its own, or of a subclass.
    private PickleValue FromType(PickleRecord record, IReadOnlyList<PickleValue> arguments) =>
        arguments is [PickleRecord { IsReference: true } function, _, PickleSequence { Form: PickleSequenceKind.Tuple } inner, ..]
            ? MeaningOf(new PickleRecord(function.Module, function.Name, inner.Items)) is PickleTensor tensor ? tensor : record
            : record;

    private static PickleValue Device(PickleRecord record, IReadOnlyList<PickleValue> arguments) => arguments switch
    {
        [PickleText kind] => kind,
        [PickleText kind, { Integer: { } index }] => new PickleText($"{kind.Value}:{index}"),
        _ => record,
    };

    private static PickleMapping Dictionary(PickleRecord record, IReadOnlyList<PickleValue> arguments)
    {
        // Entries follow the call, or are its argument: a dictionary, or (as Python 2 wrote it) a list of pairs.
        if (record.HasDictionary)
        {
            return record.Dictionary;
        }

        var mapping = new PickleMapping();
        switch (arguments is [.., var last] ? last : null)
        {
            case PickleMapping given:
                mapping.Share(given);
                break;
            case PickleSequence pairs:
                foreach (var pair in pairs.Items)
                {
                    if (pair.Items is not [var key, var value])
                    {
                        throw new FileFormatException($"a dictionary is made of {pair.Kind}; expected pairs.");
                    }

                    mapping.Add(key, value);
                }

                break;
        }

        mapping.Index();
        return mapping;
    }
}
