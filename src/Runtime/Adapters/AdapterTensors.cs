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
    private const string PartA = ".lora_A.";
    private const string PartB = ".lora_B.";
    private const string ParallelUp = ".adapter_parallel.up.";

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

    /// <summary>The other half of a LoRA pair; null for other tensors.</summary>
    public static string? Partner(string name) =>
        name.Contains(PartA, StringComparison.Ordinal) ? name.Replace(PartA, PartB, StringComparison.Ordinal)
        : name.IndexOf(PartB, StringComparison.Ordinal) is var at && at >= 0 ? $"{name[..at]}{PartA}weight"   // for B's weight and bias alike
        : null;

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
        if (tensors.Keys.Any(name => name.Contains(PartB, StringComparison.Ordinal)))
        {
            var scale = LoraScale(file, source.Metadata);
            foreach (var (name, tensor) in tensors.Where(item => item.Key.Contains(PartB, StringComparison.Ordinal)).ToList())
            {
                tensors[name] = Scaled(tensor, scale(name[..name.IndexOf(PartB, StringComparison.Ordinal)], tensors[Partner(name)!].Shape[0]));
            }
        }

        if (source.Metadata.TryGetValue(AdapterMetadata.ParallelScale, out var text))
        {
            foreach (var (name, tensor) in tensors.Where(item => item.Key.Contains(ParallelUp, StringComparison.Ordinal)).ToList())
            {
                tensors[name] = Scaled(tensor, Number(file, AdapterMetadata.ParallelScale, text));
            }
        }

        return new AdapterTensors(file, tensors, source.Metadata);
    }

    /// <summary>Refuses half pairs and pairs whose ranks differ; ONNX Runtime would only fail inside a MatMul.</summary>
    private static IReadOnlyDictionary<string, TensorData> Checked(string file, IReadOnlyDictionary<string, TensorData> tensors)
    {
        foreach (var (name, tensor) in tensors)
        {
            if (Partner(name) is not { } partner)
            {
                continue;
            }

            if (!tensors.TryGetValue(partner, out var other))
            {
                throw new ModelException($"{file} holds '{name}' but not '{partner}'; a LoRA pair needs both.");
            }

            if (name.Contains(PartA, StringComparison.Ordinal) && (tensor.Shape.Length < 2 || other.Shape.Length < 2 || tensor.Shape[0] != other.Shape[1]))
            {
                throw new ModelException($"{file}: '{name}' has the shape [{string.Join(", ", tensor.Shape)}] and '{partner}' [{string.Join(", ", other.Shape)}]; " +
                    "expected [r, in] and [out, r] with the same rank r.");
            }
        }

        return tensors;
    }

    /// <summary>The scale of a layer by its path and rank. A file of ours without an alpha holds scaled tensors.</summary>
    private static Func<string, long, double> LoraScale(string file, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.TryGetValue(AdapterMetadata.LoraAlpha, out var text))
        {
            var (alpha, stabilized) = (Number(file, AdapterMetadata.LoraAlpha, text), metadata.GetValueOrDefault(AdapterMetadata.UseRslora) == "true");
            return (_, rank) => alpha / (stabilized ? Math.Sqrt(rank) : rank);
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
            return (layer, rank) => (PeftPattern.Find(config, "alpha_pattern", layer) ?? alpha) / (stabilized ? Math.Sqrt(rank) : rank);
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FileFormatException($"{path} is not a readable PEFT configuration with lora_alpha: {failure.Message}", failure);
        }
    }

    private static double Number(string file, string key, string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) ? number
        : throw new FileFormatException($"{file}: metadata {key} is '{text}'; expected a number.");

    private static TensorData Scaled(TensorData tensor, double scale)
    {
        var values = tensor.ToSingles();
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = (float)(values[i] * scale);
        }

        return TensorData.FromValues<float>(tensor.Shape.AsSpan(), values);
    }
}
