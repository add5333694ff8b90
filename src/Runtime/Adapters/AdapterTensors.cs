using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>The tensors of an adapter file under the names of the graph inputs they override, with the scales of LoRA and of parallel adapters folded in.</summary>
/// <param name="Path">The file.</param>
/// <param name="Tensors">By graph name.</param>
/// <param name="Metadata">Text by key; empty for files that hold none.</param>
internal sealed record AdapterTensors(string Path, IReadOnlyDictionary<string, TensorData> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    /// <summary>Reads <c>adapter.safetensors</c>, a PEFT folder or an <c>.onnx_adapter</c> file.</summary>
    public static AdapterTensors Read(string path)
    {
        var file = Directory.Exists(path) ? System.IO.Path.Combine(path, "adapter_model.safetensors") : path;
        if (!File.Exists(file))
        {
            throw new ModelException($"There is no adapter {file}. Train one with: eoonnx train-adapter");
        }

        return file.EndsWith(".onnx_adapter", StringComparison.OrdinalIgnoreCase)
            ? new AdapterTensors(file, Checked(file, OnnxAdapterFile.Open(file).Tensors), new Dictionary<string, string>())
            : FromSafetensors(file);
    }

    private static AdapterTensors FromSafetensors(string file)
    {
        var source = SafetensorsFile.Open(file);
        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        foreach (var (name, tensor) in source.Tensors)
        {
            if (!tensors.TryAdd(AdapterMetadata.GraphName(name), tensor))
            {
                throw new FileFormatException($"{file} holds '{AdapterMetadata.GraphName(name)}' twice, with and without the prefix {AdapterMetadata.PeftPrefix}.");
            }
        }

        Checked(file, tensors);
        if (tensors.Keys.Any(LoraTensors.IsB))
        {
            var scale = LoraScale(file, source.Metadata);
            foreach (var (name, tensor) in tensors.Where(item => LoraTensors.IsB(item.Key)).ToList())
            {
                tensors[name] = LoraTensors.Scaled(tensor, scale(LoraTensors.LayerOf(name), tensors[LoraTensors.Partner(name)!].Shape[0]));
            }
        }

        if (source.Metadata.TryGetValue(AdapterMetadata.ParallelScale, out var text))
        {
            foreach (var (name, tensor) in tensors.Where(item => LoraTensors.IsParallelUp(item.Key)).ToList())
            {
                tensors[name] = LoraTensors.Scaled(tensor, Number(file, AdapterMetadata.ParallelScale, text));
            }
        }

        return new AdapterTensors(file, tensors, source.Metadata);
    }

    private static IReadOnlyDictionary<string, TensorData> Checked(string file, IReadOnlyDictionary<string, TensorData> tensors) =>
        LoraTensors.Misfit(tensors) is { } misfit ? throw new ModelException($"{file} {misfit}") : tensors;

    /// <summary>The scale of a layer by its path and rank. A file of ours without an alpha holds scaled tensors.</summary>
    private static Func<string, long, double> LoraScale(string file, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.TryGetValue(AdapterMetadata.LoraAlpha, out var text))
        {
            var (alpha, stabilized) = (Number(file, AdapterMetadata.LoraAlpha, text), metadata.GetValueOrDefault(AdapterMetadata.UseRslora) == "true");
            return (_, rank) => LoraTensors.Scale(alpha, rank, stabilized);
        }

        if (metadata.ContainsKey(AdapterMetadata.Version))
        {
            return (_, _) => 1;
        }

        var path = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file))!, "adapter_config.json");
        if (!File.Exists(path))
        {
            throw new ModelException($"{file} holds LoRA tensors but says nothing of alpha: neither the metadata {AdapterMetadata.LoraAlpha} nor {path} is there.");
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(path));
            var config = json.RootElement.Clone();
            var (alpha, stabilized) = (config.GetProperty("lora_alpha").GetDouble(), config.TryGetProperty("use_rslora", out var flag) && flag.GetBoolean());
            return (layer, rank) => LoraTensors.Scale(PeftPattern.Find(config, "alpha_pattern", layer) ?? alpha, rank, stabilized);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FileFormatException($"{path} is not a readable PEFT configuration with lora_alpha: {failure.Message}", failure);
        }
    }

    private static double Number(string file, string key, string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number
        : throw new FileFormatException($"{file}: metadata {key} is '{text}'; expected a number.");
}
