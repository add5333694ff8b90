using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>
/// An adapter loaded for one model, given to each run that shall use it: runs with different adapters, or none, may go on at the
/// same time. Owns its native memory; disposing it while a run uses it is safe, the memory goes when that run ends.
/// </summary>
public sealed class EoAdapter : IDisposable
{
    private readonly OrtLoraAdapter _native;

    private EoAdapter(EoModel model, AdapterTensors source, OrtLoraAdapter native, IReadOnlyList<string> notes)
    {
        (Model, Path, Metadata, _native, Notes, Digest) = (model, source.Path, source.Metadata, native, notes, new Lazy<string>(() => FileHash.Sha256(source.Path)));
        TensorNames = [.. source.Tensors.Keys.Order(StringComparer.Ordinal)];
        Manifest = source.Metadata.TryGetValue(AdapterMetadata.Manifest, out var json) ? ModelManifest.Parse(json) : null;
    }

    /// <summary>The model it was loaded for.</summary>
    public EoModel Model { get; }

    /// <summary>The file it was read from.</summary>
    public string Path { get; }

    /// <summary>SHA-256 of the file, computed when it is first asked for.</summary>
    internal Lazy<string> Digest { get; }

    /// <summary>The task it was trained for, when the file says so.</summary>
    public ModelManifest? Manifest { get; }

    /// <summary>The file's metadata: recipe, metrics, identity of the base. Empty for <c>.onnx_adapter</c> files.</summary>
    public IReadOnlyDictionary<string, string> Metadata { get; }

    /// <summary>Names of the tensors it replaces, in ordinal order.</summary>
    public IReadOnlyList<string> TensorNames { get; }

    /// <summary>Remarks made while loading, for example that the base could not be checked.</summary>
    public IReadOnlyList<string> Notes { get; }

    internal static EoAdapter Load(EoModel model, string path)
    {
        var source = AdapterTensors.Read(path);
        var notes = new List<string>();
        CheckBase(model, source, notes);
        CheckNames(model, source);
        var tensors = source.Tensors.ToDictionary(item => item.Key, item => Fitted(model.AdapterSlots[item.Key], item.Value, source.Path), StringComparer.Ordinal);
        try
        {
            return new EoAdapter(model, source, OrtLoraAdapter.Create(new OnnxAdapterFile(tensors).ToBytes(), null), notes);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new ModelException($"{source.Path} cannot be made into an adapter. ONNX Runtime says: {failure.Message}", failure);
        }
    }

    /// <summary>Activates it for one run; the returned scope keeps the native memory until the run has ended.</summary>
    internal Lease Activate(RunOptions options)
    {
        var added = false;
        _native.DangerousAddRef(ref added); // throws ObjectDisposedException after Dispose
        options.AddActiveLoraAdapter(_native);
        return new Lease(_native);
    }

    /// <summary>Frees the native memory as soon as no run uses it.</summary>
    public void Dispose() => _native.Dispose();

    private static void CheckBase(EoModel model, AdapterTensors source, List<string> notes)
    {
        var (wanted, found) = (source.Metadata.GetValueOrDefault(AdapterMetadata.BaseSha256), model.Manifest.WeightsSha256);
        if (wanted is null || found is null)
        {
            notes.Add(wanted is null
                ? $"{source.Path} does not say which base it was trained on; only names and shapes were checked."
                : $"{model.Path} does not state the identity of its weights; only names and shapes were checked.");
        }
        else if (!string.Equals(wanted, found, StringComparison.OrdinalIgnoreCase))
        {
            throw new ModelException($"{source.Path} was trained on the base {source.Metadata.GetValueOrDefault(AdapterMetadata.BaseName, "(unnamed)")} with weights {wanted}; " +
                $"{model.Path} is {model.Manifest.Name} with weights {found}. Use the model it was trained with, or train it again on this one.");
        }
    }

    private static void CheckNames(EoModel model, AdapterTensors source)
    {
        if (model.AdapterSlots.Count == 0)
        {
            throw new ModelException($"{model.Path} has no slots for adapters. Use the model.onnx that train-adapter wrote beside the adapter.");
        }

        var unknown = source.Tensors.Keys.Where(name => !model.AdapterSlots.ContainsKey(name)).Order(StringComparer.Ordinal).ToList();
        // A LoRA pair that is absent keeps its default, which changes nothing; any other default is untrained.
        var missing = model.AdapterSlots.Keys.Where(name => !source.Tensors.ContainsKey(name) && LoraTensors.Partner(name) is null).ToList();
        if (unknown.Count + missing.Count > 0)
        {
            throw new ModelException($"{source.Path} does not fit {model.Path}." + Listed(" It holds tensors that the model has no slot for", unknown) + Listed(" It lacks tensors that the model needs", missing));
        }
    }

    private static string Listed(string title, List<string> names) => names.Count == 0 ? ""
        : $"{title}: {string.Join(", ", names.Take(10))}{(names.Count > 10 ? $" and {names.Count - 10} more" : "")}.";

    private static TensorData Fitted(ModelTensor slot, TensorData tensor, string path)
    {
        if (slot.Shape.Count != tensor.Shape.Length || slot.Shape.Where((extent, axis) => extent >= 0 && extent != tensor.Shape[axis]).Any())
        {
            throw new ModelException($"{path}: '{slot.Name}' has the shape [{string.Join(", ", tensor.Shape)}]; the model takes {slot}.");
        }

        return slot.Type == tensor.Type ? tensor
            : slot.Type == ElementType.Float ? TensorData.FromValues<float>(tensor.Shape.AsSpan(), tensor.ToSingles())
            : throw new ModelException($"{path}: '{slot.Name}' holds {tensor.Type}; the model takes {slot.Type}.");
    }

    internal readonly struct Lease(OrtLoraAdapter native) : IDisposable
    {
        public void Dispose() => native.DangerousRelease();
    }
}
