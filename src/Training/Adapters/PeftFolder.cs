using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EoOnnx.Formats;

namespace EoOnnx.Training.Adapters;

/// <summary>Adapters as Hugging Face PEFT keeps them: a folder with <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</summary>
public static class PeftFolder
{
    private const string ConfigName = "adapter_config.json";
    private const string TensorsName = "adapter_model.safetensors";

    /// <summary>Reads a folder.</summary>
    /// <exception cref="AdapterException">A tensor lacks its partner or contradicts the configuration, or the method is not supported.</exception>
    /// <exception cref="FileFormatException">A file is damaged.</exception>
    public static AdapterFile Read(string folder)
    {
        var configPath = Path.Combine(folder, ConfigName);
        var tensorsPath = Path.Combine(folder, TensorsName);
        if (!File.Exists(configPath) || !File.Exists(tensorsPath))
        {
            throw new AdapterException($"{folder} is no PEFT adapter: expected {ConfigName} and {TensorsName} in it.");
        }

        using var config = ParseConfig(configPath);
        var root = config.RootElement;
        var method = Get(root, "peft_type", JsonValueKind.String)?.GetString();
        if (method is not ("LORA" or "IA3" or "LN_TUNING"))
        {
            throw new AdapterException($"{configPath} has the peft_type '{method ?? "none"}'; supported are LORA, IA3 and LN_TUNING.");
        }

        var file = SafetensorsFile.Open(tensorsPath);
        var tensors = new Dictionary<string, TensorData>(StringComparer.Ordinal);
        foreach (var (name, tensor) in file.Tensors)
        {
            tensors[AdapterMetadata.GraphName(name)] = name.StartsWith(AdapterMetadata.PeftPrefix, StringComparison.Ordinal) ? tensor
                : throw new AdapterException($"{tensorsPath} holds '{name}'; expected names that start with '{AdapterMetadata.PeftPrefix}'.");
        }

        var adapter = new AdapterFile
        {
            Tensors = tensors,
            LoraAlpha = method == "LORA" ? Get(root, "lora_alpha", JsonValueKind.Number)?.GetDouble() ?? 8 : null,
            UseRslora = IsTrue(root, "use_rslora"),
            BaseName = Get(root, "base_model_name_or_path", JsonValueKind.String)?.GetString(),
            BaseSha256 = file.Metadata.GetValueOrDefault(AdapterMetadata.BaseSha256),
            RecipeJson = file.Metadata.GetValueOrDefault(AdapterMetadata.Recipe),
            MetricsJson = file.Metadata.GetValueOrDefault(AdapterMetadata.Metrics),
            Manifest = file.Metadata.GetValueOrDefault(AdapterMetadata.Manifest) is { } manifest ? ModelManifest.Parse(manifest) : null,
        };
        adapter.RequireWholeLora(tensorsPath);
        return method == "LORA" ? WithOneAlpha(adapter, root, configPath) : adapter;
    }

    /// <summary>Writes a folder that PEFT loads.</summary>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public static void Write(AdapterFile adapter, string folder)
    {
        Directory.CreateDirectory(folder);
        var layers = adapter.Tensors.Where(tensor => AdapterFile.IsLoraA(tensor.Key)).Select(tensor => (Layer: AdapterFile.LayerOf(tensor.Key), Rank: tensor.Value.Shape[0])).ToList();
        var rank = layers.GroupBy(layer => layer.Rank).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).Select(group => group.Key).FirstOrDefault(8);
        var isIa3 = adapter.Tensors.Keys.Any(name => name.EndsWith(".ia3_l", StringComparison.Ordinal));
        var isNorm = adapter.Tensors.Keys.Any(name => name.Contains(".ln_tuning_layers.", StringComparison.Ordinal));
        var config = new JsonObject
        {
            ["peft_type"] = isIa3 ? "IA3" : isNorm ? "LN_TUNING" : "LORA",
            ["base_model_name_or_path"] = adapter.BaseName,
            ["inference_mode"] = true,
            ["modules_to_save"] = Names(adapter.Tensors.Keys.Where(name => !IsAdapterTensor(name)).Select(ModuleOf)) is { Count: > 0 } saved ? saved : null,
            ["target_modules"] = Names(adapter.Tensors.Keys.Where(IsAdapterTensor).Select(LayerOf)),
            ["task_type"] = null,
        };
        if (isIa3)
        {
            // [1, in] scales the input of a layer, [out, 1] its output.
            config["feedforward_modules"] = Names(adapter.Tensors.Where(tensor => tensor.Key.EndsWith(".ia3_l", StringComparison.Ordinal) && tensor.Value.Shape[0] == 1).Select(tensor => LayerOf(tensor.Key)));
        }
        else if (!isNorm)
        {
            config["r"] = rank;
            config["lora_alpha"] = adapter.LoraAlpha is { } alpha ? JsonValue.Create(alpha) : rank;
            config["lora_dropout"] = 0.0;
            config["bias"] = "none";
            config["fan_in_fan_out"] = false;
            config["use_rslora"] = adapter.UseRslora;
            config["use_dora"] = adapter.Tensors.Keys.Any(name => name.EndsWith(".lora_magnitude_vector", StringComparison.Ordinal));
            config["lora_bias"] = adapter.Tensors.Keys.Any(name => name.EndsWith(".lora_B.bias", StringComparison.Ordinal));
            config["init_lora_weights"] = true;
            config["rank_pattern"] = new JsonObject(layers.Where(layer => layer.Rank != rank).OrderBy(layer => layer.Layer, StringComparer.Ordinal)
                .Select(layer => KeyValuePair.Create<string, JsonNode?>(Regex.Escape(layer.Layer), layer.Rank)));

            // Without alpha B holds its scale: alpha = r keeps s = 1 for every layer.
            config["alpha_pattern"] = new JsonObject(layers.Where(layer => adapter.LoraAlpha is null && layer.Rank != rank).OrderBy(layer => layer.Layer, StringComparer.Ordinal)
                .Select(layer => KeyValuePair.Create<string, JsonNode?>(Regex.Escape(layer.Layer), layer.Rank)));
        }

