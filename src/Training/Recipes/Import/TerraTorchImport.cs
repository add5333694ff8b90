using System.Text.Json.Nodes;
using EoOnnx.Decoders;
using EoOnnx.Decoders.Configuration;

namespace EoOnnx.Training.Recipes.Import;

/// <summary>Turns a configuration of TerraTorch (Lightning CLI) into a recipe, and names what has no equal counterpart.</summary>
public static class TerraTorchImport
{
    private const string Model = "model.init_args", Arguments = Model + ".model_args";

    private static readonly Dictionary<string, TaskName> Tasks = new(StringComparer.Ordinal)
    {
        ["SemanticSegmentationTask"] = TaskName.Segmentation,
        ["PixelwiseRegressionTask"] = TaskName.Regression,
        ["ClassificationTask"] = TaskName.Classification,
        ["MultiLabelClassificationTask"] = TaskName.Multilabel,
        ["ScalarRegressionTask"] = TaskName.ScalarRegression,
    };

    private static readonly Dictionary<string, DecoderName> Decoders = new(StringComparer.Ordinal)
    {
        ["FCNDecoder"] = DecoderName.Fcn,
        ["UperNetDecoder"] = DecoderName.Upernet,
        ["UNetDecoder"] = DecoderName.Unet,
        ["ASPPHead"] = DecoderName.Aspp,
        ["ASPPSegmentationHead"] = DecoderName.Aspp,
        ["ASPPRegressionHead"] = DecoderName.Aspp,
        ["MLPDecoder"] = DecoderName.Mlp,
        ["LinearDecoder"] = DecoderName.Linear,
        ["IdentityDecoder"] = DecoderName.Identity,
    };

    /// <summary>Reads a configuration.</summary>
    /// <param name="path">The YAML file.</param>
    /// <exception cref="RecipeException">Not YAML, or its task or model factory has no counterpart at all; the message names the line.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ImportedRecipe Load(string path) => new FileInfo(path).Length > 4 << 20
        ? throw new RecipeException($"{path} has {new FileInfo(path).Length} bytes; a configuration is small. Is it another file?") : Parse(File.ReadAllText(path), path);

    /// <summary>Reads a configuration from text.</summary>
    /// <inheritdoc cref="Load"/>
    internal static ImportedRecipe Parse(string text, string path)
    {
        var config = new ForeignConfiguration(text, path);
        var steps = new List<string>();
        var task = Task(config);
        var necks = Necks(config, out var layers);
        var backbone = Backbone(config, layers);
        var decoder = Decoder(config, Arguments, "", task) with { Necks = necks, Auxiliary = Auxiliaries(config, task) };
        if (config.Flag($"{Arguments}.rescale") == false)
        {
            config.Gap($"{Arguments}.rescale", "a prediction is always enlarged to the image here", "as rescale: true");
        }

        var (optimizer, run) = ImportedRun.Of(config);
        var data = ImportedData.Of(config, task, steps, out var batch);
        var recipe = new TrainingRecipe
        {
            Model = $"models/{backbone.Name.Replace('/', '_')}.onnx",
            Task = task,
            Data = data,
            Method = ImportedMethod.Of(config),
            Decoder = decoder,
            Loss = Loss(config, task),
            Optimizer = optimizer,
            Run = run with { Batch = batch },
        };
        if (config.Has($"{Model}.tiled_inference_parameters"))
        {
            var overlap = (config.Integer($"{Model}.tiled_inference_parameters.h_crop") ?? 0) - (config.Integer($"{Model}.tiled_inference_parameters.h_stride") ?? 0);
            steps.Add(FormattableString.Invariant($"tiles belong to the map: eoonnx infer SCENE --model run/model.onnx --adapter run/adapter.safetensors --overlap {Math.Max(0, overlap)} --out map.tif"));
        }

        config.Ignore($"{Model}.tiled_inference_parameters", $"{Model}.plot_on_val", $"{Model}.class_names", $"{Model}.test_dataloaders_names", $"{Model}.tiled_inference_on_testing", "out_dtype", "deploy_config_file");
        config.ReportUnread();
        return new ImportedRecipe(recipe, backbone, [.. config.Gaps.OrderBy(gap => gap.Line)], steps);
    }

