using EoOnnx.Training.Recipes;
using EoOnnx.Training.Recipes.Import;

namespace EoOnnx.Training.Tests.Recipes;

public class TerraTorchImportTests
{
    private const string Config = """
        seed_everything: 3
        trainer:
          max_epochs: 7
          gradient_clip_val: 0.5
          callbacks:
            - class_path: EarlyStopping
              init_args: {monitor: val/loss, patience: 4}
        data:
          class_path: terratorch.datamodules.GenericNonGeoSegmentationDataModule
          init_args:
            batch_size: 6
            constant_scale: 0.0001
            dataset_bands: [COASTAL, BLUE, GREEN, RED]
            output_bands: [BLUE, GREEN, RED]
            rgb_indices: [2, 1, 0]
            train_data_root: root/img
            train_label_data_root: root/lab
            val_data_root: root/img
            val_label_data_root: root/lab
            train_split: root/train.txt
            val_split: root/val.txt
            img_grep: "*_S2.tif"
            label_grep: "*_L.tif"
            no_data_replace: 0
            means: [1, 2, 3]
            stds: [4, 5, 6]
        model:
          class_path: terratorch.tasks.SemanticSegmentationTask
          init_args:
            model_factory: EncoderDecoderFactory
            model_args:
              backbone: prithvi_eo_v2_300
              backbone_bands: [BLUE, GREEN, RED]
              necks:
                - {name: SelectIndices, indices: [5, 11]}
                - {name: ReshapeTokensToImage}
              decoder: FCNDecoder
              decoder_channels: 128
              decoder_num_convs: 3
              head_dropout: 0.1
              num_classes: 2
              peft_config:
                method: LORA
                replace_qkv: qkv
                peft_config_kwargs: {target_modules: [qkv.v_linear, qkv.q_linear, mlp.fc1], r: 16, lora_alpha: 32}
            loss: ce
            ignore_index: -1
            class_weights: [0.3, 0.7]
            class_names: [land, water]
            aux_heads:
              - {name: side, decoder: FCNDecoder, decoder_args: {decoder_channels: 64, decoder_num_convs: 2}}
            aux_loss: {side: 0.5}
        optimizer:
          class_path: torch.optim.AdamW
          init_args: {lr: 6.e-5, weight_decay: 0.05}
        """;

    [Fact]
    public void Every_part_of_a_configuration_becomes_its_counterpart()
    {
        var imported = TerraTorchImport.Parse(Config, "c.yaml");
        Assert.Empty(imported.Gaps);
        var recipe = imported.Recipe;
        Assert.Equal(("root/img", "root/lab", "*_S2.tif", "*_L.tif", "root/train.txt", "root/val.txt"), (recipe.Data.Folder, recipe.Data.LabelFolder, recipe.Data.Images, recipe.Data.Labels, recipe.Data.SplitFile, recipe.Data.ValidationSplitFile));
        Assert.Equal((null, null, 0.0001, 0.0), (recipe.Data.ValidationFolder, recipe.Data.ValidationLabelFolder, recipe.Data.ConstantScale, recipe.Data.NoDataReplacement));
        Assert.Equal([2, 3, 4], recipe.Data.Bands!);
        Assert.Equal([1, 2, 3], recipe.Data.Means);
        Assert.Equal("prithvi_eo_v2_300 BLUE,GREEN,RED 1 5,11", $"{imported.Backbone.Name} {string.Join(',', imported.Backbone.Bands)} {imported.Backbone.Frames} {string.Join(',', imported.Backbone.Layers)}");
        Assert.Equal("ReshapeTokensToImage", (string?)Assert.Single(recipe.Decoder.Necks!)["name"]);
        Assert.Equal((DecoderName.Fcn, 128, 3, "{\"dropout\":0.1}"), (recipe.Decoder.Name, recipe.Decoder.Channels![0], recipe.Decoder.Stages, recipe.Decoder.Head!.ToJsonString()));
        Assert.Equal(("side", 0.5, 64), (recipe.Decoder.Auxiliary[0].Name, recipe.Decoder.Auxiliary[0].Weight, recipe.Decoder.Auxiliary[0].Decoder.Channels![0]));
        Assert.Equal((TrainingMethod.Lora, 16, 32.0, "attn.qkv:q,v mlp.fc1"), (recipe.Method.Name, recipe.Method.Rank, recipe.Method.Alpha, string.Join(' ', recipe.Method.Targets!)));
        Assert.Equal((LossName.Ce, 0.7), (recipe.Loss.Name, recipe.Loss.Weights[1]));
        Assert.Equal((OptimizerName.Adamw, 6e-5, 0.05, ScheduleName.Constant, 0.5), (recipe.Optimizer.Name, recipe.Optimizer.LearningRate, recipe.Optimizer.WeightDecay, recipe.Optimizer.Schedule, recipe.Optimizer.ClipNorm));
        Assert.Equal((7, 6, 3L, 4), (recipe.Run.Epochs, recipe.Run.Batch, recipe.Run.Seed, recipe.Run.Patience));
        Assert.Equal(recipe.ToJson(), RecipeFile.Parse(RecipeWriter.Write(recipe, []), "r.yaml").ToJson());
        Assert.Empty(RecipeSchemaCheck.Errors(RecipeWriter.Write(recipe, [])));
    }

