using System.Buffers.Binary;
using System.Text;
using EoOnnx.Export.Checkpoints.Pickles;
using EoOnnx.Export.Checkpoints.Torch;
using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints;

/// <summary>
/// A file with weights: a zip or legacy file of <c>torch.save</c>, a Lightning checkpoint, a <c>.safetensors</c> file. What it is is seen from
/// its content, not from its name. Nothing in it is executed; tensors are slices of the mapped file wherever their layout allows it.
/// </summary>
public sealed class Checkpoint
{
    private static readonly string[] WeightKeys = ["state_dict", "model_state_dict", "model"];

    private Checkpoint(string path, CheckpointKind kind, StateDict weights) => (Path, Kind, Weights) = (path, kind, weights);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its form.</summary>
    public CheckpointKind Kind { get; }

    /// <summary>
    /// Its tensors by name: those under <c>state_dict</c>, <c>model_state_dict</c> or <c>model</c> (also one in another) when there are any, else
    /// those at the top. Names stay as they are: see <see cref="StateDict.WithoutCommonPrefix"/>.
    /// </summary>
    public StateDict Weights { get; }

    /// <summary>Everything a PyTorch file holds, as inert values; null for <c>.safetensors</c>.</summary>
    public PickleValue? Root { get; private init; }

    /// <summary>The text metadata of a <c>.safetensors</c> file; empty for others.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; private init; } = new Dictionary<string, string>();

    /// <summary>Version of Lightning that wrote the checkpoint; null when another program did.</summary>
    public string? LightningVersion => Root?["pytorch-lightning_version"]?.Text;

    /// <summary>
    /// What the Lightning module was made with, for example <c>HyperParameters?.Find("model_args", "backbone")?.Text</c>; null when the file has
    /// none. Classes, enums and other objects in it are records of their names.
    /// </summary>
    public PickleValue? HyperParameters => Root?["hyper_parameters"];

    /// <summary>Opens a checkpoint.</summary>
    /// <exception cref="FileFormatException">The file is damaged or of a kind that is not known; the message names it.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static Checkpoint Open(string path)
    {
        var file = MappedFile.Open(path);
        var start = file.Slice(0, Math.Min(file.Length, 512)).ToArray();
        if (IsSafetensors(start, file.Length))
        {
            var tensors = SafetensorsFile.Open(path);
            return new Checkpoint(path, CheckpointKind.Safetensors, new StateDict(path, tensors.Tensors)) { Metadata = tensors.Metadata };
        }

        try
        {
            if (start.AsSpan().StartsWith("PK\x3\x4"u8))
            {
                return OfPickle(path, CheckpointKind.TorchZip, TorchZipFile.Read(file));
            }

            if (start is [0x80, >= 2 and <= 5, ..])
            {
                var (root, isTorch) = TorchLegacyFile.Read(file);
                return OfPickle(path, isTorch ? CheckpointKind.TorchLegacy : CheckpointKind.Pickle, root);
            }
        }
        catch (FileFormatException failure)
        {
            throw new FileFormatException($"{path} is not a readable checkpoint: {failure.Message}", failure);
        }

        throw new FileFormatException($"{path} is not a checkpoint: {Explain(start)} Expected a file of torch.save, a Lightning .ckpt or a .safetensors file.");
    }

    /// <summary>True when the file starts as a checkpoint does, whatever its name; its content may still be damaged.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static bool Recognizes(string path)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        var start = new byte[16];
        start = start[..stream.ReadAtLeast(start, start.Length, throwOnEndOfStream: false)];
        return IsSafetensors(start, stream.Length) || start.AsSpan().StartsWith("PK\x3\x4"u8) || start is [0x80, >= 2 and <= 5, ..];
    }

    private static bool IsSafetensors(byte[] start, long length) =>
        start.Length > 8 && start[8] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) is var header && header <= (ulong)(length - 8);

    private static Checkpoint OfPickle(string path, CheckpointKind kind, PickleValue root) => new(path, kind, new StateDict(path, TensorsOf(root))) { Root = root };

    private static Dictionary<string, TensorData> TensorsOf(PickleValue root)
    {
        var level = root;
        for (var depth = 0; depth < WeightKeys.Length; depth++)
        {
            if (Array.Find(WeightKeys, key => HoldsTensors(level[key])) is not { } found)
            {
                break;
            }

            level = level[found]!;
        }

        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        foreach (var (key, value) in level.Entries)
        {
            if (key is PickleText { Value: var name } && value.Tensor is { } tensor)
            {
                tensors.Add(name, tensor);
            }
        }

        return tensors.Count > 0 ? tensors : throw new FileFormatException(Absent(root));

        static bool HoldsTensors(PickleValue? value) => value is not null
            && (value.Entries.Any(entry => entry.Value is PickleTensor) || Array.Exists(WeightKeys, key => value[key] is { } inner && inner.Entries.Any(entry => entry.Value is PickleTensor)));
    }

    private static string Absent(PickleValue root) => root switch
    {
        PickleRecord record => $"it holds {record.Kind} instead of a state_dict. Save model.state_dict() instead of the model.",
        { Entries.Count: > 0 } => $"it holds no tensors; at its top are {string.Join(", ", root.Entries.Take(5).Select(entry => entry.Key.ToString()))}{(root.Entries.Count > 5 ? ", …" : "")}. Expected a state_dict, at the top or under {string.Join(", ", WeightKeys)}.",
        _ => $"it holds {root.Kind}; expected a state_dict.",
    };

    // The usual accidents of a download are worth their own words.
    private static string Explain(byte[] start)
    {
        var text = Encoding.Latin1.GetString(start);
        return start.Length == 0 ? "it is empty."
            : text.StartsWith("version https://git-lfs", StringComparison.Ordinal) ? "it is a Git LFS pointer; fetch the file itself with: git lfs pull."
            : text.TrimStart().StartsWith('<') ? "it is a web page; the download was answered with a message instead of the file."
            : start.AsSpan().StartsWith("\x89HDF"u8) ? "it is an HDF5 file."
            : text.Length > 262 && text[257..262] == "ustar" ? "it is a tar archive, as PyTorch wrote before 0.1.10; load and save it again with a newer PyTorch."
            : $"it starts with {Convert.ToHexString(start.AsSpan(0, Math.Min(start.Length, 8)))}.";
    }
}
