using System.Globalization;
using System.Text.Json;
using EoOnnx.Formats;

namespace EoOnnx.Runtime;

/// <summary>The tensors of an adapter file under the names of the graph inputs they override, with LoRA's scale folded into B.</summary>
/// <param name="Path">The file.</param>
/// <param name="Tensors">By graph name.</param>
/// <param name="Metadata">Text by key; empty for files that hold none.</param>
internal sealed record AdapterTensors(string Path, IReadOnlyDictionary<string, TensorData> Tensors, IReadOnlyDictionary<string, string> Metadata)
{
    private const string PartA = ".lora_A.";
    private const string PartB = ".lora_B.";

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
        : name.Contains(PartB, StringComparison.Ordinal) ? name.Replace(PartB, PartA, StringComparison.Ordinal)
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
            var (alpha, rslora) = LoraScale(file, source.Metadata);
            foreach (var (name, tensor) in tensors.Where(item => item.Key.Contains(PartB, StringComparison.Ordinal)).ToList())
            {
                var rank = tensor.Shape[1];
                tensors[name] = Scaled(tensor, alpha / (rslora ? Math.Sqrt(rank) : rank));
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

    private static (double Alpha, bool Rslora) LoraScale(string file, IReadOnlyDictionary<string, string> metadata)
    {
        if (metadata.TryGetValue(AdapterMetadata.LoraAlpha, out var text))
        {
            return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var alpha) && double.IsFinite(alpha)
                ? (alpha, metadata.GetValueOrDefault(AdapterMetadata.UseRslora) == "true")
                : throw new FileFormatException($"{file}: metadata {AdapterMetadata.LoraAlpha} is '{text}'; expected a number.");
        }

        var config = System.IO.Path.Combine(System.IO.Path.GetDirectoryName(System.IO.Path.GetFullPath(file))!, "adapter_config.json");
        if (!File.Exists(config))
        {
            throw new ModelException($"{file} holds LoRA tensors but says nothing of alpha: neither the metadata {AdapterMetadata.LoraAlpha} nor {config} is there.");
        }

        try
        {
            using var json = JsonDocument.Parse(File.ReadAllBytes(config));
            return (json.RootElement.GetProperty("lora_alpha").GetDouble(), json.RootElement.TryGetProperty("use_rslora", out var rslora) && rslora.GetBoolean());
        }
        catch (Exception failure) when (failure is JsonException or InvalidOperationException or KeyNotFoundException)
        {
            throw new FileFormatException($"{config} is not a readable PEFT configuration with lora_alpha: {failure.Message}", failure);
        }
    }

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
