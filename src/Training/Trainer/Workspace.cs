using System.Buffers;
using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Runtime;
using Microsoft.ML.OnnxRuntime;
using Microsoft.ML.OnnxRuntime.Tensors;

namespace EoOnnx.Training.Trainer;

/// <summary>
/// A temporary folder with the graphs of one run. Their frozen weights lie once, page-aligned, in external data files, and are mapped once: all graphs
/// of the run read the same pages and share what ONNX Runtime packs of them. Dispose it after the sessions.
/// </summary>
internal sealed class Workspace : IDisposable
{
    private const int SmallestShared = 4096;   // a page

    private readonly string _folder;
    private readonly FileStream? _lock;
    private readonly FitOptions _options;
    private readonly PrePackedWeightsContainer _packed = new();
    private readonly Dictionary<TensorData, Weight> _weights = [];

    /// <summary>A workspace in the run's folder, or in the system's temporary folder when there is none.</summary>
    /// <exception cref="TrainingException">Another run uses the folder.</exception>
    /// <exception cref="IOException">The folder cannot be written.</exception>
    public Workspace(FitOptions options)
    {
        _options = options;
        if (options.Folder is null)
        {
            _folder = Directory.CreateTempSubdirectory("eoonnx-training-").FullName;
            return;
        }

        Directory.CreateDirectory(options.Folder);
        _folder = Path.Combine(options.Folder, ".work");
        try
        {
            _lock = new FileStream(Path.Combine(options.Folder, ".lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, 1, FileOptions.DeleteOnClose);
        }
        catch (IOException failure) when (failure is not DirectoryNotFoundException && File.Exists(Path.Combine(options.Folder, ".lock")))
        {
            throw new TrainingException($"Another run is training into {options.Folder}. Wait for its end, or choose another folder.", failure);
        }

        // What a killed run left behind.
        if (Directory.Exists(_folder))
        {
            Directory.Delete(_folder, recursive: true);
        }

        foreach (var part in Directory.EnumerateFiles(options.Folder, "*.part"))
        {
            File.Delete(part);
        }

        Directory.CreateDirectory(_folder);
    }

    /// <summary>Writes a graph and loads it into ONNX Runtime.</summary>
    /// <exception cref="TrainingException">ONNX Runtime refuses the graph.</exception>
    public InferenceSession Open(string name, OnnxModel model)
    {
        var path = Path.Combine(_folder, $"{name}.onnx");
        model.Save(path, new OnnxSaveOptions { ExternalData = true, ShareExternalData = true });
        // A memory pattern is a second block for all intermediate values beside the arena that the first run filled: 0.9 GB for a ViT-B step.
        using var session = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, IntraOpNumThreads = ProcessorCores.ThreadsFor(_options.Threads), EnableMemoryPattern = false };
        session.AddSessionConfigEntry("session.disable_prepacking", _options.PackWeights ? "0" : "1");
        Share(model, OnnxModel.Load(path), session);
        try
        {
            var opened = new InferenceSession(path, session, _packed);
            ReleasePages(model);   // read for packing; what is not packed comes back when it is used
            return opened;
        }
        catch (OnnxRuntimeException failure)
        {
            throw new TrainingException($"The {name} graph cannot be loaded. ONNX Runtime says: {failure.Message}", failure);
        }
    }

    /// <summary>Stops counting the weights of a graph that is not needed for now as this process's memory.</summary>
    public void ReleasePages(OnnxModel model)
    {
        foreach (var value in model.Graph.Initializers)
        {
            if (_weights.TryGetValue(value.Data!, out var weight))
            {
                MappedFile.ReleasePages(weight.Bytes);
            }
        }
    }

    /// <summary>Makes a session read weights where an earlier graph mapped them, instead of mapping its files once more.</summary>
    /// <remarks>Only the second factors of products: of others ONNX Runtime may store a transposed or reshaped copy under the same name while it optimises a graph,
    /// and would then read the bytes that are given here in the wrong order.</remarks>
    private void Share(OnnxModel model, OnnxModel saved, SessionOptions session)
    {
        var other = model.Graph.Nodes.SelectMany(node => node.Inputs.Where((_, i) => i != 1 || node.OpType is not ("MatMul" or "FusedMatMul" or "Gemm"))).Concat(model.Graph.Outputs).ToHashSet();
        foreach (var value in model.Graph.Initializers.Where(value => value.Data is { Shape.Length: 2, ByteLength: >= SmallestShared } && !other.Contains(value) && model.Graph.FindInput(value.Name) is null))
        {
            if (!_weights.TryGetValue(value.Data!, out var weight))
            {
                _weights.Add(value.Data!, weight = new Weight(saved.Graph.FindInitializer(value.Name)!.Data!));
            }

            session.AddInitializer(value.Name, weight.Tensor);
        }
    }

    public void Dispose()
    {
        foreach (var weight in _weights.Values)
        {
            weight.Dispose();
        }

        _packed.Dispose();
        Directory.Delete(_folder, recursive: true);
        _lock?.Dispose();
    }

    /// <summary>A tensor whose bytes are pages of a mapped file.</summary>
    private sealed class Weight : IDisposable
    {
        private MemoryHandle _pin;

        public Weight(TensorData data)
        {
            Bytes = data.Bytes;
            _pin = Bytes.Pin();
            unsafe
            {
                Tensor = OrtValue.CreateTensorValueWithData(OrtMemoryInfo.DefaultInstance, (TensorElementType)(int)data.Type, [.. data.Shape], (nint)_pin.Pointer, data.ByteLength);
            }
        }

        public ReadOnlyMemory<byte> Bytes { get; }

        public OrtValue Tensor { get; }

        public void Dispose()
        {
            Tensor.Dispose();
            _pin.Dispose();
        }
    }
}