    [Theory]
    [InlineData("loss: [ce, dice]", "Ce 1, Dice 1")]
    [InlineData("loss: {ce: 0.7, lovasz: 0.3}", "Ce 0.7, Lovasz 0.3")]
    [InlineData("loss: {focal: 2}", "Focal 2")]
    public void Several_losses_become_parts_with_their_weights(string written, string expected)
    {
        var imported = TerraTorchImport.Parse(Config.Replace("loss: ce", written, StringComparison.Ordinal).Replace("class_weights: [0.3, 0.7]", "", StringComparison.Ordinal), "c.yaml");
        Assert.DoesNotContain(imported.Gaps, gap => gap.Key.Contains("loss", StringComparison.Ordinal));
        Assert.Equal(expected, string.Join(", ", imported.Recipe.Loss.Parts.Select(part => FormattableString.Invariant($"{part.Name} {part.Weight}"))));
        Assert.Equal(imported.Recipe.ToJson(), RecipeFile.Parse(RecipeWriter.Write(imported.Recipe, []), "r.yaml").ToJson());
    }

    [Fact]
    public void Several_modalities_become_further_images_below_one_folder()
    {
        var config = Replaced("""
              class_path: terratorch.datamodules.GenericMultiModalDataModule
              init_args:
                task: segmentation
                modalities: [S2L2A, S1]
                rgb_modality: S2L2A
                train_data_root: {S2L2A: root/hand/S2, S1: root/hand/S1}
                train_label_data_root: root/hand/Label
                val_data_root: {S2L2A: root/hand/S2, S1: root/hand/S1}
                val_label_data_root: root/hand/Label
                train_split: root/train.txt
                val_split: root/val.txt
                image_grep: {S2L2A: "*_S2.tif", S1: "*_S1.tif"}
                label_grep: "*_Label.tif"
                dataset_bands: {S2L2A: [BLUE, GREEN, RED, NIR], S1: [VV, VH]}
                output_bands: {S2L2A: [RED, NIR], S1: [VV, VH]}
                means: {S2L2A: [1, 2], S1: [-3, -4]}
                stds: {S2L2A: [5, 6], S1: [7, 8]}
                concat_bands: true
            """);
        var imported = TerraTorchImport.Parse(config, "c.yaml");
        Assert.Empty(imported.Gaps);
        var data = imported.Recipe.Data;
        Assert.Equal(("root/hand", "S2/*_S2.tif", "Label/*_Label.tif", "root/train.txt", "root/val.txt", null), (data.Folder, data.Images, data.Labels, data.SplitFile, data.ValidationSplitFile, data.ValidationFolder));
        Assert.Equal(["S1/*_S1.tif"], data.MoreImages);
        Assert.Equal([3, 4, 5, 6], data.Bands!);
        Assert.Equal([1, 2, -3, -4], data.Means);
        Assert.Equal([5, 6, 7, 8], data.Deviations);
        Assert.Empty(RecipeSchemaCheck.Errors(RecipeWriter.Write(imported.Recipe, [])));
    }

    [Theory]
    [InlineData("MultiTemporalCropClassificationDataModule", "root/training_chips root/validation_chips root/training_data.txt True 13")]
    [InlineData("FireScarsNonGeoDataModule", "root/training root/validation  False 2")]
    public void A_module_of_one_data_set_becomes_its_folders_and_classes(string module, string expected)
    {
        var imported = TerraTorchImport.Parse(Replaced($$"""
              class_path: terratorch.datamodules.{{module}}
              init_args: {batch_size: 8, num_workers: 2, data_root: root/}
            """), "c.yaml");
        Assert.Empty(imported.Gaps);
        var data = imported.Recipe.Data;
        Assert.Equal(expected, $"{data.Folder} {data.ValidationFolder} {data.SplitFile} {data.ReduceZeroLabel} {data.Classes.Count}");
        Assert.Equal(("*_merged.tif", "*.mask.tif", StatisticsSource.Data), (data.Images, data.Labels, data.Statistics));
        Assert.Empty(RecipeSchemaCheck.Errors(RecipeWriter.Write(imported.Recipe, [])));
    }

