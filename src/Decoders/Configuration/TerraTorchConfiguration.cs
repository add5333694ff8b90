using System.Text.Json.Nodes;
using EoOnnx.Formats;

namespace EoOnnx.Decoders.Configuration;

/// <summary>
/// Reads necks, decoder and head from the <c>model_args</c> of a TerraTorch configuration: <c>necks</c>, <c>decoder</c>, <c>decoder_…</c>,
/// <c>head_…</c>, <c>num_classes</c>, <c>rescale</c>. What belongs to the backbone, to PEFT or to auxiliary heads is left to others.
/// </summary>
public static class TerraTorchConfiguration
{
    /// <summary>The decoder that a configuration describes.</summary>
    /// <param name="arguments">The model's arguments.</param>
    /// <param name="task">Decides which head there is.</param>
    /// <exception cref="DecoderException">A part or an argument is not known, or a value does not fit; the message names it and what is possible.</exception>
    public static Decoder Read(JsonObject arguments, ModelTask task)
    {
        // Parsed numbers can be read as any kind of number, made ones only as what they were made of.
        arguments = JsonNode.Parse(arguments.ToJsonString())!.AsObject();
        var model = new ConfigurationArguments("The model", arguments.ToDictionary(item => item.Key, item => item.Value, StringComparer.Ordinal));
        var name = model.Text("decoder") ?? throw new DecoderException("The configuration names no decoder (argument 'decoder').");
        var classes = model.Integer("num_classes");
        try
        {
            var decoder = DecoderConfiguration.Read(name, ConfigurationArguments.Below(name, arguments, "decoder_"), classes);
            return decoder with
            {
                Necks = [.. Necks(model)],
                Rescale = model.Flag("rescale", true),
                Head = decoder.IncludesHead ? null : HeadConfiguration.Read(task, ConfigurationArguments.Below("The head", arguments, "head_"), classes),
            };
        }
        catch (ArgumentOutOfRangeException refusal)
        {
            throw new DecoderException($"The configuration of {name} cannot be used: {refusal.Message}", refusal);
        }
    }

    private static IEnumerable<Necks.Neck> Necks(ConfigurationArguments model) => model.Node("necks") switch
    {
        null => [],
        JsonArray { Count: <= 100 } list => list.Select(item => NeckConfiguration.Read(item is JsonObject neck
            ? new ConfigurationArguments(neck["name"]?.ToString() ?? "A neck", neck.ToDictionary(entry => entry.Key, entry => entry.Value, StringComparer.Ordinal))
            : throw model.Bad("necks", item?.ToJsonString() ?? "null", "a list of dictionaries with a name"))),
        var other => throw model.Bad("necks", other.ToJsonString(), "a list of at most 100 dictionaries with a name"),
    };
}