        var metadata = new Dictionary<string, string> { ["format"] = "pt" };
        foreach (var (key, text) in new[]
        {
            (AdapterMetadata.BaseSha256, adapter.BaseSha256), (AdapterMetadata.Recipe, adapter.RecipeJson), (AdapterMetadata.Metrics, adapter.MetricsJson), (AdapterMetadata.Manifest, adapter.Manifest?.ToJson()),
        })
        {
            if (text is not null)
            {
                metadata[key] = text;
            }
        }

        SafetensorsFile.Write(Path.Combine(folder, TensorsName), adapter.Tensors.Select(tensor => KeyValuePair.Create(AdapterMetadata.PeftPrefix + tensor.Key, tensor.Value)), metadata);
        AtomicFile.WriteText(Path.Combine(folder, ConfigName), config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }));
    }

    /// <summary>Checks ranks, and multiplies what differs between layers into B, so that one alpha holds for all.</summary>
    private static AdapterFile WithOneAlpha(AdapterFile adapter, JsonElement config, string configPath)
    {
        var rank = Get(config, "r", JsonValueKind.Number)?.GetDouble() ?? 8;
        var tensors = new Dictionary<string, TensorData>(adapter.Tensors, StringComparer.Ordinal);
        foreach (var (name, tensor) in adapter.Tensors)
        {
            var layer = AdapterFile.IsLoraA(name) || AdapterFile.IsLoraB(name) ? AdapterFile.LayerOf(name) : "";
            if (AdapterFile.IsLoraA(name) && (PatternValue(config, "rank_pattern", layer) ?? rank) is var expected && expected != tensor.Shape[0])
            {
                throw new AdapterException($"{name} has the rank {tensor.Shape[0]}; {configPath} says {expected}. The folder mixes files of two adapters.");
            }

            if (AdapterFile.IsLoraB(name) && PatternValue(config, "alpha_pattern", layer) is { } alpha && alpha != adapter.LoraAlpha)
            {
                tensors[name] = TensorData.FromValues<float>(tensor.Shape.AsSpan(), [.. tensor.ToSingles().Select(value => (float)(value * alpha / adapter.LoraAlpha!.Value))]);
            }
        }

        return adapter with { Tensors = tensors };
    }

    /// <summary>The number of the first pattern that is the end of a layer's path, as PEFT matches: <c>(.*\.)?(pattern)$</c>.</summary>
    private static double? PatternValue(JsonElement config, string property, string layer)
    {
        if (Get(config, property, JsonValueKind.Object) is { } patterns)
        {
            foreach (var pattern in patterns.EnumerateObject())
            {
                try
                {
                    if (Regex.IsMatch(layer, $@"^(.*\.)?({pattern.Name})$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant))
                    {
                        return pattern.Value.GetDouble();
                    }
                }
                catch (Exception failure) when (failure is ArgumentException or NotSupportedException)
                {
                    throw new AdapterException($"The {property} of the adapter has the pattern '{pattern.Name}', which is not a plain regular expression: {failure.Message}", failure);
                }
            }
        }

        return null;
    }

    private static bool IsAdapterTensor(string name) => AdapterFile.IsLoraA(name) || AdapterFile.IsLoraB(name) || name.EndsWith(".lora_magnitude_vector", StringComparison.Ordinal)
        || name.EndsWith(".ia3_l", StringComparison.Ordinal) || name.Contains(".ln_tuning_layers.", StringComparison.Ordinal);

    private static string LayerOf(string name) => AdapterFile.IsLoraA(name) || AdapterFile.IsLoraB(name) ? LastPart(AdapterFile.LayerOf(name))
        : name.IndexOf(".ln_tuning_layers.", StringComparison.Ordinal) is var at && at >= 0 ? LastPart(name[..at]) : LastPart(name[..name.LastIndexOf('.')]);

    private static string ModuleOf(string name) => name[..name.LastIndexOf('.')];

    private static string LastPart(string path) => path[(path.LastIndexOf('.') + 1)..];

    private static JsonArray Names(IEnumerable<string> names) => [.. names.Distinct().Order(StringComparer.Ordinal).Select(name => JsonValue.Create(name))];

    private static JsonDocument ParseConfig(string path)
    {
        try
        {
            var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return document.RootElement.ValueKind == JsonValueKind.Object ? document : throw new FileFormatException($"{path} holds no JSON object.");
        }
        catch (JsonException failure)
        {
            throw new FileFormatException($"{path} is not JSON: {failure.Message}", failure);
        }
    }

    private static JsonElement? Get(JsonElement config, string property, JsonValueKind kind) =>
        config.TryGetProperty(property, out var value) && value.ValueKind == kind ? value : null;

    private static bool IsTrue(JsonElement config, string property) => Get(config, property, JsonValueKind.True) is not null;
}