    private static TaskName Task(ForeignConfiguration config)
    {
        var name = (config.Text("model.class_path") ?? throw config.Error("model", "there is no class_path that names the task.")).Trim().Split('.')[^1];
        var task = Tasks.TryGetValue(name, out var known) ? known : throw config.Error("model.class_path", $"the task {name} has no counterpart; tasks are {string.Join(", ", Tasks.Keys)}.");
        return config.Text($"{Model}.model_factory") is null or "EncoderDecoderFactory" ? task
            : throw config.Error($"{Model}.model_factory", $"{config.Text($"{Model}.model_factory")} has no counterpart; models of the EncoderDecoderFactory can be converted.");
    }

    private static ImportedBackbone Backbone(ForeignConfiguration config, IReadOnlyList<int> layers)
    {
        var name = config.Text($"{Arguments}.backbone") ?? throw config.Error(Arguments, "there is no backbone.");
        config.Ignore($"{Arguments}.backbone_pretrained", $"{Arguments}.backbone_in_channels", $"{Arguments}.in_channels", $"{Arguments}.pretrained", $"{Arguments}.backbone_img_size", $"{Arguments}.backbone_pretrain_img_size", $"{Arguments}.img_size");
        var bands = config.Texts($"{Arguments}.backbone_bands");
        bands = bands.Count > 0 ? bands : config.Texts($"{Arguments}.backbone_model_bands");
        bands = bands.Count > 0 ? bands : config.Texts($"{Arguments}.bands");
        config.Ignore($"{Arguments}.backbone_coords_encoding");   // without metadata of the chips it changes nothing; with them ImportedSets reads it
        var outputs = config.Numbers($"{Arguments}.backbone_out_indices").Select(index => (int)index).ToList();
        var chosen = outputs.Count == 0 ? layers : layers.Count == 0 ? outputs : [.. layers.Select(layer => outputs[(layer + outputs.Count) % outputs.Count])];
        return new ImportedBackbone(name.StartsWith("terratorch_", StringComparison.Ordinal) ? name[11..] : name, bands, config.Integer($"{Arguments}.backbone_num_frames") ?? config.Integer($"{Arguments}.num_frames") ?? 1, chosen) { Weights = config.Text($"{Arguments}.backbone_ckpt_path") };
    }

    /// <summary>The necks; the choice of blocks becomes the outputs of the exported encoder.</summary>
    private static List<JsonObject>? Necks(ForeignConfiguration config, out IReadOnlyList<int> layers)
    {
        layers = [];
        var key = $"{Arguments}.necks";
        if (config.Json(key) is not JsonArray list)
        {
            return null;
        }

        var necks = list.OfType<JsonObject>().Select(neck => neck.DeepClone().AsObject()).ToList();
        if (necks.FirstOrDefault() is { } first && (string?)first["name"] == "SelectIndices" && first["indices"] is JsonArray indices)
        {
            layers = [.. indices.Select(index => (int)(double)index!)];
            necks.RemoveAt(0);
        }

        return necks.Count == 0 ? null : necks;
    }

