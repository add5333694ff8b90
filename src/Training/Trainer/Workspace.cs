using EoOnnx.Onnx;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>
/// A temporary folder with the graphs of one run. Their frozen weights lie once, page-aligned, in external data files that ONNX
/// Runtime maps: training and validation share the pages.
/// </summary>
internal sealed class Workspace : IDisposable
{
    private readonly string _folder;
    private readonly FileStream? _lock;
    private readonly FitOptions _options;

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
        using var session = new SessionOptions { LogSeverityLevel = OrtLoggingLevel.ORT_LOGGING_LEVEL_ERROR, IntraOpNumThreads = _options.Threads, EnableMemoryPattern = false };
        session.AddSessionConfigEntry("session.disable_prepacking", _options.PackWeights ? "0" : "1");
        try
        {
            return new InferenceSession(path, session);
        }
        catch (OnnxRuntimeException failure)
        {
            throw new TrainingException($"The {name} graph cannot be loaded. ONNX Runtime says: {failure.Message}", failure);
        }
    }

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        _lock?.Dispose();
    }
}
