using EoOnnx.Formats;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Runtime;

/// <summary>
/// A model loaded into ONNX Runtime. Thread-safe: several scenes may run on one model at the same time, each run with its own
/// adapter. Owns the native session; adapters loaded from it must be disposed by whoever loaded them.
/// </summary>
public sealed class EoModel : IDisposable
{
    private readonly InferenceSession _session;
    private readonly OrtMemoryInfo _memory = new(OrtMemoryInfo.allocatorCPU, OrtAllocatorType.DeviceAllocator, 0, OrtMemType.Default);

    private readonly EoModelOptions _options;

    private EoModel(string path, InferenceSession session, Device device, EoModelOptions options, IReadOnlyList<string> notes)
    {
        _options = options;
        (Path, _session, Device, Digest) = (path, session, device, new Lazy<string>(() => Provenance.ModelDigest(path)));
        Inputs = [.. session.InputNames.Select(name => Describe(name, session.InputMetadata[name]))];
        Outputs = [.. session.OutputNames.Select(name => Describe(name, session.OutputMetadata[name]))];
        var metadata = session.ModelMetadata.CustomMetadataMap;
        Input = Inputs.FirstOrDefault(IsImage) ?? (metadata.ContainsKey(ModelManifest.MetadataKey) ? Inputs.FirstOrDefault(input => input.Type == ElementType.Float) ?? (Inputs.Count > 0 ? Inputs[0] : null) : null) ?? throw WrongInputs();
        DeepnessKind = DefaultManifest.KindOf(path, metadata, options);
        Manifest = DefaultManifest.Read(path, metadata, Input, Outputs, DeepnessKind);
        Notes = notes;
        if (TakesImages && Inputs.Count > 1 && Inputs.Any(input => Manifest.Modalities.All(modality => modality.Input != input.Name)))
        {
            throw WrongInputs();
        }

        var replaceable = session.OverridableInitializerMetadata.OrderBy(item => item.Key, StringComparer.Ordinal)
            .ToDictionary(item => item.Key, item => Describe(item.Key, item.Value), StringComparer.Ordinal);
        OptionalInputs = [.. Manifest.OptionalInputs.Select(input => replaceable.Remove(input.Name, out var tensor) ? tensor
            : throw new ModelException($"The manifest of {path} names an optional input '{input.Name}', which the graph does not have. Export it again."))];
        AdapterSlots = replaceable;

        ModelException WrongInputs() => new($"{path} has the inputs {string.Join("; ", Inputs)}; expected one float input [batch, bands, height, width] or [batch, bands, frames, height, width], " +
            "or one for each modality that its manifest lists. Make other inputs constants when the model is exported.");
    }

    /// <summary>The file it was loaded from.</summary>
    public string Path { get; }

    /// <summary>SHA-256 of the file, computed when it is first asked for.</summary>
    internal Lazy<string> Digest { get; }

    /// <summary>What the model says about itself; for models of other makers, what can be derived from the graph.</summary>
    public ModelManifest Manifest { get; }

    /// <summary>For a model that was made for QGIS Deepness, its kind in capitals, empty when the file names none; null for other models.</summary>
    internal string? DeepnessKind { get; }

    /// <summary>Where it runs; never <see cref="DeviceKind.Auto"/>.</summary>
    public Device Device { get; }

    /// <summary>Threads of one operator; 0 where ONNX Runtime chooses.</summary>
    public int Threads => ProcessorCores.ThreadsFor(_options.Threads);

    /// <summary>Remarks made while loading, for example why a GPU is not used.</summary>
    public IReadOnlyList<string> Notes { get; }

    /// <summary>The image input; of a model of several modalities, the first image; of a model of series or tables, the first array of floats; of a model of token ids alone, the first of them.</summary>
    public ModelTensor Input { get; }

    /// <summary>False for a model of series or tables of single pixels, such as Presto, and of token ids alone: it takes named arrays and cannot map a scene.</summary>
    public bool TakesImages => IsImage(Input);

    /// <summary>The inputs that every run must give, in graph order: one image, or one for each modality of the manifest.</summary>
    public IReadOnlyList<ModelTensor> Inputs { get; }

    /// <summary>Inputs that a run may give, such as date and place; left out, they have their default.</summary>
    public IReadOnlyList<ModelTensor> OptionalInputs { get; }

    /// <summary>The outputs, in graph order.</summary>
    public IReadOnlyList<ModelTensor> Outputs { get; }

