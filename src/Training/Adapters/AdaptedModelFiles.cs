using EoOnnx.Formats;
using EoOnnx.Onnx;
using EoOnnx.Training.Merging;

namespace EoOnnx.Training.Adapters;

/// <summary>The files of a model and its adapter.</summary>
/// <param name="Model">The model.</param>
/// <param name="Adapter">The adapter beside it; null when there is none or it was merged.</param>
/// <param name="OnnxAdapter">The same adapter as ONNX Runtime takes it.</param>
public sealed record AdaptedModelFiles(string Model, string? Adapter, string? OnnxAdapter)
{
    /// <summary>Writes a base model with slots, and its adapter beside it as <c>NAME.safetensors</c> and <c>NAME.onnx_adapter</c>; or one plain
    /// model that has taken the adapter up.</summary>
    /// <param name="model">The base, without slots.</param>
    /// <param name="adapter">Its adapter.</param>
    /// <param name="path">The <c>.onnx</c> file.</param>
    /// <param name="merge">True merges.</param>
    /// <param name="deepness">Writes the merged model in the form that QGIS Deepness opens, with these options; null writes it as it is.</param>
    /// <exception cref="EoOnnxException">Model and adapter do not fit each other.</exception>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public static AdaptedModelFiles Write(OnnxModel model, AdapterFile adapter, string path, bool merge, DeepnessOptions? deepness = null)
    {
        var slotted = AdapterSlots.Add(model, adapter);
        if (merge || deepness is not null)
        {
            var merged = AdapterMerge.Merge(slotted, adapter).Model;
            (deepness is null ? merged : DeepnessForm.Write(merged, deepness)).Save(path);
            return new AdaptedModelFiles(path, null, null);
        }

        var files = new AdaptedModelFiles(path, Path.ChangeExtension(path, ".safetensors"), Path.ChangeExtension(path, ".onnx_adapter"));
        adapter.Write(files.Adapter!);
        adapter.ToOnnxAdapter().Write(files.OnnxAdapter!);
        slotted.Save(path);
        return files;
    }
}
