namespace EoOnnx.Export.Checkpoints;

/// <summary>The form of a file with weights.</summary>
public enum CheckpointKind
{
    /// <summary>A <c>.safetensors</c> file.</summary>
    Safetensors,

    /// <summary>A zip archive of <c>torch.save</c>, PyTorch 1.6 and newer.</summary>
    TorchZip,

    /// <summary>A file of <c>torch.save</c> before PyTorch 1.6.</summary>
    TorchLegacy,

    /// <summary>A plain Python pickle of NumPy arrays.</summary>
    Pickle,
}
