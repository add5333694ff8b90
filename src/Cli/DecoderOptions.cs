using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using EoOnnx.Training.Recipes;

namespace EoOnnx.Cli;

/// <summary>The options that say what stands behind an encoder.</summary>
internal sealed class DecoderOptions
{
    private readonly Option<DecoderName> _decoder = SharedOptions.Choice("--decoder", DecoderName.Conv, "What stands behind the encoder.");
    private readonly Option<int[]> _channels = new("--decoder-channels") { Description = "Channels of the decoder: one number, or for unet one a feature. Default: what is usual for it.", HelpName = "256,128", CustomParser = Lists.Integers };
    private readonly Option<int?> _stages = SharedOptions.Optional<int?>("--decoder-stages", "How often conv and fcn double the resolution.", "n");
    private readonly Option<string[]> _necks = new("--neck") { Description = "A step between encoder and decoder under TerraTorch's name, for example '{name: SelectIndices, indices: [1, 3]}'; repeat the option for more. Default: what fits the encoder.", HelpName = "settings" };
    private readonly Option<string?> _arguments = SharedOptions.Optional<string>("--decoder-arguments", "Further arguments of the decoder under TerraTorch's names, for example '{pool_scales: [1, 2]}'.", "settings");
    private readonly Option<string?> _head = SharedOptions.Optional<string>("--head-arguments", "Arguments of the head under TerraTorch's names, for example '{dropout: 0.1}'.", "settings");
    private readonly Option<string[]> _auxiliary = new("--auxiliary") { Description = "A second decoder on the same features with the weight of its loss, for training only, for example fcn=0.4; repeat the option for more.", HelpName = "decoder=weight" };

    /// <summary>The options, in the order of the help.</summary>
    public IReadOnlyList<Option> All => [_decoder, _channels, _stages, _necks, _arguments, _head, _auxiliary];

    /// <summary>The decoder that the command line gives.</summary>
    /// <exception cref="RecipeException">Settings cannot be read.</exception>
    public DecoderRecipe Recipe(ParseResult parsed) => new()
    {
        Name = parsed.GetValue(_decoder),
        Channels = parsed.GetValue(_channels) is { Length: > 0 } channels ? channels : null,
        Stages = parsed.GetValue(_stages),
        Necks = parsed.GetValue(_necks) is { Length: > 0 } necks ? [.. necks.Select(neck => RecipeFile.Settings(neck, "--neck"))] : null,
        Arguments = Settings(parsed, _arguments),
        Head = Settings(parsed, _head),
        Auxiliary = [.. (parsed.GetValue(_auxiliary) ?? []).Select(Auxiliary)],
    };

    private static JsonObject? Settings(ParseResult parsed, Option<string?> option) => parsed.GetValue(option) is { } text ? RecipeFile.Settings(text, option.Name) : null;

    private static AuxiliaryRecipe Auxiliary(string text)
    {
        var words = Enum.GetValues<DecoderName>().ToDictionary(name => JsonNamingPolicy.KebabCaseLower.ConvertName(name.ToString()), StringComparer.OrdinalIgnoreCase);
        return text.Split('=', 2, StringSplitOptions.TrimEntries) is [var name, var number] && words.TryGetValue(name, out var decoder)
            && double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var weight)
                ? new AuxiliaryRecipe { Name = name, Weight = weight, Decoder = new DecoderRecipe { Name = decoder } }
                : throw new UsageException($"--auxiliary is '{text}'; expected a decoder and a weight such as fcn=0.4. Decoders are {string.Join(", ", words.Keys)}.");
    }
}
