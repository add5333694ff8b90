using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using EoOnnx.Formats;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Adapters;

/// <summary>Adapters as Hugging Face PEFT keeps them: a folder with <c>adapter_config.json</c> and <c>adapter_model.safetensors</c>.</summary>
public static class PeftFolder
{
    private const string ConfigName = "adapter_config.json";
    private const string TensorsName = "adapter_model.safetensors";

    /// <summary>What LN_TUNING puts between the path of a normalisation and its <c>weight</c> or <c>bias</c>.</summary>
    private const string NormPart = ".ln_tuning_layers.";

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
            tensors[AdapterMetadata.GraphName(name).Replace(NormPart, ".", StringComparison.Ordinal)] = name.StartsWith(AdapterMetadata.PeftPrefix, StringComparison.Ordinal) ? tensor
                : throw new AdapterException($"{tensorsPath} holds '{name}'; expected names that start with '{AdapterMetadata.PeftPrefix}'.");
        }

        var adapter = new AdapterFile
        {
            Tensors = tensors,
            LoraAlpha = method == "LORA" ? Get(root, "lora_alpha", JsonValueKind.Number)?.GetDouble() ?? 8 : null,
            UseRslora = IsTrue(root, "use_rslora"),
            LoraDropout = method == "LORA" ? Get(root, "lora_dropout", JsonValueKind.Number)?.GetDouble() ?? 0 : 0,
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
    /// <exception cref="AdapterException">PEFT has no form for the adapter's method; the message names a tensor. Nothing is written.</exception>
    /// <exception cref="IOException">The folder cannot be written or the disk is full.</exception>
    public static void Write(AdapterFile adapter, string folder)
    {
        adapter = AsNormTuning(adapter);
        RequireMethodOfPeft(adapter);
        Directory.CreateDirectory(folder);
        var layers = adapter.Tensors.Where(tensor => LoraTensors.IsA(tensor.Key)).Select(tensor => (Layer: LoraTensors.LayerOf(tensor.Key), Rank: tensor.Value.Shape[0])).ToList();
        var rank = layers.GroupBy(layer => layer.Rank).OrderByDescending(group => group.Count()).ThenBy(group => group.Key).Select(group => group.Key).FirstOrDefault(8);
        var isIa3 = adapter.Tensors.Keys.Any(name => name.EndsWith(".ia3_l", StringComparison.Ordinal));
        var isNorm = adapter.Tensors.Keys.Any(name => name.Contains(NormPart, StringComparison.Ordinal));
        var convolutions = adapter.Tensors.Where(tensor => LoraTensors.IsA(tensor.Key) && tensor.Value.Shape.Length > 2).Select(tensor => LastWord(LoraTensors.LayerOf(tensor.Key))).ToHashSet(StringComparer.Ordinal);

        // A last word that means several kinds of layers, such as proj or 0, is written with the word before it.
        string Target(string path) => LastWord(path) is var word && (convolutions.Contains(word) || int.TryParse(word, NumberStyles.None, CultureInfo.InvariantCulture, out _))
            ? string.Join('.', path.Split('.')[^Math.Min(2, path.Split('.').Length)..]) : word;
        var config = new JsonObject
        {
            ["peft_type"] = isIa3 ? "IA3" : isNorm ? "LN_TUNING" : "LORA",
            ["base_model_name_or_path"] = adapter.BaseName,
            ["inference_mode"] = true,
            ["modules_to_save"] = Names(adapter.Tensors.Keys.Where(name => !IsAdapterTensor(name) && !IsBaseBias(name)).Select(ModuleOf)) is { Count: > 0 } saved ? saved : null,
            ["target_modules"] = Names(adapter.Tensors.Keys.Where(IsAdapterTensor).Select(name => Target(PathOf(name)))),
            ["task_type"] = null,
        };
        if (isIa3)
        {
            // [1, in] scales the input of a layer, [out, 1] its output.
            config["feedforward_modules"] = Names(adapter.Tensors.Where(tensor => tensor.Key.EndsWith(".ia3_l", StringComparison.Ordinal) && tensor.Value.Shape[0] == 1).Select(tensor => Target(PathOf(tensor.Key))));
        }
        else if (!isNorm)
        {
            config["r"] = rank;
            config["lora_alpha"] = adapter.LoraAlpha is { } alpha ? JsonValue.Create(alpha) : rank;
            config["lora_dropout"] = adapter.LoraDropout;
            config["bias"] = adapter.Tensors.Keys.Any(IsBaseBias) ? "lora_only" : "none";
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
            var layer = LoraTensors.IsA(name) || LoraTensors.IsB(name) ? LoraTensors.LayerOf(name) : "";
            if (LoraTensors.IsA(name) && (PeftPattern.Find(config, "rank_pattern", layer) ?? rank) is var expected && expected != tensor.Shape[0])
            {
                throw new AdapterException($"{name} has the rank {tensor.Shape[0]}; {configPath} says {expected}. The folder mixes files of two adapters.");
            }

            if (LoraTensors.IsB(name) && PeftPattern.Find(config, "alpha_pattern", layer) is { } alpha && alpha != adapter.LoraAlpha)
            {
                tensors[name] = TensorData.FromValues<float>(tensor.Shape.AsSpan(), [.. tensor.ToSingles().Select(value => (float)(value * alpha / adapter.LoraAlpha!.Value))]);
            }
        }

        return adapter with { Tensors = tensors };
    }

    private static bool IsAdapterTensor(string name) => LoraTensors.IsA(name) || LoraTensors.IsB(name) || name.EndsWith(".lora_magnitude_vector", StringComparison.Ordinal)
        || name.EndsWith(".ia3_l", StringComparison.Ordinal) || name.Contains(NormPart, StringComparison.Ordinal);

    /// <summary>The bias of a layer that carries LoRA and was trained along.</summary>
    private static bool IsBaseBias(string name) => name.EndsWith(".base_layer.bias", StringComparison.Ordinal);

    /// <summary>An adapter of nothing but normalisations of the encoder, under the names of LN_TUNING.</summary>
    private static AdapterFile AsNormTuning(AdapterFile adapter)
    {
        var encoder = adapter.Tensors.Keys.Where(name => !TrainableTensor.IsBehindEncoder(name)).ToList();
        return encoder.Count == 0 || !encoder.TrueForAll(name => NormOptions.IsNorm(name) && adapter.Tensors.ContainsKey($"{ModuleOf(name)}.weight")) ? adapter : adapter with
        {
            Tensors = adapter.Tensors.ToDictionary(
                tensor => TrainableTensor.IsBehindEncoder(tensor.Key) ? tensor.Key : $"{ModuleOf(tensor.Key)}{NormPart}{LastWord(tensor.Key)}", tensor => tensor.Value, StringComparer.Ordinal),
        };
    }

    private static void RequireMethodOfPeft(AdapterFile adapter)
    {
        var names = adapter.Tensors.Keys.Order(StringComparer.Ordinal).ToList();
        if (names.Find(name => BottleneckOptions.IsTensor(name) || PrefixOptions.IsTensor(name) || PromptOptions.IsTensor(name)) is { } ours)
        {
            throw new AdapterException($"PEFT has no form for '{ours}': bottleneck adapters, prefixes and prompts of plain vision transformers. Keep the .safetensors file, or merge it.");
        }

        var kinds = new[] { names.Exists(LoraTensors.IsA) ? "LORA" : null, names.Exists(name => name.EndsWith(".ia3_l", StringComparison.Ordinal)) ? "IA3" : null, names.Exists(name => name.Contains(NormPart, StringComparison.Ordinal)) ? "LN_TUNING" : null }.OfType<string>().ToList();
        if (kinds.Count != 1)
        {
            throw new AdapterException(kinds.Count == 0
                ? $"A PEFT folder holds LoRA, IA3 or normalisations; this adapter has none of them ({string.Join(", ", names.Take(3))}). Keep the .safetensors file, or merge it."
                : $"A PEFT folder holds one method; this adapter has {string.Join(" and ", kinds)}. Keep the .safetensors file, or merge it.");
        }

        if (names.Find(name => !IsAdapterTensor(name) && !IsBaseBias(name) && !adapter.Tensors.ContainsKey($"{ModuleOf(name)}.weight")) is { } part)
        {
            throw new AdapterException($"'{part}' is a part of a module; PEFT saves modules whole (modules_to_save). Keep the .safetensors file, or merge it.");
        }
    }

    /// <summary>Path of the layer that an adapter's tensor belongs to.</summary>
    private static string PathOf(string name) => LoraTensors.IsA(name) || LoraTensors.IsB(name) ? LoraTensors.LayerOf(name)
        : name.IndexOf(NormPart, StringComparison.Ordinal) is var at && at >= 0 ? name[..at] : ModuleOf(name);

    private static string ModuleOf(string name) => name[..Math.Max(0, name.LastIndexOf('.'))];

    private static string LastWord(string path) => path[(path.LastIndexOf('.') + 1)..];

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
