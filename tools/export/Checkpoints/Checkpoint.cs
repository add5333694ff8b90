using EoOnnx.Formats;

namespace EoOnnx.Export.Checkpoints;

/// <summary>A file with weights, read without executing anything in it.</summary>
public sealed class Checkpoint
{
    private Checkpoint(string path, StateDict weights) => (Path, Weights) = (path, weights);

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Its tensors by name.</summary>
    public StateDict Weights { get; }

    /// <summary>Opens a checkpoint.</summary>
    /// <exception cref="FileFormatException">The file is damaged or of a kind that is not known.</exception>
    /// <exception cref="FileNotFoundException">There is no such file.</exception>
    public static Checkpoint Open(string path) => new(path, new StateDict(path, SafetensorsFile.Open(path).Tensors));
}
