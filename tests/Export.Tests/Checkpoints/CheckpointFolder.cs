using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.Tests.Checkpoints;

/// <summary>A temporary folder that checkpoints are written to and opened from.</summary>
public abstract class CheckpointFolder : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-checkpoint-").FullName;
    private int _files;

    protected string Folder => _folder;

    public void Dispose()
    {
        Directory.Delete(_folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    protected Checkpoint Open(byte[] file, string name = "weights.pth") => Checkpoint.Open(Save(file, name));

    protected string Save(byte[] file, string name = "weights.pth")
    {
        var path = Path.Combine(_folder, $"{_files++}-{name}");
        File.WriteAllBytes(path, file);
        return path;
    }

    /// <summary>Demands that the file is refused, by name, with a message that holds <paramref name="words"/>.</summary>
    protected void AssertRefused(byte[] file, string words)
    {
        var failure = Assert.Throws<FileFormatException>(() => Open(file, "hostile.pth"));
        Assert.Contains("hostile.pth", failure.Message, StringComparison.Ordinal);
        Assert.Contains(words, failure.Message, StringComparison.Ordinal);
    }
}
