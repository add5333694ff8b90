using EoOnnx.Onnx;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Data;
using Microsoft.ML.OnnxRuntime;

namespace EoOnnx.Training.Trainer;

/// <summary>A batch as ONNX Runtime reads it: images and measured values in place, classes widened to 64 bit.</summary>
internal sealed class BatchTensors : IDisposable
{
    private readonly Batch _batch;
    private readonly IReadOnlyList<string> _chipNames;
    private readonly OrtValue _image;
    private readonly OrtValue _target;
    private readonly string _imageName;

    public BatchTensors(Batch batch, Value input, int bands, int tile, IReadOnlyList<string> chipNames)
    {
        (_batch, _imageName, _chipNames) = (batch, input.Name, chipNames);
        var memory = OrtMemoryInfo.DefaultInstance;
        // A model with an axis for time gets one time step.
        long[] imageShape = input.KnownShape.Rank == 5 ? [batch.Count, bands, 1, tile, tile] : [batch.Count, bands, tile, tile];
        long[] labelShape = [batch.Count, tile, tile];
        _image = OrtValue.CreateTensorValueFromMemory(memory, batch.Images, imageShape);
        _target = batch.Classes.Length > 0
            ? OrtValue.CreateTensorValueFromMemory(Array.ConvertAll(batch.Classes.ToArray(), label => (long)label), labelShape)
            : OrtValue.CreateTensorValueFromMemory(memory, batch.Values, [batch.Count, 1, tile, tile]);
    }

    /// <summary>The tensor for an input of that name, or null.</summary>
    public OrtValue? Find(string name) => name == _imageName ? _image : name == TrainingGraph.TargetName ? _target : null;

    /// <summary>Name of the first chip with a value that is not finite, or null.</summary>
    public string? FirstNotFinite()
    {
        var images = _batch.Images.Span;
        for (var i = 0; i < images.Length; i++)
        {
            if (!float.IsFinite(images[i]))
            {
                return _chipNames[_batch.Chips[i / _batch.ImageLength]];
            }
        }

        return null;
    }

    public void Dispose()
    {
        _image.Dispose();
        _target.Dispose();
    }
}
