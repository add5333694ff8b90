using EoOnnx.Decoders;
using EoOnnx.Formats;
using EoOnnx.Training.Adapters;
using EoOnnx.Training.Autodiff;
using EoOnnx.Training.Composition;
using EoOnnx.Training.Losses;
using EoOnnx.Training.Optimizers;
using EoOnnx.Training.Peft;

namespace EoOnnx.Training.Tests.Peft;

public sealed class CombinedOptionsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("eoonnx-combined-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_combination_trains_the_tensors_of_all_its_methods_in_whatever_order()
    {
        PeftOptions[] methods = [new BiasOptions(), new LoraOptions { Targets = ["attn.qkv:q,v"] }, new NormOptions(), new PromptOptions { Prompts = 2 }];
        var names = Names(new CombinedOptions { Methods = methods });
        Assert.Equal(names, Names(new CombinedOptions { Methods = [.. methods.Reverse()] }));
        Assert.Equal(methods.SelectMany(Names).Distinct().Order(StringComparer.Ordinal), names);
    }

    [Fact]
    public void Methods_that_touch_one_layer_are_refused_by_name()
    {
        Refused("blocks.0.mlp.fc2 would carry LoRA and IA3", new LoraOptions { Targets = ["mlp.fc2"] }, new Ia3Options { Targets = ["mlp.fc2"] });
        Refused("blocks.0.attn.qkv would carry LoRA and DoRA", new LoraOptions { Targets = ["attn.qkv:q"] }, new LoraOptions { Targets = ["attn.qkv:v"], Dora = true });
        Refused("blocks.1.mlp.fc1.weight would be trained itself and carry LoRA", new LoraOptions { Targets = ["mlp.fc1"] }, new LastBlocksOptions { Blocks = 1 });
        Refused("patch_embed.proj.weight would be trained itself and carry LoRA", new LoraOptions { Targets = ["patch_embed.proj"] }, new FullOptions());
        Assert.Contains("listed 2 times", Assert.Throws<ArgumentException>(() => new CombinedOptions { Methods = [new PrefixOptions(), new PrefixOptions()] }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Two_ranks_of_LoRA_for_different_layers_are_one_adapter()
    {
        var task = Task(new CombinedOptions { Methods = [new LoraOptions { Targets = ["attn.qkv:q,v"], Rank = 2, Alpha = 4 }, new LoraOptions { Targets = ["mlp.fc1"], Rank = 3, Alpha = 9 }] });
        var adapter = MethodCases.Disturbed(task);
        Assert.Null(adapter.LoraAlpha);   // two alphas: B holds its scale
        Assert.Equal((2, 3), (adapter.Tensors["blocks.0.attn.qkv.q_linear.lora_A.weight"].Shape[0], adapter.Tensors["blocks.0.mlp.fc1.lora_A.weight"].Shape[0]));
    }

    [Fact]
    public void Dropout_changes_training_from_step_to_step_and_repeats_with_the_step()
    {
        var model = TestEncoder.Build();
        var task = TaskModel.Compose(model, new LoraOptions { Targets = ["attn.proj", "patch_embed.proj"], Dropout = 0.5, Initialization = LoraInitialization.RandomB }, new LinearDecoder { Upsampling = 1, Classes = 2 });
        Assert.Equal(["dropout.step"], task.Buffers);
        Assert.DoesNotContain(task.InferenceModel.Graph.Inputs, input => input.Name == "dropout.step");
        TensorData Step(float number) => Ort.Run(task.TrainingModel, ("image", RandomTensors.Normal(1, "image", [2, 3, 32, 32], 1)), ("dropout.step", TensorData.FromValues<float>([1], [number])))[TaskModel.PredictionName];
        Assert.Equal(Step(3).Bytes.ToArray(), Step(3).Bytes.ToArray());
        Assert.True(MethodCases.Distance(Step(3), Step(4)) > 1e-3);
        Assert.Contains(GradientCompiler.Compile(task, Loss.CrossEntropy(), new AdamW(1e-3)).Slots, slot => slot.Name == "dropout.step");
    }

    [Fact]
    public void A_PEFT_folder_keeps_LoRA_of_convolutions_and_normalisations()
    {
        var lora = MethodCases.Disturbed(Task(new LoraOptions { Targets = ["patch_embed.proj", "attn.proj"], Rank = 2, Alpha = 6, RankStabilized = true, Dropout = 0.1, Bias = BiasTraining.AdaptedLayers })) with { Manifest = null };
        foreach (var adapter in new[] { lora, MethodCases.Disturbed(Task(new NormOptions())) with { Manifest = null } })
        {
            var folder = Directory.CreateDirectory(Path.Combine(_folder, adapter == lora ? "lora" : "norm")).FullName;
            PeftFolder.Write(adapter, folder);
            var read = AdapterFile.Open(folder);
            Assert.Equal((adapter.UseRslora, adapter.LoraDropout, adapter.LoraAlpha), (read.UseRslora, read.LoraDropout, read.LoraAlpha));
            Assert.Equal(adapter.Tensors.Keys.Order(StringComparer.Ordinal), read.Tensors.Keys.Order(StringComparer.Ordinal));
            Assert.All(adapter.Tensors, tensor => Assert.Equal(tensor.Value.Bytes.ToArray(), read.Tensors[tensor.Key].Bytes.ToArray()));
        }

        Assert.Contains("patch_embed.proj", File.ReadAllText(Path.Combine(_folder, "lora", "adapter_config.json")), StringComparison.Ordinal);
        Assert.Contains("LN_TUNING", File.ReadAllText(Path.Combine(_folder, "norm", "adapter_config.json")), StringComparison.Ordinal);
    }

    [Theory, InlineData("houlsby", "adapter_attn"), InlineData("prefix", "prefix_k"), InlineData("deep prompts", "vpt_prompt_embeddings.0"), InlineData("everything", "no form for")]
    public void What_PEFT_has_no_form_for_is_refused_before_anything_is_written(string method, string named)
    {
        var folder = Path.Combine(_folder, "refused");
        Assert.Contains(named, Assert.Throws<AdapterException>(() => PeftFolder.Write(MethodCases.Disturbed(Task(MethodCases.All[method])), folder)).Message, StringComparison.Ordinal);
        Assert.Contains("none of them", Assert.Throws<AdapterException>(() => PeftFolder.Write(MethodCases.Disturbed(Task(new BiasOptions())), folder)).Message, StringComparison.Ordinal);
        Assert.False(Directory.Exists(folder));
    }

    private static List<string> Names(PeftOptions peft) => [.. Task(peft).Trainables.Select(tensor => tensor.Name).Order(StringComparer.Ordinal)];

    private static void Refused(string message, params PeftOptions[] methods) =>
        Assert.Contains(message, Assert.Throws<TrainingException>(() => Task(new CombinedOptions { Methods = methods })).Message, StringComparison.Ordinal);

    private static TaskModel Task(PeftOptions peft) => TaskModel.Compose(TestEncoder.Build(), peft, new LinearDecoder { Upsampling = 1, Classes = 2 });
}