    /// <summary>The outputs that are maps: those that the manifest lists, else the one that is mapped without a choice.</summary>
    public IReadOnlyList<string> MapOutputs => Manifest.Heads.Count > 0 ? [.. Manifest.Heads.Select(head => head.Output)] : [SceneModel.DefaultOutput(this)];

    /// <summary>Tensors that an adapter may replace, by name in ordinal order.</summary>
    public IReadOnlyDictionary<string, ModelTensor> AdapterSlots { get; }

    /// <summary>Loads a model, with its external data file when it has one.</summary>
    /// <exception cref="ModelException">There is no such file, ONNX Runtime refuses it, or the device is not available.</exception>
    /// <exception cref="FileFormatException">The manifest is damaged.</exception>
    public static EoModel Load(string path, EoModelOptions? options = null)
    {
        options ??= new EoModelOptions();
        if (!File.Exists(path))
        {
            throw new ModelException($"There is no model {path}. Make one with: eoonnx export");
        }

        var notes = new List<string>();
        var (session, device) = Open(path, options, notes);
        try
        {
            return new EoModel(path, session, device, options, notes);
        }
        catch
        {
            session.Dispose();
            throw;
        }
    }

    /// <summary>
    /// Loads an adapter: <c>adapter.safetensors</c>, a PEFT folder or an <c>.onnx_adapter</c> file. LoRA's scale alpha / r is folded in.
    /// </summary>
    /// <returns>The adapter, to be given to runs; the caller's to dispose.</returns>
    /// <exception cref="ModelException">It was trained on another base (both hashes are named), or names or shapes do not fit (all are listed).</exception>
    /// <exception cref="FileFormatException">The file is damaged.</exception>
    public EoAdapter LoadAdapter(string path) => EoAdapter.Load(this, path);

    /// <summary>Runs a batch and writes one output where the caller wants it; nothing is copied.</summary>
    /// <param name="images">Standardised pixels, row-major; the model reads them in place.</param>
    /// <param name="shape">Extents of <paramref name="images"/>: [batch, bands, height, width].</param>
    /// <param name="output">Name of the output.</param>
    /// <param name="destination">Receives the output; every element is written.</param>
    /// <param name="destinationShape">Extents of the output for this batch, see <see cref="OutputShape"/>.</param>
    /// <param name="adapter">An adapter loaded from this model, or null for the model's own weights.</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="ModelException">ONNX Runtime refuses shapes or values.</exception>
    public void Run(Memory<float> images, ReadOnlySpan<long> shape, string output, Memory<float> destination, ReadOnlySpan<long> destinationShape,
        EoAdapter? adapter = null, CancellationToken cancellation = default)
    {
        CheckSingle();
        CheckLength(images.Length, shape, Input.Name);
        CheckLength(destination.Length, destinationShape, output);
        using var input = OrtValue.CreateTensorValueFromMemory(_memory, images, shape.ToArray());
        using var result = OrtValue.CreateTensorValueFromMemory(_memory, destination, destinationShape.ToArray());
        Guarded(shape, adapter, options =>
        {
            _session.Run(options, [Input.Name], [input], [output], [result]);
            return true;
        }, cancellation);
    }

    /// <summary>Runs a batch and returns outputs of whatever shape they have, in memory of their own.</summary>
    /// <param name="images">Standardised pixels, row-major; the model reads them in place.</param>
    /// <param name="shape">Extents of <paramref name="images"/>: [batch, bands, height, width].</param>
    /// <param name="outputs">Names of the wanted outputs.</param>
    /// <param name="adapter">An adapter loaded from this model, or null for the model's own weights.</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="ModelException">ONNX Runtime refuses shapes or values, or there is no such output.</exception>
    public IReadOnlyList<TensorData> Run(Memory<float> images, ReadOnlySpan<long> shape, IReadOnlyList<string> outputs, EoAdapter? adapter = null, CancellationToken cancellation = default)
    {
        CheckSingle();
        CheckLength(images.Length, shape, Input.Name);
        CheckOutputs(outputs);

        using var input = OrtValue.CreateTensorValueFromMemory(_memory, images, shape.ToArray());
        return Guarded(shape, adapter, options =>
        {
            using var results = _session.Run(options, [Input.Name], [input], outputs);
            return results.Select(Copy).ToList();
        }, cancellation);
    }

