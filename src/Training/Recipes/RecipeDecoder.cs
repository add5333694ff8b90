using System.Text.Json.Nodes;
using EoOnnx.Decoders;
using EoOnnx.Decoders.Configuration;
using EoOnnx.Formats;

namespace EoOnnx.Training.Recipes;

/// <summary>The decoder that a recipe describes, for one encoder and task.</summary>
internal static class RecipeDecoder
{
    private const int UsualUNetChannels = 512;
    private const int UsualAsppChannels = 256;

    /// <summary>Reads the recipe as a TerraTorch configuration, filled up with what fits the encoder.</summary>
    /// <param name="recipe">The recipe.</param>
    /// <param name="task">What is predicted.</param>
    /// <param name="outputs">Classes or values.</param>
    /// <param name="encoder">Manifest of the encoder.</param>
    /// <param name="seed">Seed of the initial values.</param>
    /// <exception cref="DecoderException">A part or an argument is not known or does not fit.</exception>
    public static Decoder Of(DecoderRecipe recipe, ModelTask task, int outputs, ModelManifest encoder, long seed)
    {
        var map = task is ModelTask.Segmentation or ModelTask.Regression;
        var decoder = Read(recipe, task, outputs, encoder, map) with { Seed = seed };
        return recipe.Auxiliary.Count == 0 ? decoder : decoder with
        {
            Auxiliaries = [.. recipe.Auxiliary.Select(item => new AuxiliaryDecoder(item.Name, item.Weight, Auxiliary(item)))],
        };

        Decoder Auxiliary(AuxiliaryRecipe item) => item.Decoder is { Necks: null, Auxiliary.Count: 0 }
            ? Read(item.Decoder, task, outputs, encoder, map)
            : throw new DecoderException($"The auxiliary head {item.Name} has necks or auxiliary decoders of its own; it takes the features of the main decoder's necks. Leave them out.");
    }

    private static Decoder Read(DecoderRecipe recipe, ModelTask task, int outputs, ModelManifest encoder, bool map)
    {
        var linear = recipe.Name == DecoderName.Linear;
        var name = recipe.Name switch
        {
            DecoderName.Linear => map ? nameof(LinearDecoder) : nameof(IdentityDecoder),
            DecoderName.Conv => nameof(ConvolutionalDecoder),
            DecoderName.Fcn => "FCNDecoder",
            DecoderName.Upernet => nameof(UperNetDecoder),
            DecoderName.Unet => nameof(UNetDecoder),
            DecoderName.Aspp => task == ModelTask.Segmentation ? "ASPPSegmentationHead" : task == ModelTask.Regression ? "ASPPRegressionHead" : "ASPPHead",
            DecoderName.Mlp => "MLPDecoder",
            _ => nameof(IdentityDecoder),
        };
        var arguments = new JsonObject { ["decoder"] = name };
        if (linear && map)
        {
            arguments["decoder_upsampling_size"] = 1;
        }

        if (name == "ASPPRegressionHead")
        {
            arguments["decoder_out_channels"] = outputs;
        }

        if (Channels(recipe, encoder) is { } channels)
        {
            arguments["decoder_channels"] = channels;
        }

        if ((recipe.Stages ?? (recipe.Name == DecoderName.Fcn ? StagesTo(encoder) : null)) is { } stages)
        {
            arguments[recipe.Name == DecoderName.Fcn ? "decoder_num_convs" : "decoder_stages"] = stages;
        }

        Add(recipe.Arguments, "decoder_", arguments);
        Add(recipe.Head, "head_", arguments);
        arguments[task is ModelTask.Regression or ModelTask.ScalarRegression ? "head_num_outputs" : "num_classes"] = outputs;
        if (name is nameof(LinearDecoder) or "ASPPSegmentationHead" or "ASPPRegressionHead")
        {
            RefuseHead(recipe, name);
            arguments.Remove("head_num_outputs");
            arguments["num_classes"] = outputs;
        }

        if (recipe.Necks is { } necks)
        {
            arguments["necks"] = new JsonArray([.. necks.Select(neck => neck.DeepClone())]);
        }

        var decoder = TerraTorchConfiguration.Read(arguments, task);
        return recipe.Necks is null ? decoder with { Necks = null } : decoder;
    }

    private static void RefuseHead(DecoderRecipe recipe, string name)
    {
        if (recipe.Head is { Count: > 0 } head)
        {
            throw new DecoderException($"{name} makes the prediction itself and has no head, but head settings were given ({string.Join(", ", head.Select(item => item.Key))}). Leave them out.");
        }
    }

    private static JsonNode? Channels(DecoderRecipe recipe, ModelManifest encoder)
    {
        if (recipe.Name == DecoderName.Mlp && recipe.Channels is not null)
        {
            throw new DecoderException("The decoder mlp has the channels of the encoder's features; leave out channels.");
        }

        if (recipe.Name != DecoderName.Unet)
        {
            return recipe.Channels is { } given ? given.Count == 1 ? given[0] : new JsonArray([.. given.Select(channels => (JsonNode)channels)])
                : recipe.Name == DecoderName.Aspp ? UsualAsppChannels : null;
        }

        // Tokens become four maps, a pyramid keeps its own number.
        var features = recipe.Necks is null && !IsPyramid(encoder) ? 4 : encoder.Features.Count;
        var numbers = recipe.Channels is { Count: > 1 } list ? list : [.. Enumerable.Range(0, features).Select(feature => Math.Max(1, (recipe.Channels?[0] ?? UsualUNetChannels) >> feature))];
        return new JsonArray([.. numbers.Select(channels => (JsonNode)channels)]);
    }

    private static bool IsPyramid(ModelManifest encoder) =>
        encoder.Features.All(feature => feature.Kind == "map") && encoder.Features.Select(feature => (feature.GridHeight, feature.GridWidth)).Distinct().Count() > 1;

    private static int? StagesTo(ModelManifest encoder) =>
        encoder.Patch is { } patch ? Math.Clamp((int)Math.Round(Math.Log2(patch)), 1, 6) : null;

    private static void Add(JsonObject? from, string prefix, JsonObject to)
    {
        foreach (var (name, value) in from ?? [])
        {
            to[prefix + name] = value?.DeepClone();
        }
    }
}