    private static DecoderRecipe Decoder(ForeignConfiguration config, string group, string prefix, TaskName task)
    {
        var name = config.Text(prefix.Length == 0 ? $"{group}.decoder" : prefix) ?? "IdentityDecoder";
        var key = prefix.Length == 0 ? $"{group}.decoder" : prefix;
        if (!Decoders.TryGetValue(name, out var known))
        {
            config.Gap(key, $"the decoder {name} is not known; known are {string.Join(", ", Decoders.Keys)}", "conv");
            config.Ignore([.. (config.Names(group) ?? []).Where(item => item.StartsWith("decoder_", StringComparison.Ordinal) || item.StartsWith("head_", StringComparison.Ordinal)).Select(item => $"{group}.{item}")]);
            return new DecoderRecipe();
        }

        var arguments = new JsonObject { ["decoder"] = name };
        foreach (var item in (config.Names(group) ?? []).Where(item => item.StartsWith("decoder_", StringComparison.Ordinal) || item.StartsWith("head_", StringComparison.Ordinal)))
        {
            arguments[item] = config.Json($"{group}.{item}");
        }

        arguments["num_classes"] = config.Integer($"{Arguments}.num_classes") ?? config.Integer("data.init_args.num_classes") ?? 2;
        Check(config, key, arguments, task);
        var settings = Below(arguments, "decoder_");
        var recipe = new DecoderRecipe
        {
            Name = known,
            Channels = settings["channels"] switch { JsonArray list => [.. list.Select(item => (int)(double)item!)], JsonValue value => [(int)value.GetValue<double>()], _ => null },
            Stages = known == DecoderName.Fcn && settings["num_convs"] is JsonValue convolutions ? (int)convolutions.GetValue<double>() : known == DecoderName.Fcn ? 4 : null,
        };
        if (known == DecoderName.Mlp)
        {
            recipe = recipe with { Channels = null };
        }

        settings.Remove("channels");
        settings.Remove("num_convs");
        settings.Remove("num_classes");
        var head = Below(arguments, "head_");
        head.Remove("num_classes");
        return recipe with { Arguments = settings.Count > 0 ? settings : null, Head = head.Count > 0 ? head : null };
    }

    private static void Check(ForeignConfiguration config, string key, JsonObject arguments, TaskName task)
    {
        try
        {
            TerraTorchConfiguration.Read(arguments, task.ToModelTask());
        }
        catch (DecoderException refusal)
        {
            config.Gap(key, refusal.Message.TrimEnd('.'), "kept as it is: correct it before training");
        }
    }

    private static JsonObject Below(JsonObject arguments, string prefix) =>
        new(arguments.Where(item => item.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(item => KeyValuePair.Create(item.Key[prefix.Length..], item.Value?.DeepClone())));

    private static List<AuxiliaryRecipe> Auxiliaries(ForeignConfiguration config, TaskName task)
    {
        var heads = new List<AuxiliaryRecipe>();
        for (var index = 0; index < config.Count($"{Model}.aux_heads"); index++)
        {
            var key = FormattableString.Invariant($"{Model}.aux_heads.{index}");
            var name = config.Text($"{key}.name") ?? FormattableString.Invariant($"auxiliary{index}");
            heads.Add(new AuxiliaryRecipe
            {
                Name = name,
                Weight = config.Number($"{Model}.aux_loss.{name}") ?? 1,
                Decoder = Decoder(config, $"{key}.decoder_args", $"{key}.decoder", task),
            });
        }

        return heads;
    }

    private static LossRecipe Loss(ForeignConfiguration config, TaskName task)
    {
        // One name, a list of names, or names with weights.
        const string key = $"{Model}.loss";
        var parts = new List<LossPartRecipe>();
        foreach (var (name, weight) in config.Names(key) is { } names ? names.Select(name => (name, config.Number($"{key}.{name}") ?? 1)) : config.Texts(key).Select(name => (name, 1.0)))
        {
            if (Enum.TryParse<LossName>(name.Replace("_", "", StringComparison.Ordinal), ignoreCase: true, out var known) && task.Losses().Contains(known) && weight > 0)
            {
                parts.Add(new LossPartRecipe { Name = known, Weight = weight });
            }
            else
            {
                config.Gap(key, $"the loss {name} with weight {weight} does not belong to the task; losses are {string.Join(", ", task.Losses())}, with weights above 0", parts.Count > 0 ? "left out" : $"{task.Losses()[0]}");
            }
        }

        var weights = config.Numbers($"{Model}.class_weights");
        if (weights.Count > 0 && parts.Select(part => part.Name).DefaultIfEmpty(task.Losses()[0]).All(name => name != LossName.Ce))
        {
            config.Gap($"{Model}.class_weights", "weights of classes belong to cross-entropy", "left out");
            weights = [];
        }

        return parts is [] or [{ Weight: 1 }] ? new LossRecipe { Name = parts.FirstOrDefault()?.Name, Weights = weights } : new LossRecipe { Parts = parts, Weights = weights };
    }
}
