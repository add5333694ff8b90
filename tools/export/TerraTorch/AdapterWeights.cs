using EoOnnx.Export.Architectures;
using EoOnnx.Export.Checkpoints;
using EoOnnx.Formats;

namespace EoOnnx.Export.TerraTorch;

/// <summary>
/// The tensors of an encoder that PEFT wrapped, taken apart: those of the encoder under their old names, a fused qkv projection put together
/// again, and those of the adapter under the names that adapter files use.
/// </summary>
/// <param name="Encoder">The encoder as it was before training.</param>
/// <param name="Adapter">The trained tensors, for example <c>blocks.0.attn.qkv.q_linear.lora_A.weight</c>.</param>
internal sealed record AdapterWeights(StateDict Encoder, IReadOnlyDictionary<string, TensorData> Adapter)
{
    private const string Live = ".default";
    private static readonly string[] Kinds = [".lora_A", ".lora_B", ".lora_magnitude_vector", ".ia3_l"];
    private static readonly string[] Parts = ["q_linear", "k_linear", "v_linear"];

    /// <summary>Takes the tensors apart.</summary>
    /// <param name="wrapped">The tensors below <c>encoder.base_model.model.</c>.</param>
    /// <exception cref="ExportException">Tensors of an adapter other than <c>default</c>, or of a method that is not supported.</exception>
    /// <exception cref="FileFormatException">A part of a fused projection is absent or has another width.</exception>
    public static AdapterWeights Split(StateDict wrapped)
    {
        var (encoder, adapter) = (new Dictionary<string, TensorData>(StringComparer.Ordinal), new Dictionary<string, TensorData>(StringComparer.Ordinal));
        foreach (var name in wrapped.Names)
        {
            var tensor = wrapped.Take(name);
            if (Array.Find(Kinds, kind => name.Contains($"{kind}.", StringComparison.Ordinal)) is { } found)
            {
                adapter.Add(FileName(wrapped.Source, name, found), WeightedGraph.Single(tensor));
            }
            else if (name.Contains(".original_module.", StringComparison.Ordinal))
            {
                continue;   // replaced by modules_to_save
            }
            else
            {
                encoder.Add(name.Replace(".base_layer.", ".", StringComparison.Ordinal).Replace($".modules_to_save{Live}.", ".", StringComparison.Ordinal), tensor);
            }
        }

        Fuse(wrapped.Source, encoder);
        return new AdapterWeights(new StateDict(wrapped.Source, encoder), adapter);
    }

    private static string FileName(string source, string name, string kind)
    {
        var live = $"{kind}{Live}";
        var at = name.IndexOf(live, StringComparison.Ordinal);
        if (at < 0)
        {
            throw new ExportException($"{source}: '{name}' belongs to an adapter with another name than 'default'; keep one adapter in the checkpoint.");
        }

        // PEFT's files leave out the adapter's name, and the word weight of a magnitude.
        var end = name[(at + live.Length)..];
        return name[..at] + kind + (kind == ".lora_magnitude_vector" ? "" : end);
    }

    private static void Fuse(string source, Dictionary<string, TensorData> encoder)
    {
        foreach (var first in encoder.Keys.Where(name => name.Contains($".{Parts[0]}.", StringComparison.Ordinal)).ToList())
        {
            var tensors = Parts.Select(part =>
            {
                var name = first.Replace($".{Parts[0]}.", $".{part}.", StringComparison.Ordinal);
                return encoder.Remove(name, out var tensor) ? WeightedGraph.Single(tensor) : throw new FileFormatException($"{source} has '{first}' but not '{name}'; a projection for queries, keys and values needs all three.");
            }).ToList();
            if (tensors.Any(tensor => !tensor.Shape.SequenceEqual(tensors[0].Shape)))
            {
                throw new FileFormatException($"{source}: the three parts of '{first}' have the shapes {string.Join(", ", tensors.Select(tensor => $"[{string.Join(", ", tensor.Shape)}]"))}; expected equal ones.");
            }

            long[] shape = [3 * tensors[0].Shape[0], .. tensors[0].Shape.Skip(1)];
            encoder.Add(first.Replace($".{Parts[0]}.", ".", StringComparison.Ordinal), TensorData.FromValues<float>(shape, [.. tensors.SelectMany(tensor => tensor.ToSingles())]));
        }
    }
}
