using EoOnnx.Formats;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Data;
using EoOnnx.Training.Reports;

namespace EoOnnx.Training.Trainer;

/// <summary>What a run gives.</summary>
/// <param name="Adapter">The trained tensors of the epoch that is kept, with recipe, metrics and the identity of the base.</param>
/// <param name="Report">What happened.</param>
public sealed record FitResult(AdapterFile Adapter, TrainingReport Report)
{
    /// <summary>Best and worst held-out samples, for the page.</summary>
    internal ValidationReview? Review { get; init; }

    /// <summary>Where the chips of each part lie, for folder and page.</summary>
    internal SplitMap? SplitMap { get; init; }

    /// <summary>Writes <c>model.onnx</c> (the task with slots for adapters), <c>adapter.safetensors</c>, <c>adapter.onnx_adapter</c>,
    /// <c>report.json</c>, <c>report.html</c> and, of georeferenced chips, <c>split.geojson</c>, each atomically.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public void Write(TaskModel task, string folder)
    {
        Directory.CreateDirectory(folder);
        var model = task.InferenceModel.Clone();
        if (Adapter.Manifest is { } manifest)
        {
            model.Metadata[ModelManifest.MetadataKey] = manifest.ToJson();
        }

        model.Save(Path.Combine(folder, "model.onnx"));
        Adapter.Write(Path.Combine(folder, "adapter.safetensors"));
        Adapter.ToOnnxAdapter().Write(Path.Combine(folder, "adapter.onnx_adapter"));
        AtomicFile.WriteText(Path.Combine(folder, "report.json"), Report.ToJson());
        AtomicFile.WriteText(Path.Combine(folder, "report.html"), TrainingPage.Of(Report, Adapter.Manifest, Review, SplitMap).ToHtml());
        if (SplitMap is not null)
        {
            AtomicFile.WriteText(Path.Combine(folder, "split.geojson"), SplitMap.ToGeoJson());
        }
    }
}
