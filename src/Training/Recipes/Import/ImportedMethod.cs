namespace EoOnnx.Training.Recipes.Import;

/// <summary>How the encoder of a TerraTorch configuration is trained.</summary>
internal static class ImportedMethod
{
    private const string Model = "model.init_args", Peft = Model + ".model_args.peft_config", Settings = Peft + ".peft_config_kwargs";

    public static MethodRecipe Of(ForeignConfiguration config)
    {
        var frozen = config.Flag($"{Model}.freeze_backbone") == true;
        if (config.Flag($"{Model}.freeze_decoder") == true)
        {
            config.Gap($"{Model}.freeze_decoder", "decoder and head are always trained here", "left out");
        }

        if (config.Flag($"{Model}.freeze_head") == true)
        {
            config.Gap($"{Model}.freeze_head", "decoder and head are always trained here", "left out");
        }

        return config.Has(Peft) && config.Names(Peft) is not null ? Adapter(config) : new MethodRecipe { Name = frozen ? TrainingMethod.LinearProbe : TrainingMethod.Full };
    }

    private static MethodRecipe Adapter(ForeignConfiguration config)
    {
        var name = config.Text($"{Peft}.method") ?? "LORA";
        var dora = config.Flag($"{Settings}.use_dora") == true;
        config.Ignore($"{Settings}.inference_mode", $"{Settings}.task_type");
        if (config.Text($"{Settings}.bias") is { } bias && bias != "none")
        {
            config.Gap($"{Settings}.bias", $"biases ({bias}) are trained by a method of their own", "add bitfit: method: [lora, bitfit]");
        }

        var joined = config.Text($"{Peft}.replace_qkv") ?? "qkv";
        var targets = Targets(config.Texts($"{Settings}.target_modules"), joined);
        switch (name.ToUpperInvariant())
        {
            case "LORA":
                var rank = config.Integer($"{Settings}.r") ?? 8;
                return new MethodRecipe
                {
                    Name = dora ? TrainingMethod.Dora : TrainingMethod.Lora,
                    Rank = rank,
                    Alpha = config.Number($"{Settings}.lora_alpha") ?? 8,
                    Dropout = config.Number($"{Settings}.lora_dropout") ?? 0,
                    Rslora = config.Flag($"{Settings}.use_rslora") ?? false,
                    Ranks = Pattern(config, "rank_pattern"),
                    Alphas = Pattern(config, "alpha_pattern"),
                    Targets = targets,
                };
            case "IA3":
                return new MethodRecipe { Name = TrainingMethod.Ia3, Targets = targets };
            case "LN_TUNING":
                return new MethodRecipe { Name = TrainingMethod.Norm };
            default:
                config.Gap($"{Peft}.method", $"the method {name} is not known; known are LORA, IA3 and LN_TUNING", "lora with its usual settings");
                config.Ignore(Settings);
                return new MethodRecipe();
        }
    }

    // qkv.q_linear and qkv.v_linear are parts q and v of one layer here.
    private static List<string>? Targets(IReadOnlyList<string> modules, string joined)
    {
        var parts = modules.Where(module => module.EndsWith("_linear", StringComparison.Ordinal)).Select(module => module[^8..^7]).Where(part => part is "q" or "k" or "v").Distinct().Order(StringComparer.Ordinal).ToList();
        var others = modules.Where(module => !module.EndsWith("_linear", StringComparison.Ordinal)).ToList();
        return modules.Count == 0 ? null : parts.Count == 0 ? others : [$"attn.{joined.Split('.')[^1]}:{string.Join(',', parts)}", .. others];
    }

    private static List<string> Pattern(ForeignConfiguration config, string name) =>
        [.. (config.Json($"{Settings}.{name}") as System.Text.Json.Nodes.JsonObject ?? []).Select(layer => $"{layer.Key}={layer.Value}")];
}
