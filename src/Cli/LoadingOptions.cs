using System.CommandLine;
using EoOnnx.Runtime;

namespace EoOnnx.Cli;

/// <summary>The options that say how this machine runs a model.</summary>
internal sealed class LoadingOptions
{
    private readonly Option<string?> _device = SharedOptions.Optional<string>("--device", "auto (default), cpu, cuda or cuda:n.", "device");
    private readonly Option<int> _threads = SharedOptions.WithDefault("--threads", 0, "Threads of the model; 0 takes all physical cores.", "count");

    private readonly Option<bool> _deepness = new("--deepness") { Description = "Take a model without metadata as the QGIS plugin Deepness does: values divided by 255, scores are probabilities. Models with its keys are recognised." };
    private readonly Option<DeepnessKind?> _kind = SharedOptions.OptionalChoice<DeepnessKind>("--deepness-kind", "As --deepness, for a model whose file does not say what it is; the plugin has a list of model types to choose from. Default: what the shape of its output suggests.");

    /// <summary>The options, for a verb.</summary>
    public IReadOnlyList<Option> All => [_device, _threads, _deepness, _kind];

    /// <summary>What the command line says.</summary>
    public EoModelOptions Read(ParseResult parsed) => new()
    {
        Device = parsed.GetValue(_device) is { } device ? Device.Parse(device) : Device.Auto,
        Threads = parsed.GetValue(_threads),
        Deepness = parsed.GetValue(_deepness) || parsed.GetValue(_kind) is not null,
        DeepnessKind = parsed.GetValue(_kind),
    };
}