    /// <summary>Prepares a run that is repeated over the same memory.</summary>
    /// <param name="images">[batch, channel, …]: the channels of all inputs.</param>
    /// <param name="shape">Extents of <paramref name="images"/>.</param>
    /// <param name="output">Name of the output.</param>
    /// <param name="destination">Receives the output.</param>
    /// <param name="destinationShape">Its extents.</param>
    /// <param name="adapter">An adapter, or null.</param>
    /// <param name="parts">Which channels feed which input; null when there is one input.</param>
    /// <param name="constants">Optional inputs that are the same in every run.</param>
    /// <param name="varying">An optional input that is read anew in every run; null when there is none.</param>
    internal EoModelBinding Bind(Memory<float> images, long[] shape, string output, Memory<float> destination, long[] destinationShape, EoAdapter? adapter,
        IReadOnlyList<InputPart>? parts = null, IReadOnlyDictionary<string, TensorData>? constants = null, BoundInput? varying = null)
    {
        if (parts is not { Count: > 1 })
        {
            CheckSingle();
        }

        CheckLength(images.Length, shape, Input.Name);
        CheckLength(destination.Length, destinationShape, output);
        CheckOwner(adapter);
        IReadOnlyList<BoundInput> inputs = [.. BoundInput.Of(Input.Name, images, shape, parts), .. (constants ?? new Dictionary<string, TensorData>()).Select(item => BoundInput.Constant(item.Key, item.Value)), .. varying is null ? (BoundInput[])[] : [varying]];
        return new EoModelBinding(_session, _memory, inputs, (output, destination, destinationShape), adapter, Device, Refused);
    }

    /// <summary>Runs a batch whose inputs are named: several modalities, or an image with its date and place.</summary>
    /// <param name="inputs">By name: all of <see cref="Inputs"/>, and any of <see cref="OptionalInputs"/>. Their content is copied.</param>
    /// <param name="outputs">Names of the wanted outputs.</param>
    /// <param name="adapter">An adapter loaded from this model, or null for the model's own weights.</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="ModelException">An input is missing, not known or of another type; there is no such output; ONNX Runtime refuses shapes or values.</exception>
    public IReadOnlyList<TensorData> Run(IReadOnlyDictionary<string, TensorData> inputs, IReadOnlyList<string> outputs, EoAdapter? adapter = null, CancellationToken cancellation = default)
    {
        CheckOutputs(outputs);
        var known = NamedInputs.Check(this, inputs);
        var values = known.Select(input => NamedInputs.ToOrt(inputs[input.Name])).ToList();
        try
        {
            return Guarded(inputs[Input.Name].Shape.AsSpan(), adapter, options =>
            {
                using var results = _session.Run(options, [.. known.Select(input => input.Name)], values, outputs);
                return results.Select(Copy).ToList();
            }, cancellation);
        }
        finally
        {
            values.ForEach(value => value.Dispose());
        }
    }

    /// <summary>The extents of an output for one image of the given extents, found by running the model once on zeros.</summary>
    /// <param name="output">Name of the output.</param>
    /// <param name="imageShape">[1, bands, height, width].</param>
    /// <param name="cancellation">Ends the run between two operators.</param>
    /// <exception cref="ModelException">ONNX Runtime refuses the shape, or there is no such output.</exception>
    public IReadOnlyList<long> OutputShape(string output, ReadOnlySpan<long> imageShape, CancellationToken cancellation = default) =>
        Run(new float[TensorData.CountOf(imageShape)], imageShape, [output], adapter: null, cancellation)[0].Shape;

    /// <summary>Ends the session. No run may be in progress.</summary>
    public void Dispose()
    {
        _session.Dispose();
        _memory.Dispose();
    }

    /// <summary>Opens a part of this model as it was opened itself: on the same device, with as many threads.</summary>
    /// <exception cref="ModelException">ONNX Runtime refuses it.</exception>
    internal InferenceSession OpenPart(string path)
    {
        try
        {
            return Open(path, _options, Device.Kind == DeviceKind.Cuda ? Device.Index : null);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new ModelException($"A part of {Path} cannot be loaded. ONNX Runtime says: {failure.Message}", failure);
        }
    }