    [Theory]
    [InlineData("prithvi_eo_v2_300_tl", "", CoordinatesUse.Both)]
    [InlineData("prithvi_eo_v2_300_tl", "backbone_coords_encoding: [time]", CoordinatesUse.Time)]
    [InlineData("prithvi_eo_v2_300_tl", "backbone_coords_encoding: []", CoordinatesUse.None)]
    [InlineData("prithvi_eo_v2_300", "", CoordinatesUse.None)]
    public void Metadata_of_chips_become_the_coordinates_that_the_backbone_encodes(string backbone, string setting, CoordinatesUse expected)
    {
        var text = Replaced("""
              class_path: MultiTemporalCropClassificationDataModule
              init_args: {data_root: root, use_metadata: true}
            """).Replace("backbone: prithvi_eo_v2_300", $"backbone: {backbone}\n      {setting}", StringComparison.Ordinal);
        var imported = TerraTorchImport.Parse(text, "c.yaml");
        Assert.Empty(imported.Gaps);
        Assert.Equal((expected, expected == CoordinatesUse.None ? null : "root/chips_df.csv"), (imported.Recipe.Data.Coordinates, imported.Recipe.Data.DateTable));
    }

    [Fact]
    public void A_checkpoint_of_ones_own_is_what_is_exported()
    {
        var imported = TerraTorchImport.Parse(Config.Replace("backbone: prithvi_eo_v2_300", "backbone: prithvi_eo_v2_300\n      backbone_ckpt_path: own.pt\n      backbone_pretrain_img_size: 224", StringComparison.Ordinal), "c.yaml");
        Assert.Empty(imported.Gaps);
        Assert.Equal("own.pt", imported.Backbone.Weights);
    }

    /// <summary>The configuration with another data module.</summary>
    private static string Replaced(string data)
    {
        var (first, end) = (Config.IndexOf("data:\n", StringComparison.Ordinal), Config.IndexOf("model:\n", StringComparison.Ordinal));
        return Config[..first] + "data:\n" + data + "\n" + Config[end..];
    }

    [Theory]
    [InlineData("decoder: FCNDecoder", "decoder: SegformerDecoder", "model.init_args.model_args.decoder", "SegformerDecoder is not known")]
    [InlineData("loss: ce", "loss: tversky", "model.init_args.loss", "tversky")]
    [InlineData("method: LORA", "method: BOFT", "model.init_args.model_args.peft_config.method", "BOFT is not known")]
    [InlineData("max_epochs: 7", "max_epochs: 7\n  max_steps: 9", "trainer.max_steps", "no counterpart")]
    [InlineData("torch.optim.AdamW", "torch.optim.RMSprop", "optimizer.class_path", "RMSprop is not known")]
    [InlineData("datamodules.GenericNonGeoSegmentationDataModule", "datamodules.Other", "data.class_path", "format of its own")]
    public void A_part_without_a_counterpart_is_named_with_its_line(string written, string instead, string key, string why)
    {
        var text = Config.Replace(written, instead, StringComparison.Ordinal);
        var gap = TerraTorchImport.Parse(text, "c.yaml").Gaps.First(gap => gap.Key == key);
        Assert.Contains(why, gap.Why, StringComparison.Ordinal);
        Assert.Contains(instead.Split(' ')[^1], text.Split('\n')[gap.Line - 1], StringComparison.Ordinal);
        Assert.NotEmpty(gap.Nearest);
    }

    [Theory]
    [InlineData("terratorch.tasks.SemanticSegmentationTask", "terratorch.tasks.ObjectDetectionTask", "c.yaml:28: model.class_path: the task ObjectDetectionTask has no counterpart")]
    [InlineData("EncoderDecoderFactory", "SMPModelFactory", "model_factory: SMPModelFactory has no counterpart")]
    [InlineData("max_epochs: 7", "max_epochs: many", "trainer.max_epochs: 'many' is no number")]
    public void What_cannot_be_converted_at_all_is_refused(string written, string instead, string message)
    {
        var failure = Assert.Throws<RecipeException>(() => TerraTorchImport.Parse(Config.Replace(written, instead, StringComparison.Ordinal), "c.yaml"));
        Assert.Contains(message, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Hostile_text_is_refused_or_bounded()
    {
        Assert.Contains("nested", Assert.Throws<RecipeException>(() => TerraTorchImport.Parse($"a: {new string('[', 100_000)}", "c.yaml")).Message, StringComparison.Ordinal);
        var bomb = "a0: &a0 [x, x]\n" + string.Concat(Enumerable.Range(1, 40).Select(i => $"a{i}: &a{i} [*a{i - 1}, *a{i - 1}, *a{i - 1}, *a{i - 1}]\n"));
        Assert.NotEmpty(TerraTorchImport.Parse($"{bomb}{Config}\n", "c.yaml").Gaps);
        Assert.NotEmpty(TerraTorchImport.Parse($"{Config}\nown: !!python/object/apply:os.system [ls]", "c.yaml").Gaps);
    }
}
