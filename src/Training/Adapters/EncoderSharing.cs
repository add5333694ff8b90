using EoOnnx.Onnx;
using EoOnnx.Runtime;

namespace EoOnnx.Training.Adapters;

/// <summary>Cuts a model where adapters first have an effect, so that maps with several of them compute what lies before once.</summary>
public static class EncoderSharing
{
    private const double LeastShare = 0.1;

    /// <summary>Cuts and loads the parts; they take the memory of the weights a second time.</summary>
    /// <param name="model">The model; must outlive the encoder.</param>
    /// <param name="adapters">The adapters that will be used together.</param>
    /// <param name="output">The output that is mapped; null takes the first of <see cref="EoModel.MapOutputs"/>.</param>
    /// <returns>The encoder, for <see cref="SceneOptions.SharedEncoder"/>; null when there are fewer than two adapters, or when they touch
    /// the model so early that nothing worth the memory lies before.</returns>
    /// <exception cref="ModelException">ONNX Runtime refuses a part.</exception>
    /// <exception cref="OnnxFormatException">The model file is damaged.</exception>
    public static SharedEncoder? Prepare(EoModel model, IReadOnlyList<EoAdapter> adapters, string? output = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(adapters);
        if (adapters.Count < 2 || model.Inputs.Count > 1)
        {
            return null;
        }

        output ??= model.MapOutputs[0];
        var touched = adapters.SelectMany(adapter => adapter.TensorNames).ToHashSet(StringComparer.Ordinal);
        if (GraphCut.At(OnnxModel.Load(model.Path), touched, output, out _) is not { Share: >= LeastShare } cut)
        {
            return null;
        }

        var folder = Directory.CreateTempSubdirectory("eoonnx-parts-").FullName;
        try
        {
            var (before, after) = (Path.Combine(folder, "before.onnx"), Path.Combine(folder, "after.onnx"));
            cut.Before.Save(before);
            cut.After.Save(after);
            return SharedEncoder.Load(model, before, after, cut.Share);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