    private T Guarded<T>(ReadOnlySpan<long> shape, EoAdapter? adapter, Func<RunOptions, T> run, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        CheckOwner(adapter);
        using var options = new RunOptions();
        using var lease = adapter?.Activate(options);
        using var stop = cancellation.Register(static state => ((RunOptions)state!).Terminate = true, options);
        try
        {
            return run(options);
        }
        catch (OnnxRuntimeException failure)
        {
            cancellation.ThrowIfCancellationRequested();
            throw Refused(string.Join(", ", shape.ToArray()), failure);
        }
    }

    private void CheckOwner(EoAdapter? adapter)
    {
        if (adapter is not null && adapter.Model != this)
        {
            throw new ModelException($"The adapter {adapter.Path} was loaded for {adapter.Model.Path}; load it again for {Path} with EoModel.LoadAdapter.");
        }
    }

    private ModelException Refused(string shape, OnnxRuntimeException failure) =>
        new($"{Path} cannot be run on an image of shape [{shape}]; its input is {Input}. ONNX Runtime says: {failure.Message}", failure);

    private static bool IsImage(ModelTensor input) => input.Type == ElementType.Float && input.Shape.Count is 4 or 5;

    private void CheckSingle()
    {
        if (Inputs.Count > 1)
        {
            throw new ModelException($"{Path} takes several inputs ({string.Join("; ", Inputs)}); give all of them by name (EoModel.Run with a dictionary).");
        }
    }

    private void CheckOutputs(IReadOnlyList<string> outputs)
    {
        foreach (var output in outputs.Where(name => Outputs.All(known => known.Name != name)))
        {
            throw new ModelException($"{Path} has no output '{output}'; its outputs are {string.Join("; ", Outputs)}.");
        }
    }

    private void CheckLength(int length, ReadOnlySpan<long> shape, string name)
    {
        if (TensorData.CountOf(shape) != length)
        {
            throw new ArgumentException($"'{name}' of {Path} got {length} elements for the shape [{string.Join(", ", shape.ToArray())}].");
        }
    }

    private static TensorData Copy(OrtValue value)
    {
        var info = value.GetTensorTypeAndShape();
        return TensorData.FromBytes((ElementType)(int)info.ElementDataType, info.Shape, value.GetTensorMutableRawData().ToArray());
    }

    private static ModelTensor Describe(string name, NodeMetadata node) => new(
        name, node.IsTensor ? (ElementType)(int)node.ElementDataType : ElementType.Undefined,
        node.IsTensor ? [.. node.Dimensions.Select(extent => (long)extent)] : [], node.IsTensor ? node.SymbolicDimensions : []);

    private static (InferenceSession Session, Device Device) Open(string path, EoModelOptions options, List<string> notes)
    {
        var offered = OrtEnv.Instance().GetAvailableProviders().Contains("CUDAExecutionProvider", StringComparer.Ordinal);
        if (options.Device.Kind == DeviceKind.Cuda && !offered)
        {
            throw new ModelException($"Device {options.Device} was asked for, but this build of ONNX Runtime offers only {string.Join(", ", OrtEnv.Instance().GetAvailableProviders())}. " +
                "Use --device cpu, or build with -p:OrtFlavor=Gpu.");
        }

        if (offered && options.Device.Kind != DeviceKind.Cpu)
        {
            try
            {
                return (Open(path, options, gpu: options.Device.Index), Device.Cuda(options.Device.Index));
            }
            catch (OnnxRuntimeException failure) when (options.Device.Kind == DeviceKind.Auto)
            {
                notes.Add($"The GPU is not used: {failure.Message}");
            }
            catch (OnnxRuntimeException failure)
            {
                throw new ModelException($"{path} cannot be loaded on {options.Device}. ONNX Runtime says: {failure.Message}", failure);
            }
        }

        try
        {
            return (Open(path, options, gpu: null), Device.Cpu);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new ModelException($"{path} cannot be loaded. ONNX Runtime says: {failure.Message}", failure);
        }
    }

    private static InferenceSession Open(string path, EoModelOptions options, int? gpu)
    {
        // Severity error: every adapter slot would log a warning that it is not treated as a constant.
        using var session = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, IntraOpNumThreads = ProcessorCores.ThreadsFor(options.Threads) };
        session.AddSessionConfigEntry("session.intra_op.allow_spinning", options.Spinning ? "1" : "0");
        session.AddSessionConfigEntry("session.disable_prepacking", options.PackWeights ? "0" : "1");
        if (gpu is { } index)
        {
            session.AppendExecutionProvider_CUDA(index);
        }

        return new InferenceSession(path, session);
    }
}
